"""Signing in at the university, by SAML and by OpenID Connect, at providers that are processes of their own."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.db.models import RestrictedError
from django.test import Client

from ladokflow.messages import message
from ladokflow.pages.errand import COOKIE
from sources.models import (
    AuditEntry,
    FederatedIdentity,
    Membership,
    MembershipRule,
    SecondFactor,
    SeenAssertion,
    SignInScope,
    Source,
)
from tests.factories import PASSWORD, ApiTokenFactory, MembershipFactory, SourceFactory, UserFactory
from tests.pages.walking import main_text, problems_of
from tests.providers.fixtures import oidc_way_back, saml_answer, saml_sign_in

pytestmark = pytest.mark.django_db
ANSWER = "/sign-in/saml/answer/"


@pytest.fixture
def english() -> Client:
    return Client(headers={"accept-language": "en"})


@pytest.fixture
def linkoping(db: None) -> Source:
    source = SourceFactory(name="Linköping")
    SignInScope.objects.create(source=source, scope="liu.example")
    return source


@pytest.fixture
def anna(linkoping: Source) -> User:
    """Known by her organisation id, and by nothing that the provider says besides."""
    user = UserFactory(email="anna.andersson@example.org")
    return MembershipFactory(source=linkoping, user=user, organisation_id="anna@liu.example").user


def who_is_in(client: Client) -> int:
    return int(client.session.get("_auth_user_id", 0))


# --- SAML: what is good


@pytest.mark.parametrize("sign", ["assertion", "response"])
def test_somebody_signs_in_by_saml_and_goes_on_to_the_page_they_asked_for(
    saml: str, english: Client, anna: User, sign: str
) -> None:
    answer = saml_sign_in(english, "/sign-in/saml/?next=/flows/%3Fq%3Da", sign=sign)
    assert answer.headers["Location"] == "/flows/?q=a"
    assert who_is_in(english) == anna.pk
    identity = FederatedIdentity.objects.get()
    assert (identity.user, identity.issuer, identity.subject) == (
        anna,
        f"{saml}/metadata",
        "persistent:persistent-anna",
    )
    assert (identity.principal_name, identity.local_id) == ("anna@liu.example", "lin-of-anna")
    assert identity.assurance == ["https://refeds.org/assurance/IAP/high"]
    assert AuditEntry.objects.get(source__name="Linköping").actor == anna
    # From now on by issuer and subject, whatever else the provider says.
    Membership.objects.update(organisation_id="another")
    english.post("/sign-out/")
    assert who_is_in(english) == 0
    assert saml_sign_in(english).status_code == 302
    assert who_is_in(english) == anna.pk


@pytest.mark.parametrize("number", [0, 1])
def test_an_answer_encrypted_for_either_of_our_keys_is_read(
    saml: str, settings: Any, our_keys: Any, english: Client, anna: User, number: int
) -> None:
    settings.SAML_KEYS = "\n".join(part for pair in our_keys for part in pair)
    assert saml_sign_in(english, certificate=our_keys[number][1]).status_code == 302
    assert who_is_in(english) == anna.pk


def test_an_answer_encrypted_for_somebody_else_is_told(
    saml: str, settings: Any, our_keys: Any, english: Client, anna: User
) -> None:
    answer = saml_sign_in(english, certificate=our_keys[1][1])
    assert "encrypted for a key that LadokFlow does not have" in answer.text


def test_whom_the_provider_has_asked_for_a_second_factor_needs_no_other(saml: str, anna: User) -> None:
    SecondFactor.objects.create(user=anna, kind="app", name="phone", secret="JBSWY3DPEHPK3PXP")
    for given, goes_to in (({"mfa": "on"}, "/"), ({}, "/sign-in/second-factor/")):
        client = Client()
        assert saml_sign_in(client, **given).headers["Location"] == goes_to
        assert who_is_in(client) == (anna.pk if given else 0)


# --- SAML: what is refused, and told


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("changed", "signature"),
        ("foreign", "signature"),
        ("unsigned", "signature"),
        ("expired", "expired"),
        ("early", "expired"),
        ("audience", "audience"),
        ("no audience", "audience"),
        ("unsolicited", "unsolicited"),
        ("another", "unsolicited"),
        ("recipient", "recipient"),
        ("destination", "recipient"),
        ("issuer", "issuer"),
        ("declined", "declined"),
        ("comment", "unreadable"),
        ("document type", "unreadable"),
        ("nobody", "no_subject"),
        ("wrapped beside", ""),
        ("wrapped inside", ""),
        ("wrapped in extensions", ""),
        ("wrapped with the same id", ""),
    ],
)
def test_an_answer_that_is_not_as_it_should_be_lets_nobody_in_and_says_why(
    saml: str, english: Client, anna: User, caplog: pytest.LogCaptureFixture, wrong: str, code: str
) -> None:
    for name in ("mallory", "passing-by"):
        MembershipFactory(source=Source.objects.get(), organisation_id=f"{name}@liu.example")
    caplog.set_level(logging.WARNING)
    logging.getLogger("ladokflow").addHandler(caplog.handler)
    answer = saml_sign_in(english, wrong=wrong)
    logging.getLogger("ladokflow").removeHandler(caplog.handler)
    assert answer.status_code == 403
    assert who_is_in(english) == 0
    assert not FederatedIdentity.objects.exists()
    assert f"code=federation.{code}" in caplog.text
    if code:
        assert message(f"federation.{code}").what in main_text(answer.text)
    assert problems_of(answer.text) == []


def test_another_universitys_names_are_not_believed(saml: str, english: Client, anna: User) -> None:
    answer = saml_sign_in(english, scope="oru.example")
    assert answer.status_code == 403
    assert "you belong to oru.example, which it does not speak for" in answer.text


@pytest.mark.parametrize("answered", ["", "!!", "PHg+", "bm8geG1s", "A" * 1000])
def test_what_is_no_answer_is_told(saml: str, english: Client, answered: str) -> None:
    saml_answer(english)
    answer = english.post(ANSWER, {"SAMLResponse": answered})
    assert (answer.status_code, who_is_in(english)) == (403, 0)


def test_an_answer_lets_somebody_in_once(saml: str, english: Client, anna: User) -> None:
    answered = saml_answer(english)
    cookie = english.cookies[COOKIE].value
    assert english.post(ANSWER, {"SAMLResponse": answered}).status_code == 302
    thief = Client(headers={"accept-language": "en"})
    thief.cookies[COOKIE] = cookie
    assert "has been used before" in thief.post(ANSWER, {"SAMLResponse": answered}).text
    assert who_is_in(thief) == 0
    assert SeenAssertion.objects.count() == 1


def test_an_answer_is_taken_from_the_browser_that_asked_only(saml: str, english: Client, anna: User) -> None:
    answered = saml_answer(english)
    other = Client(headers={"accept-language": "en"})
    assert "No sign-in is under way in this browser" in other.post(ANSWER, {"SAMLResponse": answered}).text
    saml_answer(other)
    assert "belongs to no sign-in that was begun here" in other.post(ANSWER, {"SAMLResponse": answered}).text
    english.cookies[COOKIE] = english.cookies[COOKIE].value[:-2] + "xx"
    assert english.post(ANSWER, {"SAMLResponse": answered}).status_code == 403


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_a_sign_in_leads_nowhere_else(saml: str, anna: User, wanted: str) -> None:
    assert saml_sign_in(Client(), f"/sign-in/saml/?next={wanted}").headers["Location"] == "/"


# --- Who it is here


def test_who_has_no_place_here_reads_whom_to_ask_and_gets_no_account(
    saml: str, english: Client, linkoping: Source
) -> None:
    admin = UserFactory(email="lars@liu.example", first_name="Lars", last_name="Larsson")
    MembershipFactory(source=linkoping, user=admin, role="licence_admin")
    answer = saml_sign_in(english)
    assert answer.status_code == 403
    text = main_text(answer.text)
    assert "You have no place here yet" in text
    assert "Lars Larsson, Linköping" in text
    assert 'href="mailto:lars@liu.example"' in answer.text
    assert "anna@liu.example" in text
    assert problems_of(answer.text) == []
    assert who_is_in(english) == 0
    assert not FederatedIdentity.objects.exists()
    assert User.objects.count() == 1


def test_nobody_is_taken_for_an_account_by_their_address_or_in_a_scope_that_is_not_named(saml: str) -> None:
    """The provider says anna@liu.example, as a name and as an address."""
    MembershipFactory(user=UserFactory(email="anna@liu.example"), organisation_id="anna@liu.example")
    assert saml_sign_in(Client()).status_code == 403


def test_a_member_elsewhere_or_a_superuser_is_not_taken_for_by_name(saml: str, anna: User) -> None:
    """Or the licence admin of one university could have somebody else sign in as another's member."""
    elsewhere = MembershipFactory(user=anna, organisation_id="anna@oru.example")
    assert saml_sign_in(Client()).status_code == 403
    elsewhere.delete()
    User.objects.filter(pk=anna.pk).update(is_superuser=True)
    assert saml_sign_in(Client()).status_code == 403
    User.objects.filter(pk=anna.pk).update(is_superuser=False, is_active=False)
    assert "switched off" in saml_sign_in(Client(headers={"accept-language": "en"})).text
    User.objects.filter(pk=anna.pk).update(is_active=True)
    FederatedIdentity.objects.create(user=anna, protocol="saml", issuer=f"{saml}/metadata", subject="persistent:former")
    assert saml_sign_in(Client()).status_code == 403  # a name that has been given to somebody else


