"""The e-mail of what needs a manager: who is told what, in which language, and each thing only once."""

import datetime as dt
import re
import signal
import subprocess
import sys

import pytest
from django.core import mail
from django.utils import timezone

from exports import tasks
from exports.attempts.start import retry_export
from exports.models import DigestEntry, DigestReader, ExportAttempt, ExportItem
from exports.operation import digest
from ladokflow.messages import message
from sources.models import Flow, Membership, SyncRun
from tests.environment import ROOT
from tests.factories import (
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
    SourceFactory,
    SyncRunFactory,
)

pytestmark = pytest.mark.django_db

NIGHT, MANAGER = SyncRun.Trigger.NIGHT, SyncRun.Trigger.MANAGER
DOWN = message("remote.server_error", system="Ladok", status=500).to_json()
BRAKE = message("sources.brake_half", code="TEN1", before=40, now=3).to_json()


def ago(**span):
    return timezone.now() - dt.timedelta(**span)


@pytest.fixture
def source():
    """Its night began an hour ago."""
    made = SourceFactory(name="Linköpings universitet")
    made.sync_at = ago(hours=1).astimezone(made.tz).time().replace(microsecond=0)
    made.save()
    return made


@pytest.fixture
def anna(source):
    user = {"user__email": "anna@liu.example", "user__username": "anna@liu.example"}
    return MembershipFactory(source=source, organisation_id="annan12@liu.example", **user)


def failed_export(manager, *, failed=2, unknown=0, minutes=20, **fields):
    """A flow of the manager's whose export has ended badly."""
    flow = FlowFactory(source=manager.source, created_by=manager.user, export_state="failed", **fields)
    return failed_again(flow, failed=failed, unknown=unknown, minutes=minutes).flow


def failed_again(flow, *, failed=1, unknown=0, minutes=20):
    attempt = ExportAttemptFactory(flow=flow, state="failed", failed_count=failed, unknown_count=unknown)
    for state in ["failed"] * failed + ["unknown"] * unknown:
        person = ParticipantFactory(flow=flow, last_name="Hemlig")
        ExportItemFactory(attempt=attempt, participant=person, state=state)
    ExportAttempt.objects.filter(pk=attempt.pk).update(finished_at=ago(minutes=minutes))
    return attempt


def failed_sync(manager, *, told=DOWN, trigger=NIGHT, asks=False, minutes=20, **fields):
    """A flow of the manager's whose synchronisation has failed, or asks."""
    flow = FlowFactory(source=manager.source, created_by=manager.user, sync_message=told, **fields)
    Flow.objects.filter(pk=flow.pk).update(created_at=ago(days=3))
    finished_at = ago(minutes=minutes)
    SyncRunFactory(flow=flow, trigger=trigger, state="failed", asks=asks, message=told, finished_at=finished_at)
    return flow


def lines_of(sent):
    return [line for line in sent.body.splitlines() if line.startswith("- ")]


def later(minutes=60):
    return timezone.now() + dt.timedelta(minutes=minutes)


def test_nothing_is_sent_when_there_is_nothing_to_tell(source, anna, mailoutbox):
    FlowFactory(source=source, created_by=anna.user)
    ExportAttemptFactory(flow=FlowFactory(source=source, created_by=anna.user), state="exported")
    assert digest.send_digests() == 0
    assert mailoutbox == []


def test_one_e_mail_tells_failed_exports_and_synchronisations_with_links_in_the_persons_language(
    source, anna, mailoutbox
):
    export = failed_export(anna, failed=2, unknown=1, title="Analys", codes=["TEN1"])
    asking = failed_sync(anna, told=BRAKE, asks=True, trigger=MANAGER, title="Botanik")
    failed_sync(anna, title="Cellbiologi")
    MembershipFactory(source=source, language="en", user__email="eve@liu.example")
    Flow.objects.filter(pk=asking.pk).update(staff=[{"role": "manager", "email": "EVE@liu.example"}])
    assert digest.send_digests() == 2
    other, swedish = sorted(mailoutbox, key=lambda one: one.to == ["anna@liu.example"])
    assert swedish.to == ["anna@liu.example"]
    assert swedish.subject == "LadokFlow: 3 flow kräver din åtgärd"
    first, *rest = lines_of(swedish)
    assert first.startswith("- Analys (TEN1), Linköpings universitet: ")
    assert "2 betyg registrerades inte i Ladok." in first
    assert "1 betyg har okänt utfall" in first
    assert f"/exports/{export.attempts.get().pk}/" in first
    assert [line.split(" (")[0] for line in rest] == ["- Botanik", "- Cellbiologi"]
    assert "från 40 personer till 3" in rest[0]
    assert f"/flows/{asking.pk}/" in rest[0]
    assert "/preferences/" in swedish.body
    assert other.to == ["eve@liu.example"]
    assert other.subject == "LadokFlow: 1 flow needs you"
    assert len(lines_of(other)) == 1
    assert "has fallen from 40 people to 3" in lines_of(other)[0]


