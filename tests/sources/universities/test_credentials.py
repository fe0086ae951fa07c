"""A credential is tested by itself, takes over in one act, and the one before stands by; who is told before one ends."""

from __future__ import annotations

import datetime as dt
import html
import re
import threading
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ladokflow.http import RemoteError
from ladokflow.messages import Refused
from sources.models import AuditEntry, Credential, Membership, Source
from sources.universities import credentials
from sources.universities.clients import USED_EVERY, check_connection, ladok_for, wiseflow_for
from sources.universities.expiry import tell_of_expiring
from sources.universities.members import update_admin_access
from tests.factories import CredentialFactory, MembershipFactory, SourceFactory

SANDBOXS_KEY = "liu-key"


def in_use(source: Source, system: str = "wiseflow") -> str:
    return Credential.objects.filter(source=source, system=system).in_use().get().label


def beside(source: Source, secret: str = SANDBOXS_KEY, **facts: Any) -> Credential:
    """A new one, as the administration makes it."""
    facts = {"system": "wiseflow", "kind": "api_key", "label": "new", "enabled": False} | facts
    return CredentialFactory(source=source, secret=secret, **facts)


def again(credential: Credential) -> Credential:
    return Credential.objects.select_related("source").get(pk=credential.pk)


def test_a_new_one_is_tested_itself_takes_over_and_the_former_stands_by(liu: Source, lars: Any) -> None:
    new = beside(liu)
    with pytest.raises(Refused):
        credentials.switch_to(new)
    assert all(check.ok for check in credentials.test(new))
    assert (in_use(liu), again(new).is_proven, again(new).test_messages) == ("Sandbox", True, [])
    former = credentials.switch_to(new, actor=lars)
    assert former is not None
    assert (former.label, in_use(liu), again(former).enabled) == ("Sandbox", "new", False)
    assert credentials.switch_to(new) is None
    assert credentials.go_back(new, actor=lars) == former
    assert (in_use(liu), again(new).enabled) == ("Sandbox", False)
    with pytest.raises(Refused):  # it is not in use any more
        credentials.go_back(new)
    credentials.switch_to(new)
    codes = [entry.message["code"] for entry in AuditEntry.objects.order_by("pk")]
    assert codes == [f"sources.audit.credential_{what}" for what in ("switched", "back", "switched")]
    assert AuditEntry.objects.earliest("pk").message["params"] == {
        "system": "WISEflow",
        "former": "Sandbox",
        "label": "new",
    }


@pytest.mark.parametrize("kind", ["api_key", "oauth_client"])
def test_a_wrong_one_changes_nothing_for_the_managers(liu: Source, kind: str) -> None:
    wrong = beside(liu, "pasted by mistake".replace(" ", "-"), kind=kind, client_id="liu")
    assert not any(check.ok for check in credentials.test(wrong))
    assert (again(wrong).has_passed, len(again(wrong).test_messages)) == (False, 1)
    with pytest.raises(Refused) as refused:
        credentials.switch_to(wrong)
    assert refused.value.message.code == "sources.credential_unproven"
    assert in_use(liu) == "Sandbox"
    assert all(check.ok for check in check_connection(liu, "wiseflow"))


@pytest.mark.parametrize(
    "change",
    [{"secret": "typed-meanwhile"}, {"client_id": "x"}, {"kind": "oauth_client", "client_id": "liu"}, "address"],
    ids=str,
)
def test_what_was_tested_is_what_is_stored_now(liu: Source, change: Any) -> None:
    new = beside(liu)
    credentials.test(new)
    if change == "address":
        Source.objects.filter(pk=liu.pk).update(wiseflow_url=liu.wiseflow_url + "/x")
    else:
        for name, value in change.items():
            setattr(new, name, value)
        new.save()
    with pytest.raises(Refused):
        credentials.switch_to(new)


def test_a_test_of_what_has_been_changed_meanwhile_proves_nothing(liu: Source) -> None:
    new = beside(liu)
    stale = again(new)
    new.secret = "typed-meanwhile"
    new.save()
    credentials.test(stale)
    assert not again(new).has_passed


def test_ladok_that_does_not_know_the_course_has_accepted_the_credential(liu: Source, sandbox: Any) -> None:
    sandbox.control.fault("liu", "/exams", "status", times=1, status=404)
    new = beside(liu, "liu-ladok", system="ladok", kind="bearer")
    assert [check.ok for check in credentials.test(new)] == [True, False]
    credentials.switch_to(new)
    assert in_use(liu, "ladok") == "new"


def test_use_is_written_down_now_and_then_and_a_test_is_no_use(liu: Source, django_assert_num_queries: Any) -> None:
    new = beside(liu)
    credentials.test(new)
    assert again(new).last_used_at is None
    for seconds, queries in ((USED_EVERY.total_seconds() + 1, 2), (USED_EVERY.total_seconds() - 5, 1)):
        moment = timezone.now() - dt.timedelta(seconds=seconds)
        Credential.objects.filter(source=liu).update(last_used_at=moment)
        with django_assert_num_queries(queries), ladok_for(liu):
            pass
    assert Credential.objects.get(source=liu, system="ladok").last_used_at == moment