def test_a_rule_makes_a_member_and_takes_the_place_away_again(saml: str, linkoping: Source) -> None:
    rule = MembershipRule.objects.create(
        source=linkoping,
        issuer=f"{saml}/metadata",
        attribute="eduPersonEntitlement",
        value="urn:mace:liu.example:ladokflow:manager",
    )
    assert saml_sign_in(Client()).status_code == 302
    membership = Membership.objects.get()
    assert (membership.role, membership.organisation_id, membership.can_export) == (
        "manager",
        "anna@liu.example",
        False,
    )
    assert not membership.user.has_usable_password()
    assert (membership.user.username, membership.user.email) == ("anna@liu.example", "anna@liu.example")
    MembershipRule.objects.update(role="licence_admin", can_export=True)
    saml_sign_in(Client())
    membership.refresh_from_db()
    assert (membership.role, membership.can_export) == ("licence_admin", True)
    assert User.objects.get().is_staff
    rule.delete()
    assert saml_sign_in(Client()).status_code == 403
    assert not Membership.objects.exists()
    assert not User.objects.get().is_staff
    assert [entry.message["code"] for entry in AuditEntry.objects.order_by("pk")] == [
        "identity.member_by_rule",
        "identity.linked",
        "identity.member_changed_by_rule",
        "identity.member_gone_by_rule",
    ]


