"""A flow that is there is changed as it was shown, as far as its phase and the manager's rights allow, and a synchronisation undoes none of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils.translation import override

from ladokflow.fingerprints import NotAsShown
from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused
from sources.flows.change import Change, change_flow, standing_of
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.flows.settings import BY_NAME, IN_WISEFLOW, SETTINGS
from sources.models import AuditEntry, Flow, FlowPreset, Membership, Source, SyncRun
from sources.pages.change_form import ChangeForm
from sources.pages.settings_form import SettingsForm
from sources.sync.lease import Lease
from sources.sync.run import request_sync, run_sync
from tests.by_hand import written

pytestmark = pytest.mark.django_db
ASSESSOR = "orjha56@liu.example"
WORKING = [{"role": role, "organisation_id": ASSESSOR} for role in ("reviewer", "assessor")]
# What has to stand in WISEflow for one to be changed
FIRST = {"assessor_groups": {"allocationType": "GROUPED"}}
# Another value of each, and what it was before
OTHERS: dict[str, tuple[Any, Any]] = {
    "grade_decided_by": ("reviewer", "assessor"),
    "exports_when_marking_ends": (True, False),
    "instant_export": (True, False),
    "anonymisation": ("number", "names"),
    "examination_type": ("REEXAMINATION", "ORDINARY"),
    "purpose": ("COURSE_WORK", "EXAMINATION"),
    "term": ("HT26", ""),
    "credits": ("7.5", ""),
    "description": ("Skriv tydligt.", ""),
    "time_box": (240, None),
    "allocation_type": ("GROUPED", "SINGLE_ASSESSOR"),
    "assessor_groups": ("Salen: Örjan Hägg", ""),
    "reviewers_access": ("decides", "sees"),
}


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with override("en"):
        yield


@pytest.fixture
def make(sandbox: Any, liu: Source, anna: User) -> Callable[..., Flow]:
    def made(**choices: Any) -> Flow:
        code = sandbox.control.add_exam("liu", people=2)
        flow = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False, **choices).pk)
        assert flow.setup_state == "ready", flow.setup_reason
        sandbox.control.clear_received()
        return flow

    return made


@pytest.fixture
def flow(make: Callable[..., Flow]) -> Flow:
    return make(staff=WORKING)


def told(flow: Flow) -> list[str]:
    entries = AuditEntry.objects.filter(flow=flow).order_by("pk")
    return [str(Message.from_json(entry.message)) for entry in entries if "change" in entry.message["code"]]


def values(flow: Flow) -> dict[str, Any]:
    return dict(standing_of(Flow.objects.get(pk=flow.pk)).values)


def test_every_setting_has_a_value_to_try() -> None:
    assert set(OTHERS) == set(BY_NAME)


@pytest.mark.parametrize("name", OTHERS)
def test_each_setting_is_changed_and_stays_so(sandbox: Any, flow: Flow, anna: User, name: str) -> None:
    new, old = OTHERS[name]
    sandbox.control.set_settings_by_hand(flow.wiseflow_id, **FIRST.get(name, {}))
    shown = standing_of(flow)
    assert shown.values[name] == old
    done = change_flow(flow=flow, change=Change({name: new}), by=anna, seen=str(shown.fingerprint))
    assert done.values == {name: new}
    expected = {**shown.values, name: new}
    assert values(flow) == expected
    setting = BY_NAME[name]
    (line,) = told(flow)
    assert setting.shown(new) in line
    assert setting.shown(old) in line
    run = run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.COMMAND, enqueue=False).pk)
    assert run.state == "success"
    assert values(flow) == expected


def test_all_of_it_at_once_takes_one_writing_for_each_part(sandbox: Any, flow: Flow, anna: User) -> None:
    wanted = Change({name: new for name, (new, _old) in OTHERS.items()})
    assert set(change_flow(flow=flow, change=wanted, by=anna).values) == set(OTHERS)
    parts = [
        "PUT anonymisation",
        "PUT metadata",
        "PUT description",
        "PUT timebox",
        "PUT settings",
        "PUT marking/assessor-allocation-type",
        "POST assessor-groups",
    ]
    (reviewer,) = sandbox.control.flow(flow.wiseflow_id)["reviewers"]
    parts.append(f"PATCH reviewers/{reviewer['id']}")
    done = [f"{method} {path.removeprefix(f'/flows/{flow.wiseflow_id}/')}" for method, path in written(sandbox)]
    assert sorted(done) == sorted(parts)
    sandbox.control.clear_received()
    assert not change_flow(flow=flow, change=wanted, by=anna)
    assert written(sandbox) == []
    back = Change({name: old for name, (_new, old) in OTHERS.items()})
    change_flow(flow=flow, change=back, by=anna)
    assert values(flow) == back.values


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_the_phase_decides_what_may_be_changed(sandbox: Any, flow: Flow, anna: User, setting: Any) -> None:
    control, number = sandbox.control, flow.wiseflow_id
    control.set_settings_by_hand(number, **FIRST.get(setting.name, {}))
    move = [
        control.activate,
        control.start_participation,
        control.end_participation,
        control.end_marking,
        control.archive,
    ]
    for state in Flow.State:
        if state:
            move[state - 1](number)
        run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.COMMAND, enqueue=False).pk)
        flow = Flow.objects.select_related("source").get(pk=flow.pk)
        shown = standing_of(flow)
        assert shown.state == state
        before = shown.values.get(setting.name)
        new, old = OTHERS[setting.name]
        change = Change({setting.name: old if before == new else new})
        if state in setting.states:
            assert change_flow(flow=flow, change=change, by=anna, seen=str(shown.fingerprint))
        else:
            with pytest.raises(Refused, match=r"(can no longer be changed|archived)"):
                change_flow(flow=flow, change=change, by=anna, seen=str(shown.fingerprint))
            assert values(flow).get(setting.name) == before


def test_what_was_changed_in_wiseflow_meanwhile_is_shown_anew(sandbox: Any, flow: Flow, anna: User) -> None:
    shown = standing_of(flow)
    sandbox.control.set_metadata_by_hand(flow.wiseflow_id, term="VT27")
    with pytest.raises(NotAsShown):
        change_flow(flow=flow, change=Change({"instant_export": True}), by=anna, seen=str(shown.fingerprint))
    flow.refresh_from_db()
    assert not flow.instant_export
    assert written(sandbox) == []


def test_the_export_settings_need_the_right_to_export(flow: Flow, anna: User) -> None:
    Membership.objects.filter(user=anna).update(can_export=False)
    for name in ("instant_export", "exports_when_marking_ends", "grade_decided_by"):
        with pytest.raises(Refused, match="may not export"):
            change_flow(flow=flow, change=Change({name: OTHERS[name][0]}), by=anna)
    assert change_flow(flow=flow, change=Change({"anonymisation": "number"}), by=anna)


def test_a_worker_at_the_flow_is_waited_for(flow: Flow, anna: User) -> None:
    assert Lease.take(flow.pk)
    with pytest.raises(Refused, match="being synchronised"):
        change_flow(flow=flow, change=Change({"instant_export": True}), by=anna)


def test_without_wiseflow_ours_are_changed_all_the_same(sandbox: Any, flow: Flow, anna: User) -> None:
    sandbox.control.fault("wiseflow", "*", "status", 50, status=503)
    shown = standing_of(flow)
    assert shown.failure is not None
    assert set(shown.values).isdisjoint(setting.name for setting in IN_WISEFLOW)
    with pytest.raises(RemoteError):
        change_flow(flow=flow, change=Change({"anonymisation": "number"}), by=anna)
    change = Change({"instant_export": True})
    change_flow(flow=flow, change=change, by=anna, names=tuple(shown.values), seen=str(shown.fingerprint))
    assert Flow.objects.get(pk=flow.pk).instant_export


def test_a_lost_answer_is_looked_up_and_a_refusal_told_with_what_was_done_before(
    sandbox: Any, flow: Flow, anna: User
) -> None:
    path = f"/flows/{flow.wiseflow_id}"
    sandbox.control.fault("wiseflow", f"{path}/anonymisation", "lost_answer", method="PUT")
    sandbox.control.fault("wiseflow", f"{path}/timebox", "status", method="PUT", status=400)
    change = Change({"anonymisation": "number", "time_box": 90, "instant_export": True})
    with pytest.raises(Refused, match="Time box"):
        change_flow(flow=flow, change=change, by=anna)
    assert ["Anonymisation" in line for line in told(flow)] == [True]
    assert not Flow.objects.get(pk=flow.pk).instant_export
    done = change_flow(flow=flow, change=change, by=anna)
    assert set(done.values) == {"time_box", "instant_export"}


def test_people_are_added_until_marking_ends_and_taken_off_in_setup(sandbox: Any, flow: Flow, anna: User) -> None:
    person = {"role": "assessor", "organisation_id": "larak34@liu.example"}
    sync = lambda: run_sync(SyncRun.objects.get(flow=flow, state="queued").pk)  # noqa: E731
    assessors = lambda: len(sandbox.control.flow(flow.wiseflow_id)["assessors"]) - len([ASSESSOR])  # noqa: E731
    change_flow(flow=flow, change=Change(added=[person]), by=anna, enqueue=False)
    sync()
    assert assessors() == 1
    change_flow(flow=flow, change=Change(taken_off=[person]), by=anna, enqueue=False)
    sync()
    assert assessors() == 0
    sandbox.control.activate(flow.wiseflow_id)
    change_flow(flow=flow, change=Change(added=[person]), by=anna, enqueue=False)
    sync()
    assert assessors() == 1
    with pytest.raises(Refused, match="taken off in WISEflow"):
        change_flow(flow=flow, change=Change(taken_off=[person]), by=anna)
    sandbox.control.end_marking(flow.wiseflow_id)
    author = {"role": "author", "organisation_id": ASSESSOR}
    with pytest.raises(Refused, match="Marking has ended"):
        change_flow(flow=flow, change=Change(added=[author]), by=anna)


def test_a_head_invigilator_comes_steps_down_and_goes(sandbox: Any, flow: Flow, anna: User) -> None:
    head, basic = ({"role": role, "organisation_id": ASSESSOR} for role in ("head_invigilator", "invigilator"))

    def after(**change: Any) -> list[bool]:
        change_flow(flow=flow, change=Change(**change), by=anna, enqueue=False)
        run = run_sync(SyncRun.objects.get(flow=flow, state="queued").pk)
        assert (run.state, run.problems) == ("success", [])
        rows = sandbox.control.flow(flow.wiseflow_id)["invigilators"]
        return [row["isHeadInvigilator"] for row in rows]

    assert after(added=[basic]) == [False]
    assert after(added=[head]) == [True]
    assert after(taken_off=[head]) == [False]
    assert after(taken_off=[basic]) == []
    assert after(added=[head]) == [True]
    assert after(added=[basic], taken_off=[head]) == [False]
    assert after(added=[head], taken_off=[basic]) == [True]
    assert after(taken_off=[head]) == []


def test_somebody_stays_who_is_a_manager(flow: Flow, anna: User) -> None:
    with pytest.raises(Refused, match="needs a manager"):
        change_flow(flow=flow, change=Change(taken_off=flow.staff), by=anna)


def test_a_new_flow_gets_what_was_chosen_for_it_in_wiseflow(sandbox: Any, make: Callable[..., Flow]) -> None:
    wanted = {setting.name: OTHERS[setting.name][0] for setting in IN_WISEFLOW}
    flow = make(wiseflow_settings=wanted, staff=WORKING)
    assert wanted.items() <= values(flow).items()


def test_what_a_new_flow_cannot_have_is_told_and_the_rest_is_there(make: Callable[..., Flow]) -> None:
    flow = make(wiseflow_settings={"allocation_type": "GROUPED", "assessor_groups": "A: nobody", "credits": "7.5"})
    assert values(flow)["allocation_type"] == "GROUPED"
    (problem,) = SyncRun.objects.get(flow=flow).problems
    assert "Not among the flow's assessors in WISEflow: nobody." in str(Message.from_json(problem))


def test_groups_of_assessors_become_those_that_are_written(sandbox: Any, make: Callable[..., Flow], anna: User) -> None:
    people = {ASSESSOR: "orjan@liu.example", "larak34@liu.example": "lars@liu.example"}
    flow = make(
        wiseflow_settings={"allocation_type": "GROUPED"},
        staff=[{"role": "assessor", "organisation_id": one, "email": email} for one, email in people.items()],
    )

    def after(text: str) -> dict[str, int]:
        change_flow(flow=flow, change=Change({"assessor_groups": text}), by=anna)
        groups = sandbox.control.flow(flow.wiseflow_id)["assessorGroups"].values()
        return {group["title"]: len(group["assessorIds"]) for group in groups}

    assert after(f"A: {ASSESSOR}\nB: orjan@liu.example, Lars Åkesson") == {"A": 1, "B": 2}
    assert after("a: Lars Åkesson") == {"a": 1}
    with pytest.raises(Refused, match=r"Not among the flow's assessors in WISEflow: Märta Löfgren\."):
        after("A: Märta Löfgren")
    there = sandbox.control.flow(flow.wiseflow_id)["assessorGroups"]
    with_students = {key: group | {"participantIds": [1]} for key, group in there.items()}
    sandbox.control.set_settings_by_hand(flow.wiseflow_id, assessorGroups=with_students)
    with pytest.raises(Refused, match="has 1 student, who would be nobody's"):
        after("")
    with pytest.raises(Refused, match="Choose “In groups”, or empty the groups"):
        change_flow(flow=flow, change=Change({"allocation_type": "SINGLE_ASSESSOR"}), by=anna)
    assert values(flow)["assessor_groups"] == "a: Lars Åkesson"


def test_groups_are_closed_with_the_kind_of_allocation_that_they_take(sandbox: Any, flow: Flow, anna: User) -> None:
    def why_closed() -> str:
        standing = standing_of(Flow.objects.get(pk=flow.pk))
        return str(standing.why_closed(BY_NAME["assessor_groups"], may_export=True) or "")

    both = Change({"allocation_type": "GROUPED", "assessor_groups": "A: Örjan Hägg"})
    assert why_closed() == ""
    assert not both.refusals(standing_of(flow), may_export=True)
    sandbox.control.activate(flow.wiseflow_id)
    sandbox.control.end_participation(flow.wiseflow_id)
    assert why_closed().startswith("Marking has begun")
    sandbox.control.set_settings_by_hand(flow.wiseflow_id, allocationType="GROUPED")
    assert why_closed() == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("A: x\nA: y", "Two groups are called A."),
        ("A", "“A” is no group."),
        (": x", "“: x” is no group."),
        ("A: ,", "“A: ,” is no group."),
        ("\n".join(f"{number}: x" for number in range(51)), "at most 50 groups"),
    ],
)
def test_groups_that_cannot_be_are_told_with_their_line(text: str, told: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(told)):
        BY_NAME["assessor_groups"].field.clean(text)


@pytest.mark.parametrize(
    ("given", "kept"), [("7,5", "7.5"), (" 15 ", "15"), ("", ""), ("ten", None), ("-1", None), ("٧", None)]
)
def test_credits_are_a_number(given: str, kept: str | None) -> None:
    field = BY_NAME["credits"].field
    if kept is None:
        with pytest.raises(ValidationError, match=r"Write a number, as 7\.5"):
            field.clean(given)
    else:
        assert field.clean(given) == kept


def test_a_flow_without_reviewers_says_so(make: Callable[..., Flow], anna: User) -> None:
    flow = make()
    assert "reviewers_access" not in values(flow)
    with pytest.raises(Refused, match="no reviewer"):
        change_flow(flow=flow, change=Change({"reviewers_access": "decides"}), by=anna)


def test_a_preset_of_before_wants_nothing_of_wiseflow(liu: Source) -> None:
    preset = FlowPreset.objects.create(source=liu, name="Salstenta")
    assert FlowPreset.objects.get(pk=preset.pk).wiseflow_settings == {}


GROUPED = {"allocation_type": "GROUPED"}


def groups_of(*titled: tuple[str, int | None]) -> dict[str, Any]:
    """Each with one assessor, or none."""
    return {
        str(number): {"id": number, "title": title, "assessorIds": [one] if one else [], "participantIds": []}
        for number, (title, one) in enumerate(titled, start=7)
    }


@pytest.mark.parametrize("titles", [["Sal: A", "B"], ["Tom", "A\nB"], ["A", "a"]])
def test_groups_that_stand_in_wiseflow_otherwise_than_they_are_written_here_hinder_no_other_change(
    sandbox: Any, make: Callable[..., Flow], anna: User, titles: list[str]
) -> None:
    flow = make(wiseflow_settings=GROUPED, staff=WORKING)
    (assessor,) = sandbox.control.flow(flow.wiseflow_id)["assessors"]
    groups = groups_of((titles[0], None), (titles[1], assessor["id"]))
    sandbox.control.set_settings_by_hand(flow.wiseflow_id, assessorGroups=groups)
    shown = standing_of(flow)
    form = ChangeForm(flow=flow, standing=shown, may_export=True)
    sent = {name: str(form[name].value() or "") for name in form.fields} | {"term": "HT26"}
    sent["assessor_groups"] = sent["assessor_groups"].replace("\n", "\r\n")
    form = ChangeForm(sent, flow=flow, standing=shown, may_export=True)
    assert form.is_valid(), form.errors
    assert dict(form.change().values) == {"term": "HT26"}


def test_a_group_with_a_colon_is_kept_and_two_of_one_name_are_not_mixed_up(
    sandbox: Any, make: Callable[..., Flow], anna: User
) -> None:
    flow = make(wiseflow_settings=GROUPED, staff=WORKING)
    (assessor,) = sandbox.control.flow(flow.wiseflow_id)["assessors"]
    groups = groups_of(("Sal: A", assessor["id"]), ("B", assessor["id"]))
    sandbox.control.set_settings_by_hand(flow.wiseflow_id, assessorGroups=groups)
    before = str(values(flow)["assessor_groups"])
    change_flow(flow=flow, change=Change({"assessor_groups": before.replace("\nB:", "\nC:")}), by=anna)
    there = sandbox.control.flow(flow.wiseflow_id)["assessorGroups"]
    assert sorted(one["title"] for one in there.values()) == ["C", "Sal: A"]
    sandbox.control.set_settings_by_hand(
        flow.wiseflow_id, assessorGroups=groups_of(("Sal: A", None), ("B", None), ("b", None))
    )
    with pytest.raises(Refused, match="Two of the flow's groups in WISEflow are called B"):
        change_flow(flow=flow, change=Change({"assessor_groups": "B: Örjan Hägg\nSal: A: Örjan Hägg"}), by=anna)
    assert len(sandbox.control.flow(flow.wiseflow_id)["assessorGroups"]) == 3


def test_credits_that_a_new_flow_could_not_have_can_be_set_afterwards(
    sandbox: Any, make: Callable[..., Flow], anna: User
) -> None:
    sandbox.control.fault("wiseflow", "/flows/*/settings", "status", method="PUT", status=400)
    flow = make(wiseflow_settings={"credits": "7.5"})
    (problem,) = SyncRun.objects.get(flow=flow).problems
    assert "Credits" in str(Message.from_json(problem))
    assert values(flow)["credits"] == ""
    assert change_flow(flow=flow, change=Change({"credits": "7.5"}), by=anna)
    assert values(flow)["credits"] == "7.5"


@pytest.mark.parametrize(
    ("kind", "template", "is_told"),
    [("", "", True), ("SINGLE_ASSESSOR", "5", True), ("", "5", False), ("GROUPED", "", False)],
)
def test_groups_are_chosen_for_a_new_flow_with_the_kind_that_they_take(kind: str, template: str, is_told: bool) -> None:
    sent = {"allocation_type": kind, "template_flow_id": template, "assessor_groups": "A: x"}
    form = SettingsForm(sent, flow_types=[])
    assert ("assessor_groups" in form.errors) == is_told
