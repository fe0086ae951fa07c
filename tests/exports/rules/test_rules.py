"""Each rule of the article by its name, and what holds for them all. Pure: no database."""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from decimal import Decimal
from functools import partial
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.rules import rules
from exports.rules.values import Asking, FlowFacts, Last, PersonFacts, Sender, SourceFacts
from ladokflow.messages import Message, Trait, message
from tests.exports.facts import NOW, SENDER, elsewhere, flow, last, person, source

DOUBT = message("settle.not_open")  # any: the rules hand it on


def refused(
    facts: FlowFacts, sender: Sender | None = None, asking: Asking = Asking.FIRST, university: SourceFacts | None = None
) -> str:
    told = rules.flow_refusal(university or source(), facts, sender, asking)
    return told.code if told else ""


def held(
    facts: FlowFacts, who: PersonFacts, asking: Asking = Asking.FIRST, university: SourceFacts | None = None
) -> str:
    told = rules.person_refusal(university or source(), facts, who, asking)
    return told.code if told else ""


def test_everything_in_order_is_allowed() -> None:
    assert refused(flow()) == ""
    assert held(flow(), person()) == ""


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (flow(is_released=True, is_created=False), "export.released"),
        (flow(is_created=False), "export.not_created"),
        (flow(synced_at=None), "export.not_synced"),
        (flow(is_adoption_unsaid=True), "export.adoption_unsaid"),
        (flow(state=0), "export.marking_not_ended"),
        (flow(state=3, marking_end_at=NOW), "export.marking_ends_at"),
        (flow(state=3, marking_end_at=NOW, now=NOW), "export.marking_ends_at"),
        (flow(state=3, marking_end_at=NOW, now=NOW + dt.timedelta(seconds=1)), "export.marking_should_have_ended"),
        (flow(has_code=False), "export.ended"),
        (flow(is_export_ended=True), "export.ended"),
        (flow(is_under_way=True), "export.under_way"),
    ],
)
def test_a_flow_that_breaks_one_rule_is_refused_with_that_rules_sentence(facts: FlowFacts, code: str) -> None:
    assert refused(facts) == code


def test_where_a_right_is_needed_the_one_who_asks_must_have_it_and_be_known() -> None:
    boras = source(names_sender=True)
    assert refused(flow(), None, university=boras) == "export.no_right"
    assert refused(flow(), Sender("chef@x", can_export=False, may_change=True), university=boras) == "export.no_right"
    assert refused(flow(), Sender("", can_export=True, may_change=True), university=boras) == "export.sender_without_id"
    assert refused(flow(), SENDER, university=boras) == ""


@pytest.mark.parametrize("state", [4, 5])
def test_marking_is_over_in_the_concluding_phase_and_in_the_archive(state: int) -> None:
    assert refused(flow(state=state)) == ""


def test_instant_export_is_exempt_from_the_end_of_marking_and_from_no_other_rule() -> None:
    instant = partial(flow, state=3, is_instant=True)
    assert refused(instant(), asking=Asking.INSTANT) == ""
    assert refused(instant(synced_at=None), asking=Asking.INSTANT) == "export.not_synced"
    assert refused(instant(is_under_way=True), asking=Asking.INSTANT) == "export.under_way"


def test_what_instant_export_was_to_send_waits_for_the_end_of_marking_once_it_is_switched_off() -> None:
    assert refused(flow(state=3), asking=Asking.INSTANT) == "export.marking_not_ended"
    assert refused(flow(state=4), asking=Asking.INSTANT) == ""


