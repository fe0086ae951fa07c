"""What a manager has seen is what is sent: each button that sends, and each thing that may change before it is pressed."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse, reverse_lazy

from exports.attempts.send import send_attempt
from exports.attempts.start import preview_export, retry_export, start_export
from exports.grades.collect import collect_grades
from exports.models import ExportAttempt, ExportItem
from exports.rules.states import refresh_states
from exports.rules.values import Asking
from ladokflow.fingerprints import NotAsShown
from ladokflow.messages import Trait
from sources.models import Flow, Participant, Registration
from tests.cases import Cases
from tests.exports.world import World
from tests.factories import FlowFactory, ParticipantFactory
from tests.filling import form_on, press

Make = Callable[..., Flow]
ENGLISH = {"headers": {"accept-language": "en"}}
CHANGED = "Something has changed since this was shown to you."


def rejected(call: Any) -> tuple[int, bytes]:
    who = [entry.get("studentUid") or entry.get("liUID") for entry in call.body["gradeExports"]]
    errors = [{"userId": each, "errorInfo": "Inte registrerad"} for each in who]
    return 200, json.dumps({"numberOfSuccess": 0, "numberOfErrors": len(errors), "errors": errors}).encode()


def cut(call: Any) -> None:
    return None


# --- What may change while a page stands open ------------------------------------------------------------------------


def other_grade(flow: Flow, world: World) -> None:
    world.grades[flow.participants.first().wiseflow_id] = "3"
    collect_grades(flow)


def grade_gone(flow: Flow, world: World) -> None:
    del world.grades[flow.participants.first().wiseflow_id]
    collect_grades(flow)


def somebody_new(flow: Flow, world: World) -> None:
    if flow.attempts.exists():
        # Who would be in a retry has failed: the other one is sent, and fails.
        newcomer = ParticipantFactory(flow=flow, grade="4", first_name="Ny", last_name="Student")
        world.grades[newcomer.wiseflow_id] = "4"
        refresh_states(flow)
        (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
        send_attempt(attempt.pk)
        return
    newcomer = ParticipantFactory(flow=flow, grade="4", first_name="Ny", last_name="Student")
    world.grades[newcomer.wiseflow_id] = "4"
    refresh_states(flow)


def off_the_list(flow: Flow, world: World) -> None:
    row = Registration.objects.filter(participant=flow.participants.first()).get()
    row.is_listed, row.gone_at = False, flow.synced_at
    row.save()
    refresh_states(flow)


def doubtful(flow: Flow, world: World) -> None:
    row = Registration.objects.filter(participant=flow.participants.first()).get()
    row.doubt = {"code": "sources.doubt.kind", "params": {}}
    row.save()
    refresh_states(flow)


def known_otherwise(flow: Flow, world: World) -> None:
    """Corrected in Ladok: the same person, and what is sent is another body."""
    row = Registration.objects.filter(participant=flow.participants.first()).get()
    row.unique_exam_id = "AID-OTHER"
    row.save()
    refresh_states(flow)


def exported_by_another(flow: Flow, world: World) -> None:
    world.answer = lambda call: (200, b"")
    _send(flow)


def cut_by_another(flow: Flow, world: World) -> None:
    """The other manager's request reached Ladok, and the answer was lost."""
    world.answer = cut
    _send(flow)


def _send(flow: Flow) -> None:
    do = retry_export if flow.attempts.exists() else start_export
    (attempt,) = do(flow=flow, requested_by=flow.created_by, enqueue=False)
    send_attempt(attempt.pk)


CHANGES = [
    other_grade,
    grade_gone,
    somebody_new,
    off_the_list,
    doubtful,
    known_otherwise,
    exported_by_another,
    cut_by_another,
]


# --- The buttons -----------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Button:
    """A place where a flow's grades are sent from: `look` and, later, `push` what was looked at."""

    flow: Flow
    client: Client
    asking: Asking

    def look(self) -> None:
        raise NotImplementedError

    def push(self) -> str:
        """What is told."""
        raise NotImplementedError


class OnThePreview(Button):
    address = property(lambda self: reverse("exports:send", args=[self.flow.pk]))

    def look(self) -> None:
        shown = self.client.get(reverse("exports:preview", args=[self.flow.pk]), {"asking": self.asking.value})
        self.form = form_on(shown.content.decode(), self.address)

    def push(self) -> str:
        return str(self.client.post(self.address, self.form, follow=True, **ENGLISH).content.decode())


class AmongSeveral(OnThePreview):
    """The preview of several flows. Of the other one there is nothing to send."""

    address = reverse_lazy("exports:send_chosen")

    def look(self) -> None:
        other = FlowFactory(source=self.flow.source)
        chosen = {"asking": self.asking.value, "flow": [self.flow.pk, other.pk]}
        shown = self.client.get(reverse("exports:preview_chosen"), chosen)
        self.form = form_on(shown.content.decode(), self.address)