def test_a_place_by_rule_ends_with_the_sign_in_that_brought_it(saml: str, linkoping: Source, english: Client) -> None:
    MembershipRule.objects.create(
        source=linkoping,
        issuer=f"{saml}/metadata",
        attribute="eduPersonEntitlement",
        value="urn:mace:liu.example:ladokflow:manager",
        role="licence_admin",
    )
    saml_sign_in(english)
    by_rule = Membership.objects.get()
    by_hand = MembershipFactory(user=by_rule.user)
    ApiTokenFactory(membership=by_rule, label="Nightly list")
    by_rule.user.set_password(PASSWORD)
    by_rule.user.save()
    english.force_login(by_rule.user)
    assert "Your place at Linköping came with it" in main_text(english.get("/preferences/").text)
    identity = FederatedIdentity.objects.get()
    with pytest.raises(RestrictedError):  # no other way leaves the place behind as if it had been given by hand
        identity.delete()
    english.post(f"/preferences/university/{identity.pk}/leave/")
    assert list(Membership.objects.all()) == [by_hand]
    assert not User.objects.get(pk=by_rule.user_id).is_staff
    assert [entry.message["code"] for entry in AuditEntry.objects.filter(source=linkoping).order_by("pk")][-3:] == [
        "identity.unlinked",
        "identity.member_gone_by_rule",
        "admin.api_access_deleted",
    ]