def test_what_instant_export_could_not_send_may_be_retried_before_marking_ends() -> None:
    assert refused(flow(state=3, is_instant=True), asking=Asking.RETRY) == ""
    assert refused(flow(state=3), asking=Asking.RETRY) == "export.marking_not_ended"


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (person(""), "export.not_graded"),
        (person(is_from_source=False), "export.added_by_hand"),
        (person(has_code=False), "export.code_removed"),
        (person(is_listed=False, gone_at=NOW), "export.not_listed"),
        (person(is_listed=False), "export.never_listed"),
        (person(doubt=DOUBT), "export.in_doubt"),
        (person(doubt=DOUBT, is_asked=True), "export.who_is_it"),
        (person(is_listed=False, gone_at=NOW, doubt=DOUBT), "export.in_doubt"),
        (person(has_code=False, doubt=DOUBT), "export.in_doubt"),
        (person(is_listed=False, gone_at=NOW, doubt=DOUBT, is_asked=True), "export.who_is_it"),
        (person(is_deactivated_by_hand=True), "export.deactivated_by_hand"),
        (person(can_be_identified=False), "export.no_identifier"),
        (person(sent_elsewhere=elsewhere()), "export.elsewhere"),
        (person("3", sent_elsewhere=elsewhere()), "export.elsewhere_other_grade"),
        (person(sent_elsewhere=elsewhere(points=Decimal(9))), "export.elsewhere_other_grade"),
        (person(sent_elsewhere=elsewhere("unknown")), "export.elsewhere_unknown"),
        (person(sent_elsewhere=elsewhere("live")), "export.elsewhere_under_way"),
        (person(sent_elsewhere=elsewhere("live"), may_be_sent_again=True), "export.elsewhere_under_way"),
        (person(paper="nothing"), "export.no_paper"),
        (person(paper="blank"), "export.blank_paper"),
        (person(last=last("live", "5")), "export.person_under_way"),
        (person(last=last("exported", "5")), "export.exported_already"),
        (person(last=last("exported", "3")), "export.changed_since"),
        (person("", last=last("exported", "3")), "export.withdrawn_since"),
        (person(last=last("exported", "5", points=Decimal(9))), "export.points_changed_since"),
        (person(is_alternative=True, last=last("exported", "5")), "export.alternative_since"),
        (person(last=last("exported", "3", is_alternative=True)), "export.alternative_locked"),
        (person(last=last("failed", "5")), "export.waits_for_retry"),
        (person(last=last("failed", "5", is_there_already=True)), "export.there_already"),
        (person(last=last("unknown", "5")), "export.person_unknown"),
    ],
)
def test_a_person_who_breaks_one_rule_is_held_back_with_that_rules_sentence(who: PersonFacts, code: str) -> None:
    assert held(flow(), who) == code


@pytest.mark.parametrize(
    "who",
    [
        person("U", is_passing=False, paper="nothing"),
        person("Sjuk", is_alternative=True, is_passing=False, paper="nothing"),
        person(paper=""),
        person(paper="nothing", is_paper_accepted=True),
    ],
    ids=["failed", "alternative", "not known", "accepted"],
)
def test_a_paper_is_asked_for_only_of_a_passing_grade_of_whom_it_is_known_and_nobody_has_answered(
    who: PersonFacts,
) -> None:
    assert held(flow(), who) == ""


def test_people_added_by_hand_are_sent_where_the_source_takes_them() -> None:
    assert held(flow(), person(is_from_source=False), university=source(accepts_manual_participants=True)) == ""


def test_a_grade_that_cannot_be_read_is_held_by_itself_once_a_manager_has_looked() -> None:
    assert held(flow(), person("VG", is_on_the_scale=False)) == "export.not_on_the_scale"
    assert held(flow(), person("7", is_on_the_scale=False, is_alternative=True)) == "export.alternative_not_read"
    # Before that the whole flow is held, and nothing else is said of the person.
    assert held(flow(doubt=DOUBT), person("VG", is_on_the_scale=False)) == ""
    assert refused(flow(doubt=DOUBT)) == DOUBT.code


def test_an_alternative_grade_waits_for_the_end_of_marking_with_instant_export() -> None:
    assert held(flow(state=3), person(is_alternative=True), Asking.INSTANT) == "export.alternative_waits"
    assert held(flow(), person(is_alternative=True)) == ""