def test_a_person_with_two_universities_gets_one_e_mail(source, anna, mailoutbox):
    elsewhere = MembershipFactory(user=anna.user, source=SourceFactory(name="Örebro universitet"))
    failed_export(anna)
    failed_export(elsewhere)
    assert digest.send_digests() == 1
    assert len(lines_of(mailoutbox[0])) == 2
    assert "Örebro universitet" in mailoutbox[0].body


def test_no_student_and_nothing_that_another_system_wrote_stands_in_it(source, anna, mailoutbox):
    failed_export(anna, failed=2)
    said = "Elsa Ek, 19900101-1234, is not a user"
    failed_sync(anna, told=message("remote.refused", system="WISEflow", status=400, detail=said).to_json())
    assert digest.send_digests() == 1
    text = f"{mailoutbox[0].subject} {mailoutbox[0].body}"
    assert not re.search(r"Hemlig|Elsa|stude\d|AID-|19900101", text)
    assert len(lines_of(mailoutbox[0])) == 2


def test_all_that_happens_within_some_minutes_comes_in_one(source, anna, mailoutbox):
    failed_export(anna, minutes=0)
    assert digest.send_digests() == 0
    failed_export(anna, minutes=0)
    assert digest.send_digests(later(minutes=5)) == 1
    assert len(lines_of(mailoutbox[0])) == 2


def test_the_next_one_does_not_come_at_once(source, anna, mailoutbox):
    failed_export(anna)
    assert digest.send_digests() == 1
    failed_export(anna, minutes=10, title="Optik")
    assert digest.send_digests() == 0
    assert digest.send_digests(later()) == 1
    assert [line.split(" (")[0] for line in lines_of(mailoutbox[1])] == ["- Optik"]


def test_each_thing_is_told_once_but_a_retry_that_fails_is_another(source, anna, mailoutbox):
    flow = failed_export(anna, failed=1)
    failed_sync(anna, told=BRAKE, asks=True)
    tasks.send_digests()
    tasks.send_digests()
    assert digest.send_digests(later()) == 0
    assert len(mailoutbox) == 1
    failed_again(flow)
    assert digest.send_digests(later()) == 1
    assert len(lines_of(mailoutbox[1])) == 1


def test_several_failures_of_one_flow_are_one_line_of_what_stands_now(source, anna, mailoutbox):
    flow = failed_export(anna, failed=1)
    failed_again(flow, failed=2)
    assert digest.send_digests() == 1
    (line,) = lines_of(mailoutbox[0])
    assert "3 betyg registrerades inte" in line


def test_a_night_is_told_when_it_is_done_but_not_as_late_as_in_the_morning(source, anna, mailoutbox):
    failed_sync(anna)
    waiting = FlowFactory(source=source, created_by=anna.user)
    SyncRunFactory(flow=waiting, trigger=NIGHT, state=SyncRun.State.RUNNING)
    assert digest.send_digests() == 0
    failed_export(anna)
    assert digest.send_digests() == 1  # of the export: that does not wait for the night
    assert digest.send_digests(later(minutes=6 * 60)) == 1


@pytest.mark.parametrize(
    "why",
    ["switched off", "no longer active", "no member", "without an address", "another's flow", "put right since", "old"],
)
def test_who_is_not_told(source, anna, mailoutbox, why):
    export, sync = failed_export(anna), failed_sync(anna)
    flows = Flow.objects.filter(pk__in=[export.pk, sync.pk])
    if why == "switched off":
        Membership.objects.filter(pk=anna.pk).update(gets_summary=False)
    elif why == "no longer active":
        type(anna.user).objects.filter(pk=anna.user_id).update(is_active=False)
    elif why == "no member":
        anna.delete()
    elif why == "without an address":
        type(anna.user).objects.filter(pk=anna.user_id).update(email="")
    elif why == "another's flow":
        colleague = MembershipFactory(source=source, gets_summary=False)
        flows.update(created_by=colleague.user, staff=[{"role": "assessor", "email": anna.user.email}])
    elif why == "put right since":
        flows.update(sync_message={}, export_state="exported")
    else:
        ExportAttempt.objects.update(finished_at=ago(days=8))
        SyncRun.objects.update(finished_at=ago(days=8))
    assert digest.send_digests() == 0
    assert mailoutbox == []