def test_a_rule_is_another_providers_and_leaves_a_place_by_hand_alone(saml: str, linkoping: Source, anna: User) -> None:
    value = {
        "attribute": "eduPersonEntitlement",
        "value": "urn:mace:liu.example:ladokflow:manager",
        "role": "licence_admin",
    }
    other = SourceFactory()
    MembershipRule.objects.create(source=linkoping, issuer=f"{saml}/metadata", **value)
    MembershipRule.objects.create(source=other, issuer="https://idp.evil.example", **value)
    saml_sign_in(Client())
    assert Membership.objects.get().role == "manager"


def test_somebody_joins_it_to_their_account_and_takes_it_off_again(saml: str, linkoping: Source) -> None:
    bodil = MembershipFactory(source=linkoping).user
    client = Client()
    client.post("/sign-in/", {"username": bodil.username, "password": PASSWORD})
    assert "saml/?join" in client.get("/preferences/").text
    assert saml_sign_in(client, "/sign-in/saml/?join&next=/preferences/").headers["Location"] == "/preferences/"
    assert FederatedIdentity.objects.get().user == bodil
    mallory = MembershipFactory(source=linkoping).user
    other = Client(headers={"accept-language": "en"})
    other.force_login(mallory)
    assert "already belongs to another account" in saml_sign_in(other, "/sign-in/saml/?join").text
    identity = FederatedIdentity.objects.get()
    assert other.post(f"/preferences/university/{identity.pk}/leave/").status_code == 404
    client.post(f"/preferences/university/{identity.pk}/leave/")
    assert not FederatedIdentity.objects.exists()


# --- Metadata


@pytest.mark.parametrize("wrong", ["unsigned", "foreign", "changed", "wrapped", "expired"])
def test_metadata_that_the_federation_has_not_signed_are_not_believed(
    saml: str, settings: Any, english: Client, anna: User, wrong: str
) -> None:
    settings.SAML_MDQ_URL = settings.SAML_DISCOVERY_URL = ""
    settings.SAML_METADATA_URL = f"{saml}/federation?wrong={wrong}"
    answer = english.get("/sign-in/saml/")
    assert answer.status_code == 502
    assert ("expired" if wrong == "expired" else "not signed by the federation") in answer.text


def test_one_chooses_among_several_and_one_alone_is_not_asked_about(
    saml: str, settings: Any, english: Client, anna: User
) -> None:
    settings.SAML_MDQ_URL = settings.SAML_DISCOVERY_URL = ""
    settings.SAML_METADATA_URL = f"{saml}/federation"
    page = english.get("/sign-in/saml/?next=/flows/")
    assert "Örebro universitet" in page.text
    assert problems_of(page.text) == []
    chosen = english.get("/sign-in/saml/chosen/", {"entityID": f"{saml}/metadata"})
    assert chosen.headers["Location"].startswith(f"{saml}/sso?SAMLRequest=")
    assert "Signature=" in chosen.headers["Location"]
    settings.SAML_METADATA_URL, settings.SAML_METADATA_CERTIFICATE = "", ""
    settings.SAML_METADATA = httpx.get(f"{saml}/metadata").text
    assert english.get("/sign-in/saml/").headers["Location"].startswith(f"{saml}/sso?")


def test_a_provider_that_nobody_knows_is_told(saml: str, english: Client) -> None:
    english.get("/sign-in/saml/")
    assert english.get("/sign-in/saml/chosen/", {"entityID": "https://nobody.example"}).status_code == 403
    assert english.get("/sign-in/saml/chosen/").headers["Location"] == "/sign-in/"


def test_nothing_is_offered_that_is_not_set(client: Client) -> None:
    assert "/sign-in/saml/" not in client.get("/sign-in/").text
    for name in ("saml/", "saml/chosen/", "oidc/", "oidc/answer/"):
        assert client.get(f"/sign-in/{name}").headers["Location"] == "/sign-in/"
    assert client.post(ANSWER).headers["Location"] == "/sign-in/"


# --- OpenID Connect