def test_overwriting_is_for_a_changed_grade_that_is_not_locked() -> None:
    assert refused(flow(), asking=Asking.OVERWRITE) == "export.no_overwriting"
    allowing = source(allows_overwriting=True)
    assert refused(flow(), asking=Asking.OVERWRITE, university=allowing) == ""
    assert held(flow(), person(last=last("exported", "3")), Asking.OVERWRITE, allowing) == ""
    assert held(flow(), person(last=last("exported", "5")), Asking.OVERWRITE, allowing) == "export.not_changed"
    locked = person(last=last("exported", "3", is_alternative=True))
    assert held(flow(), locked, Asking.OVERWRITE, allowing) == "export.alternative_locked"


def test_a_retry_of_what_replaces_an_exported_grade_needs_a_source_that_allows_overwriting() -> None:
    for state in ("failed", "unknown"):
        who = person(last=last(state, "5", replaces_exported=True))
        assert held(flow(), who, Asking.RETRY) == "export.no_overwriting"
        assert held(flow(), who, Asking.RETRY, source(allows_overwriting=True)) == ""
        assert held(flow(), person(last=last(state, "5")), Asking.RETRY) == ""


def test_what_ladok_has_already_is_retried_only_where_somebody_asks_for_the_very_person() -> None:
    who = person(last=last("failed", is_there_already=True))
    assert held(flow(), who, Asking.RETRY) == "export.there_already"
    assert rules.person_refusal(source(), flow(), who, Asking.RETRY, is_chosen=True) is None
    assert rules.person_refusal(source(), flow(), who, Asking.FIRST, is_chosen=True) is not None


def test_what_may_be_in_ladok_is_left_by_a_retry_of_all_from_a_page_and_not_by_one_of_the_very_person() -> None:
    who = person(last=last("unknown", is_in_doubt=True))
    ask = partial(rules.person_refusal, source(), flow(), who)
    left = ask(Asking.RETRY, leaves_unknown=True)
    assert left
    assert left.has(Trait.OUTCOME_UNKNOWN)
    assert ask(Asking.RETRY, leaves_unknown=True, is_chosen=True) is None
    assert ask(Asking.RETRY) is None


sources = st.builds(source, accepts_manual_participants=st.booleans(), allows_overwriting=st.booleans())
lasts = st.none() | st.builds(
    last,
    st.sampled_from(["live", "exported", "failed", "unknown"]),
    st.sampled_from(["U", "3"]),
    is_alternative=st.booleans(),
    replaces_exported=st.booleans(),
    is_there_already=st.booleans(),
)
people = st.builds(
    person,
    st.sampled_from(["", "U", "3", "VG"]),
    is_alternative=st.booleans(),
    is_from_source=st.booleans(),
    is_listed=st.booleans(),
    doubt=st.sampled_from([None, DOUBT]),
    is_deactivated_by_hand=st.booleans(),
    has_code=st.booleans(),
    can_be_identified=st.booleans(),
    is_approved=st.booleans(),
    is_on_the_scale=st.booleans(),
    shares_identifier_with=st.sampled_from(["", "b@x"]),
    sent_elsewhere=st.none() | st.builds(elsewhere, st.sampled_from(["live", "exported", "unknown"])),
    may_be_sent_again=st.booleans(),
    last=lasts,
)
flows = st.builds(
    flow,
    synced_at=st.none() | st.just(NOW),
    state=st.sampled_from([0, 1, 2, 3, 4, 5]),
    doubt=st.sampled_from([None, DOUBT]),
    is_instant=st.booleans(),
    points_total=st.just(3),
    points_left=st.integers(0, 1),
)


@given(sources, flows, people, st.sampled_from(list(Asking)))
def test_nobody_is_sent_without_a_grade_or_while_a_grade_of_theirs_is_held(
    university: SourceFacts, facts: FlowFacts, who: PersonFacts, asking: Asking
) -> None:
    if rules.person_refusal(university, facts, who, asking) is not None:
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
    assert who.is_from_source or university.accepts_manual_participants
    assert who.is_listed
    assert who.doubt is None
    assert who.sent_elsewhere is None or (who.may_be_sent_again and who.sent_elsewhere.state != "live")
    assert not (asking is Asking.INSTANT and who.line.is_alternative)