class ByCommand(Button):
    def look(self) -> None:
        out = self.run("--dry-run")
        self.fingerprint = re.findall(r"Fingerprint: (\w+)", out)[0]

    def push(self) -> str:
        try:
            return self.run("--seen", self.fingerprint)
        except CommandError as error:
            return str(error)

    def run(self, *options: str) -> str:
        out = StringIO()
        name = "retry" if self.asking is Asking.RETRY else "export"
        by = self.flow.created_by.email
        call_command(name, "--flow", str(self.flow.pk), "--by", by, *options, stdout=out)
        return out.getvalue()


BUTTONS = [OnThePreview, AmongSeveral, ByCommand]
ASKINGS = [Asking.FIRST, Asking.RETRY]


@pytest.fixture
def shown_flow(make_flow: Make, world: World, request: pytest.FixtureRequest) -> Flow:
    """With two graded people: not sent yet, or rejected by Ladok, as the test is about a first export or a retry."""
    flow = make_flow(people=2)
    collect_grades(flow)
    if request.getfixturevalue("asking") is Asking.RETRY:
        world.answer = rejected
        _send(flow)
    refresh_states(flow)
    return flow


@pytest.fixture
def manager(shown_flow: Flow, client: Client) -> Client:
    client.force_login(shown_flow.created_by)
    return client


@pytest.mark.parametrize("asking", ASKINGS)
@pytest.mark.parametrize("button", BUTTONS)
def test_what_has_changed_since_it_was_shown_is_not_done(
    button: type[Button], asking: Asking, shown_flow: Flow, manager: Client, world: World, cases: Cases
) -> None:
    pushed = button(shown_flow, manager, asking)
    pushed.look()

    def push_after(change: Callable[[Flow, World], None]) -> None:
        change(Flow.objects.get(pk=shown_flow.pk), world)
        before = ExportAttempt.objects.count()
        told = pushed.push()
        assert ExportAttempt.objects.count() == before
        assert CHANGED in told

    cases.try_each({change.__name__: change for change in CHANGES}, push_after, world.kept)
    assert CHANGED not in pushed.push()  # it was as shown before each


@pytest.mark.parametrize("asking", ASKINGS)
@pytest.mark.parametrize("button", BUTTONS)
def test_what_is_as_it_was_shown_is_done(
    button: type[Button], asking: Asking, shown_flow: Flow, manager: Client
) -> None:
    """Also when the grades have been read anew meanwhile, and are the same."""
    pushed = button(shown_flow, manager, asking)
    pushed.look()
    collect_grades(shown_flow)
    refresh_states(shown_flow)
    before = ExportAttempt.objects.count()
    assert CHANGED not in pushed.push()
    assert ExportAttempt.objects.count() == before + 1


@pytest.mark.parametrize("asking", ASKINGS)
@pytest.mark.parametrize("button", [OnThePreview, AmongSeveral])
def test_a_form_without_a_fingerprint_is_refused_like_one_that_differs(
    button: type[Any], asking: Asking, shown_flow: Flow, manager: Client, world: World, cases: Cases
) -> None:
    pushed = button(shown_flow, manager, asking)
    pushed.look()
    form = pushed.form

    def push_with(seen: str | None) -> None:
        pushed.form = {name: seen if name.startswith("seen") else given for name, given in form.items()}
        pushed.form = {name: given for name, given in pushed.form.items() if given is not None}
        before = ExportAttempt.objects.count()
        assert CHANGED in pushed.push()
        assert ExportAttempt.objects.count() == before

    cases.try_each({repr(seen): seen for seen in (None, "", "0" * 32, "é.1-0:ff", ".")}, push_with, world.kept)
    pushed.form = form
    assert CHANGED not in pushed.push()


@pytest.mark.parametrize("asking", ASKINGS)
def test_the_second_of_two_who_look_at_the_same_sends_nothing(
    asking: Asking, shown_flow: Flow, manager: Client, world: World, cases: Cases
) -> None:
    """Two tabs, two managers, page and command: the first is registered, and its answer is lost."""

    def push_both(buttons: tuple[type[Button], type[Button]]) -> None:
        first, second = (each(Flow.objects.get(pk=shown_flow.pk), manager, asking) for each in buttons)
        first.look()
        second.look()
        first.push()
        attempt = ExportAttempt.objects.latest("created_at")
        world.answer = cut
        send_attempt(attempt.pk)
        before, told = ExportAttempt.objects.count(), second.push()
        assert ExportAttempt.objects.count() == before
        assert CHANGED in told

    pairs = {f"{one.__name__}, then {other.__name__}": (one, other) for one in BUTTONS for other in BUTTONS}
    cases.try_each(pairs, push_both, world.kept)


# --- What is told ----------------------------------------------------------------------------------------------------


