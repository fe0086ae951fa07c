"""A whole night: sixty flows, which is more than are asked for at a time, five of which cannot be synchronised."""

import datetime as dt

import pytest
from django.db.models.signals import post_save
from django.utils import timezone

from exports.operation.digest import send_digests
from sources.models import Flow, SyncRun
from sources.sync.nightly import due_at, request_night_syncs
from sources.tasks import sync_flow
from sources.universities.clients import wiseflow_for
from tests.factories import FlowFactory

FLOWS = 60


@pytest.fixture
def flows(oru, olle, sandbox):
    """In WISEflow there is but an empty flow for each: the night brings everything."""
    control = sandbox.control
    people = [{"studentuid": "elsa.ek@oru.example", "firstname": "Elsa", "lastname": "Ek"}]
    with wiseflow_for(oru) as client:
        identity = oru.memberships.get(user=olle).organisation_id
        users = client.search_users([(client.user_data_types()[0].id, identity)])
        manager_ids = [user.id for user in users]
        type_id = client.flow_types()[0].id
        made = []
        for number in range(FLOWS):
            code = control.add_exam("oru", people=people, exact=True, courseName=f"Kurs {number:03}")
            wiseflow_id = client.create_flow(
                title=f"Flöde {number:03}", subtitle="", type_id=type_id, manager_ids=manager_ids
            )
            made.append(
                FlowFactory(
                    source=oru,
                    created_by=olle,
                    codes=[code],
                    wiseflow_id=wiseflow_id,
                    title=f"Flöde {number:03}",
                    state=Flow.State.NOT_ACTIVATED,
                    synced_at=None,
                    staff=[],
                )
            )
    return made


def break_five(control, flows, colleague):
    gone, deleted, down, page, empty = flows[10:60:10]
    control.remove_exam("oru", gone.codes.get().code)
    control.delete_flow(deleted.wiseflow_id)
    control.fault("oru", f"/exams/{down.codes.get().code}", "status", times=-1, status=500)
    control.fault("oru", f"/exams/{page.codes.get().code}", "html", times=-1)
    empty.codes.update(person_count=3)
    control.change_people("oru", empty.codes.get().code, remove=1)
    Flow.objects.filter(pk=page.pk).update(staff=[{"role": "manager", "email": colleague.email}])
    return [gone, deleted, down, page, empty]


class Night:
    """The night to come, in the sandbox's clock: it is where Ladok and WISEflow have their time from, too."""

    def __init__(self, control, source):
        self.control = control
        source.refresh_from_db()
        self.begins = due_at(source, timezone.now() + dt.timedelta(days=1))
        control.set_clock((self.begins - dt.timedelta(minutes=2)).isoformat())

    @property
    def now(self):
        return dt.datetime.fromisoformat(self.control.clock())

    def wait(self, minutes=5):
        self.control.advance(minutes * 60)


def test_55_are_synchronised_and_5_told_with_a_line_each(oru, olle, orsa, flows, sandbox, mailoutbox):
    broken = break_five(sandbox.control, flows, orsa)
    night = Night(sandbox.control, oru)
    assert request_night_syncs(night.now) == 0
    night.wait()
    assert request_night_syncs(night.now) == 50
    assert send_digests(night.now) == 0  # the night is not over
    # Whoever ends one asks for the next: nobody has to come back and look.
    most = 0
    while waiting := list(SyncRun.objects.filter(state=SyncRun.State.QUEUED).values_list("pk", flat=True)):
        most = max(most, len(waiting))
        sync_flow(waiting[0])
    assert most == 50
    night.wait()
    assert night.now - night.begins < dt.timedelta(minutes=15)
    runs = SyncRun.objects.filter(trigger=SyncRun.Trigger.NIGHT)
    assert runs.filter(state=SyncRun.State.SUCCESS, added=1).count() == FLOWS - len(broken)
    failed = runs.filter(state=SyncRun.State.FAILED)
    assert {run.flow_id for run in failed} == {flow.pk for flow in broken}
    assert {run.reason.code for run in failed} == {
        "sources.code_gone",
        "sources.flow_gone",
        "remote.server_error",
        "remote.not_json",
        "sources.brake_empty",
    }
    assert all(run.created_at >= night.begins for run in runs)
    assert send_digests(night.now) == 2
    # The rest of the night and the day after, every hour: nobody is asked for twice, and nothing is told twice.
    for _ in range(22):
        night.wait(minutes=60)
        assert (request_night_syncs(night.now), send_digests(night.now)) == (0, 0)
    lines = {
        mail.to[0]: [line.split(" (")[0] for line in mail.body.splitlines() if line.startswith("- ")]
        for mail in mailoutbox
    }
    # Of the flow whose list was empty nobody went, and the rest went on: it has its title.
    for flow in broken:
        flow.refresh_from_db()
    titles = sorted(f"- {flow.title}" for flow in broken)
    assert lines == {olle.email: titles, orsa.email: [f"- {broken[3].title}"]}


def test_a_flow_that_ends_while_the_night_is_asked_for_keeps_no_other_from_it(oru, olle):
    made = [FlowFactory(source=oru, created_by=olle, state=Flow.State.NOT_ACTIVATED) for _ in range(3)]
    Flow.objects.update(created_at=timezone.now() - dt.timedelta(days=3))

    def let_the_next_go(sender, instance, **kwargs):
        Flow.objects.filter(pk=made[1].pk).update(setup_state=Flow.Setup.STOPPED)

    post_save.connect(let_the_next_go, sender=SyncRun)
    try:
        assert request_night_syncs() == 2
    finally:
        post_save.disconnect(let_the_next_go, sender=SyncRun)
    assert set(SyncRun.objects.values_list("flow", flat=True)) == {made[0].pk, made[2].pk}
