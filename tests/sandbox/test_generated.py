"""Generated rows are such as the program itself would have written, and are never mixed with anybody's own."""

import datetime as dt
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Count, F, Model, Q
from django.utils import timezone

from exports.models import Assessment, ExportAttempt, ExportItem
from exports.rules.states import refresh_states
from ladokflow.messages import WORDLESS, Message
from ladokflow.sandbox.generated.plan import SHARES, Kind, plan_flows
from sources.models import AuditEntry, Flow, FlowSource, Participant, Registration, Source, SyncRun, WebhookEvent
from tests.factories import SourceFactory

pytestmark = pytest.mark.django_db

FLOWS, PEOPLE = 40, 402
TABLES = (Flow, FlowSource, Participant, Registration, Assessment, ExportAttempt, ExportItem, SyncRun, AuditEntry)
# The database's own counting goes on after a rollback.
CHANGING = ("id", "source_id", "created_by_id", "requested_by_id", "actor_id", "settled_by_id")
# Columns of messages
TOLD = (
    (Flow, "export_message"), (Flow, "setup_message"), (Participant, "export_message"), (ExportAttempt, "message"),
    (ExportItem, "message"), (SyncRun, "message"), (WebhookEvent, "outcome"), (AuditEntry, "message"),
)  # fmt: skip


def generate(flows=FLOWS, participants=PEOPLE, **options):
    call_command("generate", flows=flows, participants=participants, stdout=StringIO(), **options)


def rows(model: type[Model], *, but: tuple[str, ...] = ()) -> list:
    encrypted = {"national_id", "answer"}
    names = [field.attname for field in model._meta.concrete_fields if field.attname not in {*but, *encrypted}]
    return list(model._default_manager.order_by("pk").values_list(*names))


def test_there_are_as_many_as_were_asked_for_of_every_sort():
    generate(runs=3, events=2)
    made = Flow.objects.filter(synced_at__isnull=False).count()
    assert (Flow.objects.count(), Participant.objects.count()) == (FLOWS, PEOPLE)
    assert Registration.objects.count() == PEOPLE
    assert (SyncRun.objects.count(), WebhookEvent.objects.count()) == (3 * made, 2 * made)
    assert set(Flow.objects.values_list("export_state", flat=True)) == {"pending", "exported", "failed"}
    assert set(ExportItem.objects.values_list("state", flat=True)) == {"exported", "failed", "unknown"}
    assert Flow.objects.filter(setup_state="stopped").exists()
    # Exams differ in size, and most flows have their people as a copy of another's.
    sizes = set(Flow.objects.filter(synced_at__isnull=False).values_list("participant_count", flat=True))
    assert len(sizes) >= 3
    assert len({plan.pattern for plan in plans()}) < FLOWS - 10


def plans():
    return plan_flows(flows=FLOWS, participants=PEOPLE, sources=3, seed=1, today=dt.date(2026, 3, 1))


def test_the_rules_say_of_every_flow_what_it_says_of_itself():
    generate()
    before = rows(Flow), rows(Participant)
    for flow in Flow.objects.all():
        refresh_states(flow)
    assert (rows(Flow), rows(Participant)) == before


def test_attempts_count_the_items_they_have():
    generate()
    counts = {
        f"{state}_now": Count("items", filter=Q(items__state=state)) for state in ("exported", "failed", "unknown")
    }
    attempts: list[Any] = list(ExportAttempt.objects.annotate(**counts, sent_now=Count("items")))
    assert attempts
    for each in attempts:
        stored = each.sent_count, each.exported_count, each.failed_count, each.unknown_count
        assert stored == (each.sent_now, each.exported_now, each.failed_now, each.unknown_now)
        assert each.created_at < each.claimed_at < each.sending_at < each.finished_at


def test_the_newest_synchronisation_is_the_one_that_the_flow_tells_of():
    generate(runs=4)
    for flow in Flow.objects.filter(synced_at__isnull=False):
        newest = flow.sync_runs.first()
        assert (newest.state, newest.finished_at) == ("success", flow.synced_at)
        assert flow.sync_runs.last().trigger == "creation"


def test_a_student_is_one_person_on_all_her_exams():
    generate()
    people: dict[str, set] = {}
    for row in Participant.objects.select_related("flow"):
        facts = (row.national_id, row.first_name, row.last_name, row.external_user_id, row.user_id, row.flow.source_id)
        people.setdefault(row.organisation_id, set()).add(facts)
    assert all(len(facts) == 1 for facts in people.values())
    assert len(people) < PEOPLE
    assert len({next(iter(facts))[0] for facts in people.values()}) == len(people)
    for registration in Registration.objects.select_related("participant"):
        assert registration.national_id == registration.participant.national_id
    for item in ExportItem.objects.select_related("participant"):
        assert (item.national_id, item.unique_exam_id) == (
            item.participant.national_id,
            item.participant.unique_exam_id,
        )


def test_every_message_has_words():
    generate()
    for model, column in TOLD:
        stored = list(model._default_manager.exclude(**{column: {}}).values_list(column, flat=True))
        assert stored, column
        for each in stored:
            told = Message.from_json(each)
            assert told.sentence is not WORDLESS
            assert str(WORDLESS.what) not in told.what


def test_the_same_seed_and_day_make_the_same_rows():
    def made(**options):
        with transaction.atomic():
            generate(flows=12, participants=60, today=dt.date(2026, 3, 1), **options)
            kept = [rows(model, but=CHANGING) for model in TABLES]
            transaction.set_rollback(True)
        return kept

    first = made()
    assert first == made()
    assert first != made(seed=2)


def test_said_again_it_adds():
    generate()
    generate(flows=30, participants=200)
    assert (Flow.objects.count(), Participant.objects.count()) == (FLOWS + 30, PEOPLE + 200)
    assert Source.objects.count() == 3


def test_a_database_with_anything_else_in_it_is_left_alone():
    SourceFactory()
    with pytest.raises(CommandError, match="holds other sources"):
        generate()
    assert not Flow.objects.exists()


def test_in_production_it_has_to_be_asked_for(settings):
    settings.IS_PRODUCTION = True
    with pytest.raises(CommandError, match="--in-production"):
        generate()
    generate(flows=9, participants=60, in_production=True)
    assert Flow.objects.count() == 9


def test_nobody_can_sign_in_unless_a_password_is_given():
    generate(flows=9, participants=60)
    assert not any(user.has_usable_password() for user in User.objects.all())


def test_everybody_signs_in_with_the_password_that_is_given():
    generate(flows=9, participants=60, password="only for looking")
    assert all(user.check_password("only for looking") for user in User.objects.all())


def test_too_few_people_are_refused():
    with pytest.raises(CommandError, match="at least"):
        generate(flows=10, participants=39)


def test_the_plan_has_exactly_so_many_people():
    for flows, people in ((9, 36), (10, 57), (301, 2000)):
        planned = plan_flows(flows=flows, participants=people, sources=3, seed=4, today=dt.date(2026, 3, 1))
        assert sum(plan.people for plan in planned) == people
        assert {plan.kind for plan in planned} == set(SHARES)
        assert all((plan.people == 0) == (plan.kind is Kind.STOPPED) for plan in planned)


def test_grades_are_given_day_by_day_in_the_flows_that_are_copies_too():
    generate(flows=60, participants=900)
    given = Assessment.objects.filter(participant__flow__marking_end_at__lt=timezone.now())
    waited = given.values_list(F("participant__flow__collected_at") - F("grade_at"), flat=True)
    assert len(set(waited)) > 5
    assert all(
        one.participant.flow.marking_start_at < one.grade_at for one in given.select_related("participant__flow")
    )