def test_who_is_new_gone_and_graded_otherwise_is_told_by_name(make_flow: Make, world: World, client: Client) -> None:
    flow = make_flow(people=3)
    client.force_login(flow.created_by)
    button = OnThePreview(flow, client, Asking.FIRST)
    button.look()
    gone, other, same = Participant.objects.filter(flow=flow).order_by("pk")
    new = ParticipantFactory(flow=flow, grade="4", first_name="Ny", last_name="Student")
    world.grades |= {new.wiseflow_id: "4", other.wiseflow_id: "U"}
    del world.grades[gone.wiseflow_id]
    collect_grades(flow)
    boxes = re.findall(r'<p class="box__body">(.*?)</p>', button.push())
    assert f"Would be sent now, but was not when this was shown: {new} (4)." in boxes
    assert f"Would be sent otherwise than it was shown, with the grade here: {other} (U)." in boxes
    assert f"Would not be sent any more: {gone}: No grade yet." in boxes
    assert not any(str(same) in box for box in boxes)
    # What is there now has been shown, and is sent.
    button.look()
    button.push()
    assert ExportAttempt.objects.get().sent_count == 3


def test_people_chosen_one_by_one_are_bound_and_the_others_may_change(
    make_flow: Make, world: World, client: Client
) -> None:
    flow = make_flow(people=3)
    world.answer = rejected
    _send(flow)
    client.force_login(flow.created_by)
    chosen, other, _ = Participant.objects.filter(flow=flow).order_by("pk")
    address, send = reverse("exports:preview", args=[flow.pk]), reverse("exports:send", args=[flow.pk])
    shown = f"{address}?asking=retry&person={chosen.pk}"
    form = form_on(client.get(shown).content.decode(), send)
    world.grades[other.wiseflow_id] = "3"
    collect_grades(flow)
    # Another's name put in, or left out, is not what was shown.
    for people in ([chosen.pk, other.pk], []):
        answer = client.post(send, form | {"person": people}, follow=True, **ENGLISH)
        assert CHANGED in answer.content.decode()
    world.grades[chosen.wiseflow_id] = "3"
    collect_grades(flow)
    answer = client.post(send, form, **ENGLISH)
    assert answer["Location"] == shown
    assert press(client, shown, send).status_code == 302
    assert [item.participant for item in ExportItem.objects.filter(attempt__is_retry=True)] == [chosen]


def test_the_code_is_chosen_in_the_form_and_needs_no_other_look(make_flow: Make, world: World, client: Client) -> None:
    flow = make_flow(people=0, codes=["A", "B"])
    first, second = flow.codes.all()
    person = ParticipantFactory(flow=flow, codes=[first, second], grade="5")
    world.grades[person.wiseflow_id] = "5"
    world.answer = rejected
    _send(flow)
    client.force_login(flow.created_by)
    address, send = (
        reverse("exports:preview", args=[flow.pk]) + "?asking=retry",
        reverse("exports:send", args=[flow.pk]),
    )
    press(client, address, send, **{f"to-{person.pk}": first.pk})
    assert ExportAttempt.objects.get(is_retry=True).code == first


def test_a_command_prints_what_is_there_now_instead(make_flow: Make, world: World) -> None:
    flow = make_flow(people=2)
    button = ByCommand(flow, Client(), Asking.FIRST)
    button.look()
    other_grade(flow, world)
    out = StringIO()
    with pytest.raises(CommandError, match=CHANGED):
        call_command(
            "export",
            "--flow",
            flow.pk,
            "--by",
            flow.created_by.email,
            "--seen",
            button.fingerprint,
            "--json",
            stdout=out,
        )
    now = json.loads(out.getvalue())
    assert now["fingerprint"] != button.fingerprint
    assert sorted(person["grade"] for person in now["send"]) == ["3", "5"]


def test_a_job_has_seen_nothing_and_needs_no_fingerprint(make_flow: Make) -> None:
    flow = make_flow(people=1)
    with pytest.raises(NotAsShown) as refused:
        start_export(flow=flow, requested_by=flow.created_by, seen="")
    assert refused.value.message.has(Trait.NOT_AS_SHOWN)
    assert start_export(flow=flow, requested_by=flow.created_by)


def test_national_ids_cannot_be_tried_out(make_flow: Make) -> None:
    """The fingerprint stands on a page that shows them masked: without the server's key nobody can make one."""
    flow = make_flow(people=1, university="boras")
    flow.source.memberships.update(can_export=True)
    before = preview_export(flow=flow, user=flow.created_by).fingerprint
    row = Registration.objects.get(participant=flow.participants.get())
    row.national_id = "19900101-0000"
    row.save()
    after = preview_export(flow=flow, user=flow.created_by).fingerprint
    assert before.whole != after.whole
    assert before.parts != after.parts
