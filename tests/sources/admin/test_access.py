"""API tokens, OAuth clients and outgoing webhooks in the administration: made, shown once, switched, renewed, deleted; each on record."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from ladokflow.messages import Message
from sources.models import ApiToken, AuditEntry, Delivery, OAuthClient, Scope, Subscription
from sources.models.api import digest_of
from sources.universities import rights
from tests.api.calling import Caller
from tests.factories import ApiTokenFactory, MembershipFactory, OAuthClientFactory, SubscriptionFactory, UserFactory
from tests.filling import form_on

SECRET = re.compile(r'<code class="secret">([^<]+)</code>')
FACTORIES = {"apitoken": ApiTokenFactory, "oauthclient": OAuthClientFactory, "subscription": SubscriptionFactory}
MODELS: dict[str, Any] = {"apitoken": ApiToken, "oauthclient": OAuthClient, "subscription": Subscription}


def address(page: str, verb: str, *args: Any) -> str:
    return reverse(f"admin:sources_{page}_{verb}", args=args)


def row_of(page: str, source: Any, **fields: Any) -> Any:
    if page == "subscription":
        return SubscriptionFactory(source=source, **fields)
    return FACTORIES[page](membership=source.memberships.order_by("pk").first(), **fields)


def new(page: str, source: Any, **fields: Any) -> dict[str, Any]:
    if page == "subscription":
        given = {"source": source.pk, "url": "https://example.org/told", "events": ["flow.failed"]}
    else:
        given = {"membership": source.memberships.order_by("pk").first().pk, "scopes": ["flows.read"]}
    return {"label": "Datalagret", "enabled": "on", **given, **fields}


def secret_in(client: Client, response: Any) -> str:
    """It is shown on the page that one is led to."""
    assert response.status_code == 302, response.context and response.context["adminform"].form.errors
    response = client.get(response.headers["Location"])
    assert "no-store" in response.headers["Cache-Control"]
    (secret,) = SECRET.findall(response.content.decode())
    return str(secret)


def told(source: Any) -> list[str]:
    return [str(Message.from_json(entry.message)) for entry in AuditEntry.objects.filter(source=source).order_by("pk")]


@pytest.mark.parametrize("page", MODELS)
def test_a_secret_is_shown_once_when_it_is_made_and_when_it_is_renewed(as_admin: Client, cast: Any, page: str) -> None:
    first = secret_in(as_admin, as_admin.post(address(page, "add"), new(page, cast.ours)))
    row = MODELS[page].objects.get()
    change = address(page, "change", row.pk)
    second = secret_in(as_admin, as_admin.post(address(page, "secret", row.pk)))
    row.refresh_from_db()
    assert first != second
    assert second in (row.secret if page == "subscription" else second)
    if page != "subscription":
        assert row.secret_hash == digest_of(second)
    shown = [as_admin.get(each).content.decode() for each in (change, address(page, "changelist"))]
    assert not [secret for secret in (first, second) for text in shown if secret in text]
    assert not [text for text in told(cast.ours) if first in text or second in text]


@pytest.mark.parametrize("page", MODELS)
def test_a_new_secret_is_asked_about_first_and_made_once(as_admin: Client, cast: Any, page: str) -> None:
    row = row_of(page, cast.ours)
    shown_at, stored = address(page, "secret", row.pk), "secret" if page == "subscription" else "secret_hash"
    before = getattr(MODELS[page].objects.get(), stored)
    asked = as_admin.get(shown_at).text
    assert form_on(asked)
    assert getattr(MODELS[page].objects.get(), stored) == before
    secret = secret_in(as_admin, as_admin.post(shown_at))
    made = getattr(MODELS[page].objects.get(), stored)
    again = as_admin.get(shown_at).text  # the page is loaded again
    assert secret not in again
    assert getattr(MODELS[page].objects.get(), stored) == made != before
    assert not SECRET.search(as_admin.get(shown_at).text)


def test_a_secret_that_waits_to_be_shown_is_encrypted_and_shown_with_its_own_row_only(
    as_admin: Client, cast: Any
) -> None:
    rows = [row_of("apitoken", cast.ours), row_of("apitoken", cast.ours)]
    as_admin.post(address("apitoken", "secret", rows[0].pk))
    assert "lft_" not in str(dict(as_admin.session))
    assert not SECRET.search(as_admin.get(address("apitoken", "secret", rows[1].pk)).text)


def test_what_is_made_works_at_once_and_until_it_is_disabled(as_admin: Client, cast: Any) -> None:
    caller = Caller(secret_in(as_admin, as_admin.post(address("apitoken", "add"), new("apitoken", cast.ours))))
    assert caller.get("/me").json()["actsAs"] == "lars@ours.example"
    row = ApiToken.objects.get()
    assert row.created_by == cast.admin
    for action, status in (("disable", 401), ("disable", 401), ("enable", 200)):
        as_admin.post(address("apitoken", "changelist"), {"action": action, "_selected_action": row.pk})
        assert caller.get("/me").status_code == status
    as_admin.post(address("apitoken", "change", row.pk), new("apitoken", cast.ours, scopes=["exams.read"]))
    assert caller.get("/me").json()["scopes"] == ["exams.read"]
    as_admin.post(address("apitoken", "delete", row.pk), {"post": "yes"})
    assert caller.get("/me").status_code == 401


@pytest.mark.parametrize("page", MODELS)
def test_every_change_is_on_record_with_what_was_and_what_is(as_admin: Client, cast: Any, page: str) -> None:
    as_admin.post(address(page, "add"), new(page, cast.ours))
    row = MODELS[page].objects.get()
    as_admin.post(address(page, "change", row.pk), new(page, cast.ours, label="Lagret"))
    as_admin.post(address(page, "secret", row.pk))
    for action in ("disable", "disable", "enable"):
        as_admin.post(address(page, "changelist"), {"action": action, "_selected_action": row.pk})
    as_admin.post(address(page, "delete", row.pk), {"post": "yes"})
    entries = AuditEntry.objects.filter(source=cast.ours).order_by("pk")
    done = [entry.message["code"].rpartition("_")[2] for entry in entries]
    assert done == ["added", "changed", "renewed", "disabled", "enabled", "deleted"]
    assert {entry.actor for entry in entries} == {cast.admin}
    assert ["label", "Datalagret", "Lagret"] in entries[1].message["params"]["fields"]["rows"]
    assert as_admin.get(address("auditentry", "changelist")).status_code == 200


def test_the_other_licence_admins_and_the_member_are_told(as_admin: Client, cast: Any) -> None:
    second = MembershipFactory(source=cast.ours, role="licence_admin").user
    given = new("apitoken", cast.ours, membership=cast.ours.memberships.get(user=cast.manager).pk)
    as_admin.post(address("apitoken", "add"), given)
    rights.tell(AuditEntry.objects.latest("pk").pk)
    assert {address for letter in mail.outbox for address in letter.to} == {second.email, cast.manager.email}
    assert "Datalagret" in mail.outbox[0].body


@pytest.mark.parametrize("page", [*MODELS, "delivery"])
def test_what_is_of_another_university_is_not_there(as_admin: Client, cast: Any, page: str) -> None:
    def make(source: Any) -> Any:
        if page == "delivery":
            return Delivery.objects.create(subscription=SubscriptionFactory(source=source), event="test")
        return row_of(page, source)

    ours, theirs = make(cast.ours), make(cast.theirs)
    listed = as_admin.get(address(page, "changelist"))
    assert {row.pk for row in listed.context["cl"].result_list} == {ours.pk}
    assert as_admin.get(address(page, "change", ours.pk)).status_code == 200
    for verb in ("change", "delete", "history", *(("secret",) if page != "delivery" else ())):
        assert as_admin.post(address(page, verb, theirs.pk), {"post": "yes"}).status_code == 404
    as_admin.post(address(page, "changelist"), {"action": "disable", "_selected_action": theirs.pk})
    theirs.refresh_from_db()
    assert getattr(theirs, "enabled", True)


@pytest.mark.parametrize("page", MODELS)
def test_nothing_is_made_for_another_university(as_admin: Client, cast: Any, page: str) -> None:
    response = as_admin.post(address(page, "add"), new(page, cast.theirs))
    assert response.context["adminform"].form.errors.keys() == {"source" if page == "subscription" else "membership"}
    assert not MODELS[page].objects.exists()


@pytest.mark.parametrize(
    ("page", "fields", "wrong"),
    [
        ("apitoken", {"scopes": []}, "scopes"),
        ("apitoken", {"scopes": ["everything"]}, "scopes"),
        ("apitoken", {"expires_at_0": "2020-01-01", "expires_at_1": "00:00"}, "expires_at"),
        ("apitoken", {"label": ""}, "label"),
        ("subscription", {"events": ["test"]}, "events"),
        ("subscription", {"url": "http://example.org/x"}, "url"),
        ("subscription", {"url": "https://me:secret@example.org/x"}, "url"),
        ("subscription", {"url": "https://169.254.169.254/x"}, "url"),
    ],
)
def test_what_cannot_work_is_refused(as_admin: Client, cast: Any, page: str, fields: Any, wrong: str) -> None:
    response = as_admin.post(address(page, "add"), new(page, cast.ours, **fields))
    assert wrong in response.context["adminform"].form.errors


def test_a_label_is_used_once(as_admin: Client, cast: Any) -> None:
    secret_in(as_admin, as_admin.post(address("apitoken", "add"), new("apitoken", cast.ours)))
    again = as_admin.post(address("apitoken", "add"), new("apitoken", cast.ours))
    assert again.context["adminform"].form.errors
    assert ApiToken.objects.count() == 1


def test_a_manager_makes_none(client: Client, cast: Any) -> None:
    client.force_login(cast.manager)
    for page in MODELS:
        assert client.post(address(page, "add"), new(page, cast.ours)).status_code == 302
        assert not MODELS[page].objects.exists()


def test_what_a_member_may_not_do_is_shown_in_brackets(as_admin: Client, cast: Any) -> None:
    member = cast.ours.memberships.get(user=cast.manager)
    type(member).objects.filter(pk=member.pk).update(can_export=False)
    ApiTokenFactory(membership=member, scopes=[Scope.FLOWS_READ, Scope.GRADES_EXPORT])
    listed = as_admin.get(address("apitoken", "changelist"), headers={"accept-language": "en"}).text
    assert "Read flows, synchronisations and exports, (Export grades, and try again)" in listed


def test_what_acts_as_a_member_goes_with_the_membership_and_that_is_on_record(as_admin: Client, cast: Any) -> None:
    member = cast.ours.memberships.get(user=cast.manager)
    row = ApiTokenFactory(membership=member)
    assert row.label in as_admin.get(address("membership", "delete", member.pk)).content.decode()
    as_admin.post(address("membership", "delete", member.pk), {"post": "yes"})
    assert not ApiToken.objects.exists()
    assert any(row.label in text for text in told(cast.ours))


def test_a_test_call_is_sent_from_the_list(as_admin: Client, cast: Any) -> None:
    row = row_of("subscription", cast.ours)
    as_admin.post(address("subscription", "changelist"), {"action": "test", "_selected_action": row.pk})
    delivery = Delivery.objects.get()
    assert (delivery.subscription, delivery.event) == (row, "test")
    assert as_admin.get(address("delivery", "change", delivery.pk)).status_code == 200
    assert "flow" not in delivery.payload
    as_admin.post(address("subscription", "delete", row.pk), {"post": "yes"})
    assert not Subscription.objects.exists()  # and its deliveries went with it


def test_a_letter_about_a_token_leads_to_the_tokens(as_admin: Client, cast: Any) -> None:
    MembershipFactory(source=cast.ours, role="licence_admin", language="en")
    as_admin.post(address("apitoken", "add"), new("apitoken", cast.ours, scopes=["flows.read"]))
    rights.tell(AuditEntry.objects.latest("pk").pk)
    told = mail.outbox[-1].body
    assert reverse("admin:sources_apitoken_changelist") in told or "/admin/" not in told
    assert any(reverse("admin:sources_apitoken_changelist") in letter.body for letter in mail.outbox)


def test_what_a_token_may_is_in_words_in_lists_and_for_whoever_only_reads(client: Client, cast: Any) -> None:
    auditor = MembershipFactory(
        source=cast.ours, role="auditor", can_export=False, user=UserFactory(is_staff=True)
    ).user
    token = ApiTokenFactory(membership=cast.ours.memberships.order_by("pk").first(), scopes=["flows.read"])
    client.force_login(auditor)
    for page in (address("apitoken", "changelist"), address("apitoken", "change", token.pk)):
        text = client.get(page, headers={"accept-language": "en"}).text
        assert "Read flows, synchronisations and exports" in text
        assert "flows.read" not in text


WITHOUT_RIGHT = "You may not do this yourself at Vårt universitet"


@pytest.fixture
def exporter(cast: Any) -> Any:
    """A member who may export, at a source whose licence admin may not."""
    cast.ours.memberships.filter(user=cast.admin).update(can_export=False)
    return cast.ours.memberships.get(user=cast.manager)


@pytest.mark.parametrize("page", ["apitoken", "oauthclient"])
def test_nobody_makes_what_may_do_more_than_they_may(as_admin: Client, cast: Any, exporter: Any, page: str) -> None:
    given = new(page, cast.ours, membership=exporter.pk, scopes=["flows.read", "grades.export"])
    response = as_admin.post(address(page, "add"), given, headers={"accept-language": "en"})
    (error,) = response.context["adminform"].form.errors["scopes"]
    assert WITHOUT_RIGHT in error
    assert "flows.read" not in error
    assert not MODELS[page].objects.exists()


@pytest.mark.parametrize("page", ["apitoken", "oauthclient"])
def test_an_operator_who_reads_no_flow_makes_nothing_that_does_and_shuts_it_off(
    as_root: Client, cast: Any, page: str
) -> None:
    assert as_root.post(address(page, "add"), new(page, cast.ours)).status_code == 403
    assert not MODELS[page].objects.exists()
    row: Any = FACTORIES[page](membership__source=cast.ours)
    for action in ("disable", "enable"):
        as_root.post(address(page, "changelist"), {"action": action, "_selected_action": row.pk})
        row.refresh_from_db()
        assert not row.enabled


@pytest.mark.parametrize("page", ["apitoken", "oauthclient"])
def test_nobody_gets_the_secret_of_what_may_do_more_than_they_may(
    as_admin: Client, cast: Any, exporter: Any, page: str
) -> None:
    row: Any = FACTORIES[page](membership=exporter, scopes=["flows.read", "grades.mark"])
    before = row.secret_hash
    shown = as_admin.get(address(page, "change", row.pk), headers={"accept-language": "en"}).text
    assert WITHOUT_RIGHT in shown
    assert address(page, "secret", row.pk) not in shown
    as_admin.post(address(page, "secret", row.pk))
    changed = new(page, cast.ours, scopes=["flows.read", "grades.export"])
    assert as_admin.post(address(page, "change", row.pk), changed).status_code == 200
    as_admin.post(address(page, "changelist"), {"action": "disable", "_selected_action": row.pk})
    as_admin.post(address(page, "changelist"), {"action": "enable", "_selected_action": row.pk})
    row.refresh_from_db()
    assert (row.secret_hash, row.scopes, row.enabled) == (before, ["flows.read", "grades.mark"], False)
    assert as_admin.post(address(page, "change", row.pk), new(page, cast.ours)).status_code == 302
    row.refresh_from_db()
    assert row.scopes == ["flows.read"]


def test_who_may_export_makes_a_token_that_exports(as_admin: Client, cast: Any) -> None:
    given = new("apitoken", cast.ours, scopes=["flows.read", "grades.export"])
    secret_in(as_admin, as_admin.post(address("apitoken", "add"), given))
