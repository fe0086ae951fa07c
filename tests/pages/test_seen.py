"""What a manager has seen is what is done: each form that changes what cannot be taken back, and each thing that may change
before its button is pressed. For the buttons that send grades: `tests/exports/attempts/test_seen.py`."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from exports.models import Assessment
from ladokflow.messages import message
from sources.flows.codes import add_code
from sources.flows.create import create_flow
from sources.flows.request import request_flow, save_list
from sources.models import BatchExam, Flow, FlowBatch, FlowSource, Paper, Participant, Registration, SyncRun
from sources.sync.run import request_sync, run_sync
from tests.cases import Cases
from tests.factories import FlowFactory, MembershipFactory, ParticipantFactory, SyncRunFactory
from tests.filling import form_on

SignIn = Callable[[User], Client]
CHANGED = "Something has changed since this was shown to you."


@dataclass
class Case:
    """A form on a page, and what shows that it has been done."""

    flow: Flow
    page: str
    action: str
    done: Callable[[], Any]
    having: dict[str, str]
    filled: dict[str, Any]


def the_brake(page: str) -> Case:
    told = message("sources.brake_half", code="TEN1", before=40, now=3).to_json()
    flow = FlowFactory(sync_message=told)
    person = ParticipantFactory(flow=flow)
    goers = {"goers": [f"row-{person.pk}"], "empty": []}
    run = SyncRunFactory(flow=flow, state="failed", asks=True, message=told, would_go=goers)
    addresses = {"flow": ("detail", [flow.pk]), "run": ("sync_run", [flow.pk, run.pk])}
    name, arguments = addresses[page]
    return Case(
        flow,
        reverse(f"flows:{name}", args=arguments),
        reverse("flows:sync", args=[flow.pk]),
        lambda: list(SyncRun.objects.filter(flow=flow, state="queued").values_list("pk", "is_confirmed")),
        {"confirm": "yes"},
        {},
    )


def stopped_creation() -> Case:
    told = message("remote.timeout", system="WISEflow", seconds=30).to_json()
    flow = FlowFactory(
        setup_state="stopped", setup_step="created", setup_message=told, wiseflow_id=None, state=None, codes=["TEN1"]
    )
    return Case(
        flow,
        reverse("flows:detail", args=[flow.pk]),
        reverse("flows:resume", args=[flow.pk]),
        lambda: Flow.objects.get(pk=flow.pk).setup_state == Flow.Setup.QUEUED,
        {},
        {},
    )


def value_by_hand() -> Case:
    flow = FlowFactory(unfollowed={"title": {"ladok": "Ladoks", "wiseflow": "Vår"}}, followed={"title": "Ladoks"})
    return Case(
        flow,
        reverse("flows:detail", args=[flow.pk]),
        reverse("flows:follow", args=[flow.pk]),
        lambda: "title" not in Flow.objects.get(pk=flow.pk).unfollowed,
        {"field": "title"},
        {},
    )


def batch() -> Case:
    flow = stopped_creation().flow
    made = FlowBatch.objects.create(pk=uuid.uuid4(), source=flow.source, requested_by=flow.created_by)
    BatchExam.objects.create(batch=made, position=0, code="A", flow=flow)
    BatchExam.objects.create(batch=made, position=1, code="B", message=message("sources.no_code").to_json())
    return Case(
        flow,
        reverse("flows:batch", args=[made.pk]),
        reverse("flows:batch_retry", args=[made.pk]),
        lambda: (
            Flow.objects.get(pk=flow.pk).setup_state == Flow.Setup.QUEUED
            or BatchExam.objects.filter(batch=made, position=1, message={}).exists()
        ),
        {},
        {},
    )


def assessor_list() -> Case:
    flow = FlowFactory(state=Flow.State.PARTICIPATION_STARTED, assessor_allocation="list")
    save_list(flow, [("stude001", "asse1")])
    return Case(
        flow,
        reverse("flows:assessors", args=[flow.pk]),
        "",
        lambda: not flow.allocation_lines.exists(),
        {},
        {"allocation_list": ""},
    )


def papers() -> Case:
    flow = FlowFactory(state=Flow.State.CONCLUDED)
    person = ParticipantFactory(flow=flow, grade="5")
    Paper.objects.create(participant=person, state="nothing")
    return Case(
        flow,
        page := reverse("exports:papers", args=[flow.pk]),
        page,
        lambda: bool(Paper.objects.get(participant=person).accepted_grade),
        {},
        {"person": person.pk, "reason": "x"},
    )


# --- What may change -------------------------------------------------------------------------------------------------


def asks_for_more(flow: Flow) -> None:
    run = SyncRun.objects.get(flow=flow)
    run.would_go = {"goers": [*run.would_go["goers"], "row-999"], "empty": []}
    run.save()


def asks_anew(flow: Flow) -> None:
    told = message("sources.brake_half", code="TEN1", before=40, now=2).to_json()
    SyncRunFactory(flow=flow, state="failed", asks=True, message=told, would_go={"goers": [], "empty": []})


def asks_no_more(flow: Flow) -> None:
    SyncRunFactory(flow=flow, state="success")


def stopped_by_another_thing(flow: Flow) -> None:
    Flow.objects.filter(pk=flow.pk).update(setup_message=message("sources.no_code").to_json())


def stopped_elsewhere(flow: Flow) -> None:
    Flow.objects.filter(pk=flow.pk).update(setup_step="dates")


def begun_anew(flow: Flow) -> None:
    Flow.objects.filter(pk=flow.pk).update(flow_type="FLOWmulti", instant_export=True)


def other_codes(flow: Flow) -> None:
    FlowSource.objects.create(flow=flow, source=flow.source, code="TEN9", position=9)


def other_in_wiseflow(flow: Flow) -> None:
    Flow.objects.filter(pk=flow.pk).update(unfollowed={"title": {"ladok": "Ladoks", "wiseflow": "En annan"}})


def other_in_ladok(flow: Flow) -> None:
    Flow.objects.filter(pk=flow.pk).update(unfollowed={"title": {"ladok": "Nytt", "wiseflow": "Vår"}})


def one_more_refused(flow: Flow) -> None:
    row = BatchExam.objects.get(position=1)
    BatchExam.objects.create(batch=row.batch, position=2, code="C", message=message("sources.no_code").to_json())


def refused_otherwise(flow: Flow) -> None:
    BatchExam.objects.filter(position=1).update(message=message("sources.unknown_source", slug="liu").to_json())


def list_of_another(flow: Flow) -> None:
    save_list(flow, [("stude001", "asse2")])


def another_grade(flow: Flow) -> None:
    Assessment.objects.filter(participant__flow=flow).update(grade="4")


def one_more_without_a_paper(flow: Flow) -> None:
    Paper.objects.create(participant=ParticipantFactory(flow=flow, grade="5"), state="blank")


BRAKES = [lambda: the_brake("flow"), lambda: the_brake("run")]
Change = Callable[[Flow], None]
OF_BRAKES: list[Change] = [asks_for_more, asks_anew, asks_no_more]
OF_CREATIONS: list[Change] = [stopped_by_another_thing, stopped_elsewhere, begun_anew, other_codes]
FORMS: list[tuple[str, Callable[[], Case], list[Change]]] = [
    ("brake on the flow's page", BRAKES[0], OF_BRAKES),
    ("brake on the run's page", BRAKES[1], OF_BRAKES),
    ("stopped creation", stopped_creation, OF_CREATIONS),
    ("value changed by hand", value_by_hand, [other_in_wiseflow, other_in_ladok]),
    ("batch", batch, [*OF_CREATIONS, one_more_refused, refused_otherwise]),
    ("assessor list", assessor_list, [list_of_another]),
    ("papers", papers, [another_grade, one_more_without_a_paper]),
]
EACH = [
    pytest.param(make, change, id=f"{name}-{change.__name__}") for name, make, changes in FORMS for change in changes
]


def looked(sign_in: SignIn, case: Case) -> tuple[Client, Any]:
    client = sign_in(MembershipFactory(source=case.flow.source).user)
    form = form_on(client.get(case.page).content.decode(), case.action, **case.having)
    return client, form | case.filled


def told(client: Client, case: Case, form: Any) -> str:
    return str(client.post(case.action or case.page, form, follow=True).content.decode())


@pytest.mark.django_db
@pytest.mark.parametrize(("make", "change"), EACH)
def test_what_has_changed_since_it_was_shown_is_shown_instead_of_done(
    sign_in: SignIn, make: Callable[[], Case], change: Callable[[Flow], None]
) -> None:
    case = make()
    client, form = looked(sign_in, case)
    change(case.flow)
    assert CHANGED in told(client, case, form)
    assert not case.done()


@pytest.mark.django_db
@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make, _ in FORMS])
def test_a_form_without_a_fingerprint_is_refused_and_one_that_fits_is_done(
    sign_in: SignIn, make: Callable[[], Case]
) -> None:
    case = make()
    client, form = looked(sign_in, case)
    for seen in ({}, {"seen": ""}, {"seen": "0" * 32}):
        assert CHANGED in told(client, case, {name: form[name] for name in form if name != "seen"} | seen)
        assert not case.done()
    assert CHANGED not in told(client, case, form)
    assert case.done()


# --- Removing a code, which asks WISEflow for the phase ---------------------------------------------------------------


@pytest.fixture
def two_codes(sandbox: Any, liu: Any, anna: User) -> Flow:
    first, second = (sandbox.control.add_exam("liu", people=3) for _ in range(2))
    flow = create_flow(request_flow(source=liu, codes=[first], requested_by=anna, enqueue=False).pk)
    add_code(flow=flow, code=second, by=anna, enqueue=False)
    assert run_sync(SyncRun.objects.get(flow=flow, state="queued").pk).state == "success"
    return Flow.objects.get(pk=flow.pk)


def another_phase(flow: Flow, control: Any) -> None:
    control.start_participation(flow.wiseflow_id)


def one_more_person(flow: Flow, control: Any) -> None:
    ParticipantFactory(flow=flow, codes=[flow.codes.last()])


def another_person(flow: Flow, control: Any) -> None:
    """As many as before, and not the same."""
    Registration.objects.filter(code=flow.codes.last()).first().participant.delete()
    ParticipantFactory(flow=flow, codes=[flow.codes.last()])


def on_both_codes(flow: Flow, control: Any) -> None:
    person = Registration.objects.filter(code=flow.codes.last()).first().participant
    Registration.objects.create(participant=person, code=flow.codes.first())


def graded(flow: Flow, control: Any) -> None:
    Flow.objects.filter(pk=flow.pk).update(graded_count=1)


def exported(flow: Flow, control: Any) -> None:
    Flow.objects.filter(pk=flow.pk).update(export_state="exported", exported_count=6)


OF_CODES = (another_phase, one_more_person, another_person, on_both_codes, graded, exported)


def test_a_code_is_only_let_go_with_what_was_read_of_it(
    sign_in: SignIn, sandbox: Any, anna: User, two_codes: Flow, cases: Cases
) -> None:
    code = two_codes.codes.last()
    page, client = reverse("flows:code_remove", args=[two_codes.pk, code.pk]), sign_in(anna)
    codes = reverse("flows:codes", args=[two_codes.pk])
    form = form_on(client.get(page).content.decode())

    def let_go_after(change: Callable[[Flow, Any], None]) -> None:
        change(Flow.objects.get(pk=two_codes.pk), sandbox.control)
        answer = client.post(page, form)
        assert CHANGED in answer.content.decode()
        assert CHANGED in client.post(page, {}).content.decode()
        code.refresh_from_db()
        assert code.removed_at is None
        # What it means by now stands below, and can be done.
        again = form_on(answer.content.decode())
        assert client.post(page, again)["Location"] == codes

    cases.try_each({change.__name__: change for change in OF_CODES}, let_go_after)
    assert client.post(page, form)["Location"] == codes  # it was as read before each


# --- The brake by command ----------------------------------------------------------------------------------------------


def run_command(flow: Flow, *options: str) -> tuple[dict[str, Any], str]:
    out, failure = StringIO(), ""
    try:
        call_command("sync", "--flow", str(flow.pk), "--json", *options, stdout=out)
    except CommandError as error:
        failure = str(error)
    return json.loads(out.getvalue())["flows"][0] if out.getvalue() else {}, failure


def test_a_command_confirms_what_its_preview_has_printed(sandbox: Any, liu: Any, anna: User) -> None:
    code = sandbox.control.add_exam("liu", people=12)
    flow = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    sandbox.control.change_people("liu", code, remove=8)
    # Nothing has asked yet, so there is nothing to say yes to.
    assert run_command(flow, "--preview")[0]["fingerprint"] == ""
    assert run_sync(request_sync(flow=flow, trigger="manager", enqueue=False).pk).asks
    seen = run_command(flow, "--dry-run")[0]["fingerprint"]
    assert seen
    assert "give --flow and --by" in run_command(flow, "--seen", seen)[1]
    sandbox.control.change_people("liu", code, remove=1)
    assert run_sync(request_sync(flow=flow, trigger="manager", enqueue=False).pk).asks
    row, failure = run_command(flow, "--seen", seen, "--by", anna.email)
    assert CHANGED in failure
    assert row["fingerprint"] not in ("", seen)
    assert Participant.objects.filter(flow=flow).count() == 12
    row, failure = run_command(flow, "--seen", row["fingerprint"], "--by", anna.email)
    assert (row["state"], failure) == ("success", "")
    assert Participant.objects.filter(flow=flow, is_active=True).count() == 3
