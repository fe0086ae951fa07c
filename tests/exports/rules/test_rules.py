"""Each rule of the article by its name, and what holds for them all. Pure: no database."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.rules import rules
from exports.rules.rules import Asking, FlowFacts, Last, PersonFacts, Sender
from ladokflow.ladok.base import GradeLine

NOW = dt.datetime(2027, 1, 15, 12, tzinfo=dt.UTC)
READY = {"synced_at": NOW, "state": 4}


def flow(**fields: Any) -> FlowFacts:
    return FlowFacts(**(READY | fields))


def person(grade: str = "5", *, is_alternative: bool = False, **fields: Any) -> PersonFacts:
    line = GradeLine(grade=grade, is_alternative=is_alternative, organisation_id="a@x")
    return PersonFacts(line=line, has_alternative_grade=is_alternative, **fields)


def refused(facts: FlowFacts, sender: Sender | None = None, asking: Asking = Asking.FIRST) -> str:
    told = rules.flow_refusal(facts, sender, asking)
    return told.code if told else ""


def held(facts: FlowFacts, who: PersonFacts, asking: Asking = Asking.FIRST) -> str:
    told = rules.person_refusal(facts, who, asking)
    return told.code if told else ""


def test_everything_in_order_is_allowed() -> None:
    assert refused(flow()) == ""
    assert held(flow(), person()) == ""


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (flow(is_created=False), "export.not_created"),
        (flow(synced_at=None), "export.not_synced"),
        (flow(state=0), "export.marking_not_ended"),
        (flow(state=3, marking_end_at=NOW), "export.marking_ends_at"),
        (flow(state=3, marking_end_at=NOW, now=NOW), "export.marking_ends_at"),
        (flow(state=3, marking_end_at=NOW, now=NOW + dt.timedelta(seconds=1)), "export.marking_should_have_ended"),
        (flow(has_code=False), "export.ended"),
        (flow(is_export_ended=True), "export.ended"),
        (flow(is_under_way=True), "export.under_way"),
        (flow(needs_export_right=True), "export.no_right"),
    ],
)
def test_a_flow_that_breaks_one_rule_is_refused_with_that_rules_sentence(facts: FlowFacts, code: str) -> None:
    assert refused(facts) == code


@pytest.mark.parametrize("state", [4, 5])
def test_marking_is_over_in_the_concluding_phase_and_in_the_archive(state: int) -> None:
    assert refused(flow(state=state)) == ""


def test_instant_export_is_exempt_from_the_end_of_marking_and_from_no_other_rule() -> None:
    assert refused(flow(state=3), asking=Asking.INSTANT) == ""
    assert refused(flow(state=3, synced_at=None), asking=Asking.INSTANT) == "export.not_synced"
    assert refused(flow(state=3, is_under_way=True), asking=Asking.INSTANT) == "export.under_way"


def test_what_instant_export_could_not_send_may_be_retried_before_marking_ends() -> None:
    assert refused(flow(state=3, is_instant=True), asking=Asking.RETRY) == ""
    assert refused(flow(state=3), asking=Asking.RETRY) == "export.marking_not_ended"


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (person(""), "export.not_graded"),
        (person(is_from_source=False), "export.added_by_hand"),
        (person(has_code=False), "export.code_removed"),
        (person(is_active=False), "export.deactivated"),
        (person(can_be_identified=False), "export.no_identifier"),
        (person(last=Last("live", "5")), "export.person_under_way"),
        (person(last=Last("exported", "5")), "export.exported_already"),
        (person(last=Last("exported", "3")), "export.changed_since"),
        (person("", last=Last("exported", "3")), "export.withdrawn_since"),
        (person(last=Last("exported", "5", points=Decimal(9))), "export.points_changed_since"),
        (person(is_alternative=True, last=Last("exported", "5")), "export.alternative_since"),
        (person(last=Last("exported", "3", is_alternative=True)), "export.alternative_locked"),
        (person(last=Last("failed", "5")), "export.waits_for_retry"),
        (person(last=Last("unknown", "5")), "export.person_unknown"),
    ],
)
def test_a_person_who_breaks_one_rule_is_held_back_with_that_rules_sentence(who: PersonFacts, code: str) -> None:
    assert held(flow(), who) == code


def test_people_added_by_hand_are_sent_where_the_source_takes_them() -> None:
    assert held(flow(accepts_manual_participants=True), person(is_from_source=False)) == ""


def test_a_grade_is_checked_against_the_scale_where_it_is_known() -> None:
    assert held(flow(grades=("U", "G")), person("VG")) == "export.not_on_the_scale"
    assert held(flow(grades=("U", "G", "VG")), person("VG")) == ""


def test_an_alternative_grade_waits_for_the_end_of_marking_with_instant_export() -> None:
    assert held(flow(state=3), person(is_alternative=True), Asking.INSTANT) == "export.alternative_waits"
    assert held(flow(), person(is_alternative=True)) == ""


def test_overwriting_is_for_a_changed_grade_that_is_not_locked() -> None:
    assert refused(flow(), asking=Asking.OVERWRITE) == "export.no_overwriting"
    allowing = flow(allows_overwriting=True)
    assert refused(allowing, asking=Asking.OVERWRITE) == ""
    assert held(allowing, person(last=Last("exported", "3")), Asking.OVERWRITE) == ""
    assert held(allowing, person(last=Last("exported", "5")), Asking.OVERWRITE) == "export.not_changed"
    locked = person(last=Last("exported", "3", is_alternative=True))
    assert held(allowing, locked, Asking.OVERWRITE) == "export.alternative_locked"


def test_a_retry_of_what_replaces_an_exported_grade_needs_a_source_that_allows_overwriting() -> None:
    for state in ("failed", "unknown"):
        who = person(last=Last(state, "5", replaces_exported=True))
        assert held(flow(), who, Asking.RETRY) == "export.no_overwriting"
        assert held(flow(allows_overwriting=True), who, Asking.RETRY) == ""
        assert held(flow(), person(last=Last(state, "5")), Asking.RETRY) == ""


lasts = st.none() | st.builds(
    Last, st.sampled_from(["live", "exported", "failed", "unknown"]), st.sampled_from(["U", "3"]), st.booleans()
)
people = st.builds(
    PersonFacts,
    line=st.builds(GradeLine, grade=st.sampled_from(["", "U", "3", "VG"]), is_alternative=st.booleans()),
    is_from_source=st.booleans(),
    is_active=st.booleans(),
    has_code=st.booleans(),
    can_be_identified=st.booleans(),
    has_alternative_grade=st.booleans(),
    last=lasts,
)
flows = st.builds(
    FlowFacts,
    synced_at=st.none() | st.just(NOW),
    state=st.sampled_from([0, 1, 2, 3, 4, 5]),
    grades=st.sampled_from([(), ("U", "3")]),
    accepts_manual_participants=st.booleans(),
    is_instant=st.booleans(),
)


@given(flows, people, st.sampled_from(list(Asking)))
def test_nobody_is_sent_without_a_grade_or_while_a_grade_of_theirs_is_held(
    facts: FlowFacts, who: PersonFacts, asking: Asking
) -> None:
    if rules.person_refusal(facts, who, asking) is not None:
        return
    assert who.line.grade
    state = who.last.state if who.last else None
    assert state != "live"
    assert (
        state
        in {
            Asking.FIRST: {None},
            Asking.INSTANT: {None},
            Asking.RETRY: {"failed", "unknown"},
            Asking.OVERWRITE: {"exported"},
        }[asking]
    )
    assert who.is_from_source or facts.accepts_manual_participants
    assert not (asking is Asking.INSTANT and who.has_alternative_grade)


@given(flows, st.sampled_from(list(Asking)))
def test_no_flow_is_exported_before_a_successful_synchronisation(facts: FlowFacts, asking: Asking) -> None:
    if rules.flow_refusal(facts, None, asking) is None:
        assert facts.synced_at
        assert facts.state in (4, 5) or asking is Asking.INSTANT or (asking is Asking.RETRY and facts.is_instant)
