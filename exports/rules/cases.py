"""A flow as the rules see it, with everybody in it: read from the database in a constant number of queries."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from exports.models import ExportAttempt, ExportItem
from exports.rules import rules
from exports.rules.candidates import Candidate, candidates_of, tell_doubted, tell_elsewhere, tell_shared
from exports.rules.elsewhere import others_of
from exports.rules.facts import flow_facts, is_known_as, person_facts, source_facts
from exports.rules.holding import Holding, Word
from exports.rules.items import item_line, newest_items
from exports.rules.values import FlowFacts, PersonFacts, SourceFacts
from ladokflow.wiseflow.scales import Form, Scale, Witness
from sources.models import Flow, FlowSource, Participant, Registration

# What nobody asks of the people of a case: each of these columns takes its time, for thousands
UNASKED = (
    "individual_end_at", "room", "user_id",
    "assessment__approval_read_at", "assessment__collected_at",
    "paper__submission_id", "paper__handed_in_at", "paper__is_late", "paper__similarity", "paper__accepted_by", "paper__accepted_at",
)  # fmt: skip
# Facts of a person that those tell who know everybody
TOLD_BY_ALL = ("doubt", "shares_identifier_with", "sent_elsewhere", "may_be_sent_again")


@dataclass(frozen=True)
class Case:
    flow: Flow
    source: SourceFacts
    facts: FlowFacts
    people: list[Candidate]
    holding: Holding


def lock(flow_pk: int) -> Flow:
    """The flow, fresh, and held until the transaction ends: whoever starts, records or settles takes turns.

    On SQLite the transaction itself holds the only write lock.
    """
    return Flow.objects.select_related("source").select_for_update(of=("self",), no_key=True).get(pk=flow_pk)


def load_case(
    flow: Flow,
    *,
    to: Mapping[int, int] | None = None,
    again: bool = False,
    by_itself: bool = False,
    besides: Collection[uuid.UUID] = (),
    registrations: Mapping[int, list[Registration]] | None = None,
) -> Case:
    """`to`: participants whose retry is to go to another code, by key; what is no choice of theirs is not heeded. `again`: a
    manager has said that what another flow has sent may be sent again. `by_itself`: for an export that nobody has asked for, which a
    manager's word of how grades are to be sent is not for. `besides`: attempts that do not make it one that is under way.
    `registrations`: as of `registrations_of`, where they have just been read.
    """
    codes = codes_of(flow)
    items = newest_items(flow)
    if registrations is None:
        registrations = registrations_of(codes)
    participants = list(Participant.objects.filter(flow=flow).select_related("assessment", "paper").defer(*UNASKED))
    holding = _holding_of(flow, codes, participants, by_itself=by_itself)
    people = [
        candidate
        for participant in participants
        for candidate in candidates_of(
            flow,
            holding,
            participant,
            codes,
            registrations.get(participant.pk, []),
            items.get(participant.pk, []),
            (to or {}).get(participant.pk),
        )
    ]
    is_under_way = flow.attempts.filter(state__in=ExportAttempt.OPEN).exclude(pk__in=besides).exists()
    doubt = None if _has_all(people) else holding.doubt
    return Case(
        flow,
        source_facts(flow.source),
        flow_facts(flow, has_code=bool(codes), is_under_way=is_under_way, doubt=doubt),
        tell_elsewhere(others_of(flow, codes), tell_shared(flow, tell_doubted(people, codes)), again=again),
        holding,
    )


def _holding_of(
    flow: Flow, codes: Sequence[FlowSource], participants: Sequence[Participant], *, by_itself: bool
) -> Holding:
    assessments = [row for participant in participants if (row := getattr(participant, "assessment", None)) is not None]
    return holding_of(
        flow,
        codes,
        values=[row.grade for row in assessments],
        alternatives=[row.alternative_grade for row in assessments],
        by_itself=by_itself,
    )


def holding_of(
    flow: Flow,
    codes: Sequence[FlowSource],
    *,
    values: Iterable[str],
    alternatives: Iterable[str],
    by_itself: bool,
) -> Holding:
    """`values` and `alternatives`: everybody's grades as WISEflow gave them out, empty for who has none. Reads nothing."""
    said = flow.said_form and not by_itself
    return Holding(
        scale=Scale.from_json(flow.scale_definition),
        # No Counter is given on: a template that asks one for `items` is told 0.
        values=dict(Counter(value for value in values if value)),
        alternatives=dict(Counter(value for value in alternatives if value)),
        witnesses=[Witness(*entry) for entry in flow.scale_witnesses],
        of_licence=Form(flow.source.grade_form) if flow.source.grade_form else None,
        other_scales=flow.other_scales(codes),
        word=Word(Form(flow.said_form), flow.said_of) if said else None,
    )


def _has_all(people: Sequence[Candidate]) -> bool:
    """Whether Ladok has every grade that there is: then there is nothing to ask about them."""
    graded = [person for person in people if person.facts.line.grade]
    return bool(graded) and all(
        person.item is not None
        and person.item.state == ExportItem.State.EXPORTED
        and not rules.is_changed(person.facts)
        for person in graded
    )


def codes_of(flow: Flow) -> list[FlowSource]:
    return list(flow.codes.filter(removed_at__isnull=True).order_by("position"))


def registrations_of(codes: Sequence[FlowSource]) -> dict[int, list[Registration]]:
    """Those on codes that are still on the flow, by participant, the first code's first."""
    by_pk = {code.pk: code for code in codes}
    rows: dict[int, list[Registration]] = {}
    found = Registration.objects.filter(code__in=by_pk).defer("first_seen_at", "individual_end_at")
    for row in found.order_by("code__position", "pk"):
        row.code = by_pk[row.code_id]
        rows.setdefault(row.participant_id, []).append(row)
    return rows


def sent_facts(case: Case, items: Iterable[ExportItem]) -> dict[int, PersonFacts]:
    """By item: the person as of now, and what the item holds as what would be sent. Without those that are no longer their people's
    newest: others have gone on."""
    people = {person.item.pk: person for person in case.people if person.item is not None}
    facts = {}
    for item in items:
        person = people.get(item.pk)
        if person is None:
            continue
        line = item_line(item)
        if line == person.facts.line and person.facts.is_on_the_scale:
            facts[item.pk] = person.facts  # what is the same gives the same
            continue
        sent = person_facts(
            case.flow,
            case.holding,
            person.participant,
            person.registration,
            line,
            code=person.code,
            item=person.item,
            # As it is compared with what WISEflow gives out now.
            is_on_the_scale=True,
            is_known_as_sent=is_known_as(case.flow, line, person.facts.line),
        )
        of_all = {name: getattr(person.facts, name) for name in TOLD_BY_ALL}
        facts[item.pk] = replace(sent, **of_all)
    return facts
