"""The e-mail after a night: who is told what, in which language, and only once."""

import datetime as dt

import pytest
from django.utils import timezone

from ladokflow.messages import message
from sources import summaries, tasks
from sources.models import NightSummary, SyncRun
from tests.factories import FlowFactory, MembershipFactory, SourceFactory, SyncRunFactory

pytestmark = pytest.mark.django_db

TOLD = message("remote.server_error", system="Ladok", status=500).to_json()


@pytest.fixture
def source():
    """Its night began an hour ago."""
    made = SourceFactory(name="Linköpings universitet")
    made.sync_at = (timezone.now() - dt.timedelta(hours=1)).astimezone(made.tz).time().replace(microsecond=0)
    made.save()
    return made


@pytest.fixture
def anna(source):
    return MembershipFactory(source=source, user__email="anna@liu.example", user__username="anna@liu.example")


def night(source, manager, *, failed=True, **fields):
    """A flow that the night has come to."""
    flow = FlowFactory(source=source, created_by=manager.user, sync_message=TOLD if failed else {}, **fields)
    type(flow).objects.filter(pk=flow.pk).update(created_at=timezone.now() - dt.timedelta(days=3))
    state = SyncRun.State.FAILED if failed else SyncRun.State.SUCCESS
    SyncRunFactory(flow=flow, trigger=SyncRun.Trigger.NIGHT, state=state, message=TOLD if failed else {})
    return flow


def test_nothing_is_sent_when_all_went_well(source, anna, mailoutbox):
    night(source, anna, failed=False)
    assert summaries.send_summaries() == 0
    assert (mailoutbox, NightSummary.objects.count()) == ([], 0)


def test_one_e_mail_with_a_line_for_each_flow_in_the_persons_language(source, anna, mailoutbox):
    first, second = night(source, anna, title="Analys"), night(source, anna, title="Botanik")
    night(source, anna, failed=False, title="Cellbiologi")
    english = MembershipFactory(source=source, language="en")
    staff = [{"role": "manager", "email": english.user.email.upper(), "organisation_id": "x"}]
    type(second).objects.filter(pk=second.pk).update(staff=staff)
    assert summaries.send_summaries() == 2
    swedish, other = sorted(mailoutbox, key=lambda mail: mail.to != ["anna@liu.example"])
    assert swedish.subject == "Linköpings universitet: 2 flöden synkroniserades inte i natt"
    lines = [line for line in swedish.body.splitlines() if line.startswith("- ")]
    assert [line.split(" (")[0] for line in lines] == ["- Analys", "- Botanik"]
    assert f"/flows/{first.pk}/" in lines[0]
    assert other.to == [english.user.email]
    assert other.subject == "Linköpings universitet: 1 flow was not synchronised last night"
    assert len([line for line in other.body.splitlines() if line.startswith("- ")]) == 1


def test_it_is_sent_once(source, anna, mailoutbox):
    night(source, anna)
    tasks.send_summaries()
    tasks.send_summaries()
    assert len(mailoutbox) == 1


def test_another_cluster_that_is_sending_it_is_left_to_it_and_taken_over_from_when_it_has_died(
    source, anna, mailoutbox
):
    night(source, anna)
    row = NightSummary.objects.create(
        source=source,
        user=anna.user,
        night_at=summaries.due_at(source, timezone.now()),
        lease_until=timezone.now() + dt.timedelta(minutes=1),
    )
    assert summaries.send_summaries() == 0
    NightSummary.objects.filter(pk=row.pk).update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert summaries.send_summaries() == 1
    assert NightSummary.objects.get().sent_at is not None


def test_it_waits_until_the_night_is_done_but_not_until_morning(source, anna, mailoutbox):
    night(source, anna)
    waiting = FlowFactory(source=source, created_by=anna.user)
    SyncRunFactory(flow=waiting, trigger=SyncRun.Trigger.NIGHT, state=SyncRun.State.RUNNING)
    assert summaries.send_summaries() == 0
    assert summaries.send_summaries(timezone.now() + summaries.LATEST) == 1


@pytest.mark.parametrize("why", ["switched off", "no longer active", "no member", "put right since"])
def test_who_is_not_told(source, anna, mailoutbox, why):
    flow = night(source, anna)
    if why == "switched off":
        type(anna).objects.filter(pk=anna.pk).update(gets_summary=False)
    elif why == "no longer active":
        type(anna.user).objects.filter(pk=anna.user_id).update(is_active=False)
    elif why == "no member":
        anna.delete()
    else:
        type(flow).objects.filter(pk=flow.pk).update(sync_message={})
    assert summaries.send_summaries() == 0
    assert mailoutbox == []


def test_a_mail_server_that_is_down_is_tried_again(source, anna, mailoutbox, settings):
    night(source, anna)
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    assert summaries.send_summaries() == 0
    settings.EMAIL_BACKEND = working
    NightSummary.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert summaries.send_summaries() == 1