def test_somebody_signs_in_by_openid_connect(openid: str, anna: User) -> None:
    client = Client()
    assert "/sign-in/oidc/?" in client.get("/sign-in/").text
    back = oidc_way_back(client, "/sign-in/oidc/?next=/flows/")
    assert client.get(back).headers["Location"] == "/flows/"
    assert who_is_in(client) == anna.pk
    identity = FederatedIdentity.objects.get()
    assert (identity.issuer, identity.subject) == (f"{openid}/o", "subject-of-anna")
    assert identity.principal_name == "anna@liu.example"
    assert client.get(back).status_code == 403  # once


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("audience", "meant for another service"),
        ("issuer", "another identity provider"),
        ("expired", "not valid at this time"),
        ("nonce", "belongs to no sign-in that was begun here"),
        ("signature", "not signed with a key of its own"),
        ("none", "not signed with a key of its own"),
    ],
)
def test_a_token_that_is_not_as_it_should_be_lets_nobody_in_and_says_why(
    openid: str, english: Client, anna: User, wrong: str, said: str
) -> None:
    httpx.get(f"{openid}/wrong/", params={"with": wrong})
    answer = english.get(oidc_way_back(english))
    assert (answer.status_code, who_is_in(english)) == (403, 0)
    assert said in main_text(answer.text)


def test_another_browser_another_state_or_a_used_code_lets_nobody_in(openid: str, english: Client, anna: User) -> None:
    back = oidc_way_back(english)
    other = Client(headers={"accept-language": "en"})
    assert "No sign-in is under way" in other.get(back).text
    other.get("/sign-in/oidc/")
    assert "belongs to no sign-in that was begun here" in other.get(back).text
    other.get("/sign-in/oidc/")
    assert "belongs to no sign-in that was begun here" in other.get("/sign-in/oidc/answer/?code=x&state=åäö").text
    cookie = english.cookies[COOKIE].value
    assert english.get(back).status_code == 302
    other.cookies[COOKIE] = cookie
    assert "did not answer as it should" in other.get(back).text  # the code has been used
    state = back.partition("state=")[2].partition("&")[0]
    other.cookies[COOKIE] = cookie
    assert "did not sign you in" in other.get(f"/sign-in/oidc/answer/?error=access_denied&state={state}").text
    other.cookies[COOKIE] = cookie
    assert "another identity provider" in other.get(f"{back}&iss=https://evil.example").text
    assert who_is_in(other) == 0


def test_a_provider_that_does_not_answer_is_told(openid: str, settings: Any, english: Client) -> None:
    settings.OIDC_ISSUER = "http://127.0.0.1:9/o"
    answer = english.get("/sign-in/oidc/")
    assert answer.status_code == 502
    assert "127.0.0.1 did not answer as it should" in answer.text


def test_a_group_makes_a_member_and_an_unverified_address_is_not_kept(openid: str, linkoping: Source) -> None:
    MembershipRule.objects.create(
        source=linkoping, issuer=f"{openid}/o", attribute="groups", value="ladokflow-managers", can_export=True
    )
    httpx.get(f"{openid}/wrong/", params={"with": "unverified"})
    client = Client()
    client.get(oidc_way_back(client))
    membership = Membership.objects.get()
    assert (membership.can_export, membership.user.email) == (True, "")
    assert who_is_in(client) == membership.user_id


# --- In a browser, from another site


@pytest.mark.parametrize("kind", ["saml", "oidc"])
def test_the_whole_way_in_a_browser(
    open_page: Any, live_server: Any, settings: Any, anna: User, kind: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue({"saml": "saml", "oidc": "openid"}[kind])
    settings.PUBLIC_URL = live_server.url
    settings.SECURE_HTTPS = (
        kind == "saml"
    )  # the provider is another site: the answer brings along what says that it may
    settings.SAML_ENTITY_ID = f"{live_server.url}/sign-in/saml/metadata/"
    page = open_page(java_script_enabled=kind == "saml", may_complain=True)
    page.goto("/flows/")
    page.click(f'a[href^="/sign-in/{kind}/"]')
    if kind == "saml":
        page.click("#liu")
        page.fill('input[name="person"]', "anna")
        page.click("button")
        page.click("button")
    else:
        page.fill('input[name="username"]', "anna")
        page.fill('input[name="password"]', "at the university")
        page.click("button")
    page.wait_for_selector(".bar__user")
    assert page.url == f"{live_server.url}/flows/"
    assert FederatedIdentity.objects.get().user == anna
    page.click('form[action="/sign-out/"] button')
    page.goto("/flows/")
    assert "/sign-in/" in page.url