def test_the_pages_lead_from_the_secret_to_the_switch_and_back(liu: Source, lars: Any, client: Client) -> None:
    update_admin_access(lars.pk)
    client.force_login(lars)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    old = Credential.objects.get(source=liu, system="wiseflow")
    page = client.get(reverse("admin:sources_credential_change", args=[old.pk])).content.decode()
    [begun] = re.findall(r'href="([^"]+)">Enter a new one', page)
    form = client.get(html.unescape(begun)).context["adminform"].form
    assert [str(form[name].value() or "") for name in ("source", "system", "kind", "client_id", "secret")] == [
        str(liu.pk), "wiseflow", "oauth_client", "liu", "",
    ]  # fmt: skip
    new = {"source": liu.pk, "system": "wiseflow", "kind": "api_key", "label": "new", "secret": "liu-key"}
    page = client.post(reverse("admin:sources_credential_add"), new, follow=True).content.decode()
    row = Credential.objects.get(label="new")
    assert "off until its test has passed" in page
    assert "Switch over to this one" not in page
    page = client.post(reverse("admin:sources_credential_test", args=[row.pk])).content.decode()
    assert "The credential works. It is off until you switch over to it." in page
    assert "Switch over to this one" in page
    page = client.post(reverse("admin:sources_credential_switch", args=[row.pk]), follow=True).content.decode()
    assert "“new” is in use. “Sandbox” stands by" in page
    assert "Back to “Sandbox”" in page
    page = client.post(reverse("admin:sources_credential_back", args=[row.pk]), follow=True).content.decode()
    assert "“Sandbox” is in use again." in page
    assert in_use(liu) == old.label
    page = client.post(reverse("admin:sources_source_connection", args=[liu.pk])).content.decode()
    assert "Everything works." in page
    assert again(old).is_proven


def test_switching_over_and_back_under_load_fails_no_request(transactional_db: None, liu: Source, sandbox: Any) -> None:
    """Threads that read all the time, each with clients of short and of long life, while what is in use is switched to and fro."""
    new = beside(liu)
    credentials.test(new)
    faults: list[Exception] = []
    reads = [0] * 4
    is_over = threading.Event()

    def read(number: int) -> None:
        try:
            while not is_over.is_set():
                with wiseflow_for(liu) as client:
                    for _ in range(1 + number * 2):
                        client.grading_scales(holding=-1)
                        client.flow_types()
                        reads[number] += 1
        except RemoteError as error:
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=read, args=[number]) for number in range(len(reads))]
    for thread in threads:
        thread.start()
    keys = set()
    for _ in range(6):
        before = sum(reads)
        credentials.switch_to(new)
        keys.add(in_use(liu))
        while sum(reads) < before + 12 and not faults:
            pass
        credentials.go_back(new)
        keys.add(in_use(liu))
    is_over.set()
    for thread in threads:
        thread.join()
    assert faults == []
    assert keys == {"Sandbox", "new"}
    assert all(reads)
    signed_in_with = {
        "x-api-key" in row["headers"]
        for row in sandbox.control.received("wiseflow")
        if row["path"] != "/wiseflow/v1/oauth2/token"
    }
    assert signed_in_with == {True, False}


# --- Before one ends ----------------------------------------------------------------------------------------------


@pytest.fixture
def ending(db: None) -> Credential:
    source = SourceFactory(name="Vårt universitet")
    manager = MembershipFactory(source=source, user__email="owner@ours.example", language="en")
    MembershipFactory(source=source, user__email="other@ours.example")
    MembershipFactory(source=source, user__email="admin@ours.example", role=Membership.Role.LICENCE_ADMIN)
    CredentialFactory(source=source, label="off", enabled=False, expires_at=timezone.now())
    return CredentialFactory(source=source, label="2026", owner=manager.user)


def days_before(credential: Credential, days: float) -> list[str]:
    """Whom the task writes to so long before the end."""
    mail.outbox.clear()
    tell_of_expiring(credential.expires_at - dt.timedelta(days=days))
    return sorted(letter.to[0] for letter in mail.outbox)


def test_licence_admins_and_the_owner_are_told_ninety_thirty_and_seven_days_before_each_once(
    ending: Credential,
) -> None:
    everybody = ["admin@ours.example", "owner@ours.example"]
    ending.expires_on = timezone.localdate() + dt.timedelta(days=400)
    ending.save()
    told = {days: days_before(ending, days) for days in (91, 89, 60, 30, 29, 8, 6.5, 1, -0.5, -3)}
    assert {days for days, to in told.items() if to} == {89, 30, 6.5, -0.5}
    assert all(to == everybody for to in told.values() if to)
    ending.refresh_from_db()
    ending.expires_on = timezone.localdate() + dt.timedelta(days=800)  # the same one, prolonged
    ending.save()
    assert days_before(ending, 89) == everybody
    [letter] = [letter for letter in mail.outbox if letter.to == ["owner@ours.example"]]
    assert letter.subject == "LadokFlow: the credential “2026” of Vårt universitet"
    assert "is valid until" in letter.body
    assert reverse("admin:sources_credential_change", args=[ending.pk]) in letter.body
    assert "secret" not in letter.body


def test_a_mail_server_that_is_down_is_asked_again(ending: Credential, settings: Any) -> None:
    ending.expires_on = timezone.localdate() + dt.timedelta(days=20)
    ending.save()
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = (
        "django.core.mail.backends.smtp.EmailBackend",
        "127.0.0.1",
        9,
    )
    with pytest.raises(OSError, match="refused"):
        tell_of_expiring()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert (tell_of_expiring(), len(mail.outbox)) == (1, 2)
    assert tell_of_expiring() == 0