@given(flows, st.sampled_from(list(Asking)))
def test_no_flow_is_exported_before_a_successful_synchronisation(facts: FlowFacts, asking: Asking) -> None:
    if rules.flow_refusal(source(), facts, None, asking) is None:
        assert facts.synced_at
        assert facts.state in (4, 5) or (facts.is_instant and asking in (Asking.INSTANT, Asking.RETRY))


@given(sources, flows, people, st.sampled_from(list(Asking)))
def test_who_may_no_longer_be_sent_could_not_have_been_asked_for_either(
    university: SourceFacts, facts: FlowFacts, who: PersonFacts, asking: Asking
) -> None:
    """The recheck is no rule of its own: what it holds back, a preview would hold back too."""
    if rules.recheck_one_person(who) or rules.recheck_person(university, facts, who, asking):
        assert rules.person_refusal(university, facts, who, asking) is not None


# --- No rule is forgotten ------------------------------------------------------------------------------------------

# What each question says when one rule alone is broken, and why a question does not ask for it.
QUESTIONS: dict[str, Callable[[Facts], Message | None]] = {
    "start": lambda facts: (
        rules.flow_refusal(facts.source, facts.flow, facts.sender, facts.asking)
        or rules.person_refusal(facts.source, facts.flow, facts.person, facts.asking, leaves_unknown=True)
    ),
    "send": lambda facts: (
        rules.recheck_flow(facts.source, facts.flow, facts.sender, facts.asking)
        or rules.recheck_one_person(facts.person)
        or rules.recheck_person(facts.source, facts.flow, facts.person, facts.asking)
    ),
    "wait": lambda facts: rules.waits_for(facts.flow),
    "last": lambda facts: rules.lasting_refusal(facts.flow, facts.person),
}


@dataclass(frozen=True)
class Facts:
    """Facts that break one rule and no other, and the questions that must find it. The others have a reason not to."""

    asked_in: tuple[str, ...]
    source: SourceFacts = field(default_factory=source)
    flow: FlowFacts = field(default_factory=flow)
    person: PersonFacts = field(default_factory=person)
    sender: Sender | None = SENDER
    asking: Asking = Asking.FIRST