def test_a_manager_whom_wiseflow_knows_by_organisation_id_is_told(source, anna, mailoutbox):
    flow = failed_export(MembershipFactory(source=source, gets_summary=False))
    Flow.objects.filter(pk=flow.pk).update(staff=[{"role": "manager", "organisation_id": "ANNAN12@liu.example"}])
    assert digest.send_digests() == 1


def test_an_empty_organisation_id_is_nobodys(source, mailoutbox):
    member = MembershipFactory(source=source, organisation_id="")
    flow = failed_export(MembershipFactory(source=source, gets_summary=False))
    Flow.objects.filter(pk=flow.pk).update(staff=[{"role": "manager", "email": "", "organisation_id": ""}])
    assert digest.send_digests() == 0
    assert member.organisation_id == ""


def test_a_synchronisation_that_a_manager_asked_for_and_that_only_failed_is_told_on_the_page(source, anna, mailoutbox):
    failed_sync(anna, trigger=MANAGER)
    assert digest.send_digests() == 0


def test_another_cluster_that_is_sending_it_is_left_to_it_and_taken_over_from_when_it_has_died(
    source, anna, mailoutbox
):
    failed_export(anna)
    DigestReader.objects.create(user=anna.user, lease_until=later(minutes=1))
    assert digest.send_digests() == 0
    assert digest.send_digests(later(minutes=2)) == 1
    assert DigestReader.objects.get().lease_until is None


def test_a_mail_server_that_is_down_is_tried_again_and_the_others_are_told(source, anna, mailoutbox, settings):
    failed_export(anna)
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    assert digest.send_digests() == 0
    assert not DigestEntry.objects.exists()
    settings.EMAIL_BACKEND = working
    failed_export(anna, minutes=10)
    assert digest.send_digests(later(minutes=30)) == 1
    assert len(lines_of(mailoutbox[0])) == 2


def test_a_real_export_that_ladok_refuses_is_told_until_it_is_retried(make_flow, world, mailoutbox):
    from tests.pages.exporting import exported

    world.answer = lambda call: (400, b'{"message": "Elsa Ek"}')
    flow = make_flow(people=3)
    exported(flow)
    assert digest.send_digests(later(minutes=5)) == 1
    assert "3 betyg" in lines_of(mailoutbox[0])[0]
    assert "Elsa" not in mailoutbox[0].body
    retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    assert digest.send_digests(later()) == 0


DIES = """
import os, signal, django
django.setup()
from django.core.mail.backends import locmem
from exports.operation import digest
send = locmem.EmailBackend.send_messages
def send_and_die(self, messages):
    send(self, messages)
    print("sent", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
locmem.EmailBackend.send_messages = send_and_die
from django.conf import settings
settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
digest.send_digests()
"""


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_between_sending_and_recording_leads_to_a_second_copy_and_not_to_silence(
    source, anna, mailoutbox, subprocess_environment
):
    failed_export(anna)
    killed = subprocess.run(
        [sys.executable, "-c", DIES], env=subprocess_environment, cwd=ROOT, capture_output=True, check=False
    )
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, b"sent\n"), killed.stderr.decode()
    assert digest.send_digests() == 0  # it may still be at work
    assert digest.send_digests(later(minutes=11)) == 1
    assert digest.send_digests(later(minutes=120)) == 0
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(("failed", "there"), [(2, 1), (2, 2)])
def test_what_ladok_has_already_is_not_told_as_not_registered(anna, failed, there):
    flow = failed_export(anna, failed=failed)
    told = message("answer.person_already_registered", said="Redan attesterat").to_json()
    keys = list(ExportItem.objects.filter(attempt__flow=flow).values_list("pk", flat=True))[:there]
    ExportItem.objects.filter(pk__in=keys).update(message=told)
    assert digest.send_digests() == 1
    body = mail.outbox[0].body
    assert f"Ladok säger att {there} betyg redan finns där" in body
    assert ("registrerades inte i Ladok" in body) == (there < failed)