MARKING = flow(state=3, is_instant=True)
RIGHT = source(names_sender=True)
BROKEN = {
    "is_ours": Facts(("start", "send", "wait", "last"), flow=flow(is_released=True)),
    "is_created": Facts(("start", "send", "wait"), flow=flow(is_created=False)),
    # What has been synchronised stays so: not asked for again.
    "is_synced": Facts(("start", "wait"), flow=flow(synced_at=None)),
    "is_adoption_said": Facts(("start", "send", "wait"), flow=flow(is_adoption_unsaid=True)),
    "is_code_there": Facts(("start", "send", "wait", "last"), flow=flow(is_export_ended=True)),
    "is_time": Facts(("start", "send", "wait"), flow=flow(state=3)),
    "has_marking_ended": Facts(("start", "send", "wait"), flow=flow(state=3)),
    "is_still_instant": Facts(("start", "send", "wait"), flow=flow(state=3), asking=Asking.INSTANT),
    # When it is sent, the item itself says that it replaces a grade: `may_replace`.
    "may_overwrite": Facts(("start",), person=person(last=last("exported", "3")), asking=Asking.OVERWRITE),
    "has_export_right": Facts(("start", "send"), source=RIGHT, sender=None),
    # The attempt that is sent is what is under way.
    "is_free": Facts(("start",), flow=flow(is_under_way=True)),
    "is_its_turn": Facts(("start",), person=person(last=last("live"))),
    # A manager who has chosen the person knows why.
    "is_not_there": Facts(("start",), person=person(last=last("failed", is_there_already=True)), asking=Asking.RETRY),
    # From the pages; a manager who has chosen the person, or has asked for all by a command, is told of it.
    "is_settled": Facts(("start",), person=person(last=last("failed", is_in_doubt=True)), asking=Asking.RETRY),
    # The grade, and a reviewer's approval, are compared with what WISEflow says when it is sent.
    "is_graded": Facts(("start", "last"), person=person("")),
    # While marking is on, that is told of the flow as well.
    "is_approved": Facts(("start", "wait"), flow=MARKING, person=person(is_approved=False), asking=Asking.INSTANT),
    "is_unlocked": Facts(("start",), person=person(last=last("exported", "3", is_alternative=True))),
    "may_replace": Facts(
        ("start", "send"), person=person(last=last("failed", replaces_exported=True)), asking=Asking.RETRY
    ),
    "is_no_alternative": Facts(
        ("start", "send", "wait"), flow=MARKING, person=person(is_alternative=True), asking=Asking.INSTANT
    ),
    # That it is added by hand, a source may take after all: it does not last.
    "is_accepted": Facts(("start", "send"), person=person(is_from_source=False)),
    "is_on_a_code": Facts(("start", "send", "last"), person=person(has_code=False)),
    "is_listed": Facts(("start", "send", "last"), person=person(is_listed=False)),
    # A manager, or Ladok, may say whose it is.
    "is_certain": Facts(("start", "send"), person=person(doubt=DOUBT)),
    "is_active": Facts(("start", "send", "last"), person=person(is_deactivated_by_hand=True)),
    "can_be_identified": Facts(("start", "send"), person=person(can_be_identified=False)),
    # What is started is started with what is known then: it can only change afterwards.
    "is_known_as_sent": Facts(("send",), person=person(is_known_as_sent=False)),
    "has_own_identifier": Facts(("start", "send"), person=person(shares_identifier_with="b@x")),
    # When it is sent, they are read once more, and who has none then is held by name.
    "has_points_read": Facts(("start",), source=source(sends_points=True), person=person(has_points_to_come=True)),
    "has_paper": Facts(("start", "send"), person=person(paper="nothing")),
    "is_sent_nowhere_else": Facts(("start", "send"), person=person(sent_elsewhere=elsewhere())),
    "is_on_the_scale": Facts(("start", "send"), person=person(is_on_the_scale=False)),
    "are_points_collected": Facts(("start", "wait"), flow=flow(points_total=3, points_left=1)),
    "are_grades_clear": Facts(("start", "send", "wait"), flow=flow(doubt=DOUBT)),
}
# They put the rules together, and are none themselves.
COMPOSED = {
    "flow_refusal",
    "person_refusal",
    "recheck_flow",
    "recheck_person",
    "recheck_one_person",
    "waits_for",
    "lasting_refusal",
    "retry_refusal",
}


def rule_names() -> set[str]:
    """Every public function of the module that gives a message or None, by its signature."""
    functions = inspect.getmembers(rules, inspect.isfunction)
    return {
        name
        for name, function in functions
        if function.__module__ == rules.__name__
        and not name.startswith("_")
        and get_type_hints(function).get("return") == Message | None
    } - COMPOSED


def test_each_rule_says_which_questions_ask_for_it() -> None:
    assert rule_names() == set(BROKEN)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("name", BROKEN)
def test_each_question_finds_each_broken_rule_that_it_asks_for_and_no_other(name: str, question: str) -> None:
    facts = BROKEN[name]
    assert (QUESTIONS[question](facts) is not None) == (question in facts.asked_in)


def test_the_same_facts_with_nothing_broken_pass_every_question() -> None:
    assert {name: ask(Facts(())) for name, ask in QUESTIONS.items()} == dict.fromkeys(QUESTIONS)


@pytest.mark.parametrize("facts", [SourceFacts, FlowFacts, PersonFacts, Last, Sender])
def test_no_fact_is_taken_for_granted(facts: Any) -> None:
    assert all(each.default is MISSING and each.default_factory is MISSING for each in fields(facts))
