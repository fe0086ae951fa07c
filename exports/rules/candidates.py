"""Each person's grade on its way to a Ladok code: which code that is, and the facts that the rules are asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from exports.models import ExportItem
from exports.rules import rules
from exports.rules.elsewhere import Name, Others, names_of, rank, sent_here
from exports.rules.facts import grade_line, person_facts, source_facts
from exports.rules.holding import Holding
from exports.rules.items import Item
from exports.rules.values import PersonFacts, SourceFacts
from ladokflow.messages import Message
from sources.models import Flow, FlowSource, Participant, Registration


@dataclass(frozen=True)
class Candidate:
    """A person's grade on its way to one Ladok code, `code`, as the rules see it.

    Ladok knows the person there by what `registration` says; None for somebody who was added by hand and is on no list.
    """

    participant: Participant
    registration: Registration | None
    facts: PersonFacts
    code: FlowSource | None
    item: Item | None
    place: int  # as `ExportItem.place`
    # Where a retry may send it instead: Ladok has it nowhere, and the lists of all these codes have the person.
    choices: tuple[FlowSource, ...] = ()
    # That of the choices which Ladok has not been asked for yet, once it has rejected one, and not because it has the grade
    suggested: FlowSource | None = None

    @property
    def leaves_in_doubt(self) -> bool:
        """Whether a grade of the person's may be in Ladok without anybody knowing, from here or from another flow."""
        there = self.facts.sent_elsewhere
        is_unknown = there is not None and there.state == ExportItem.State.UNKNOWN
        return is_unknown or (self.item is not None and self.item.leaves_in_doubt)

    @cached_property
    def key(self) -> tuple[int, int]:
        """A participant whose grade goes to each of several codes is several candidates."""
        return self.participant.pk, self.place


def candidates_of(
    flow: Flow,
    holding: Holding,
    participant: Participant,
    codes: Sequence[FlowSource],
    registrations: Sequence[Registration],
    items: Sequence[Item],
    to: int | None,
) -> list[Candidate]:
    if flow.grade_goes_to == Flow.GradeGoesTo.EACH and (registrations or any(item.place for item in items)):
        return _one_for_each_code(flow, holding, participant, registrations, items)
    item = items[-1] if items else None
    code, registration = _place_of(participant, codes, registrations, item)
    choices = [] if item is None or item.may_be_there else [row for row in registrations if row.is_listed]
    for row in choices:
        if row.code_id == to:
            code, registration = row.code, row
    found = _candidate(flow, holding, participant, registration, code, item, place=0)
    if len(choices) < 2:
        return [found]
    untried = [row.code for row in choices if row.code.normal_code not in {each.normal_code for each in items}]
    is_turned_away = item is not None and item.is_rejected and not item.is_there_already
    suggested = untried[0] if untried and is_turned_away else None
    return [replace(found, choices=tuple(row.code for row in choices), suggested=suggested)]


def _place_of(
    participant: Participant, codes: Sequence[FlowSource], registrations: Sequence[Registration], item: Item | None
) -> tuple[FlowSource | None, Registration | None]:
    """The code that somebody's grade goes to, where it goes to one, and what Ladok says of the person there.

    What was sent under one code is retried under it, as long as it is there; what may be in Ladok under it goes to no other, also when
    it has been taken off the flow. Who has been turned away and is on another exam in Ladok since, goes to that one.
    """
    listed = [row for row in registrations if row.is_listed]
    if item is not None:
        sent_to = next((code for code in codes if code.normal_code == item.normal_code), None)
        own = next((row for row in registrations if row.code == sent_to), None)
        if item.may_be_there or (sent_to is not None and (not listed or own in listed)):
            return sent_to, own
    first = next(iter(listed or registrations), None)
    if first is not None:
        return first.code, first
    # Somebody added by hand belongs to no code: the grade goes to the master's.
    return (None if participant.is_from_source or not codes else codes[0]), None


def _one_for_each_code(
    flow: Flow,
    holding: Holding,
    participant: Participant,
    registrations: Sequence[Registration],
    items: Sequence[Item],
) -> list[Candidate]:
    """For each code whose list has the person, and each that something was sent to."""
    sent = {item.normal_code: item for item in items}
    listed = [row for row in registrations if row.is_listed or row.code.normal_code in sent] or registrations[:1]
    found = []
    for row in listed:
        item = sent.pop(row.code.normal_code, None)
        place = row.code_id if item is None else _place_kept(item, items)
        found.append(_candidate(flow, holding, participant, row, row.code, item, place=place))
    # Their codes have been taken off the flow.
    return found + [
        _candidate(flow, holding, participant, None, None, item, place=_place_kept(item, items))
        for item in sent.values()
    ]


def _place_kept(item: Item, items: Sequence[Item]) -> int:
    """What is sent after an item stands in its place, also when its code has been put back in another row: only there one sending is
    held to the other. That of a grade which went to one code is kept by the newest that stands there."""
    of_one = [each for each in items if not each.place]
    return item.place if item.place or item is of_one[-1] else item.code_id


def _candidate(
    flow: Flow,
    holding: Holding,
    participant: Participant,
    registration: Registration | None,
    code: FlowSource | None,
    item: Item | None,
    *,
    place: int,
) -> Candidate:
    line = grade_line(flow, holding, participant, registration)
    value = participant.assessment.effective_grade if line.grade else ""
    facts = person_facts(
        flow,
        holding,
        participant,
        registration,
        line,
        code=code,
        item=item,
        is_on_the_scale=holding.is_on_the_scale(value, is_alternative=line.is_alternative),
        is_known_as_sent=True,
    )
    return Candidate(participant, registration, facts, code, item, place)


def tell_doubted(people: Sequence[Candidate], codes: Sequence[FlowSource]) -> list[Candidate]:
    """Whoever is on no list may be whom nobody can find on one that is not believed."""
    doubt = next((reason for code in codes if (reason := Message.from_json(code.list_doubt)) is not None), None)
    if doubt is None:
        return list(people)
    return [
        replace(person, facts=replace(person.facts, doubt=doubt)) if _is_on_no_list(person.facts) else person
        for person in people
    ]


def _is_on_no_list(person: PersonFacts) -> bool:
    return person.is_from_source and person.doubt is None and not (person.has_code and person.is_listed)


def tell_elsewhere(others: Others, people: Sequence[Candidate], *, again: bool) -> list[Candidate]:
    """`people` as of `tell_shared`: what this flow has sent for another account of theirs is told already."""
    candidates = []
    for person in people:
        found = (person.facts.sent_elsewhere, others.find(person.code, person.facts.line))
        there = max((each for each in found if each is not None), key=rank, default=None)
        facts = replace(person.facts, sent_elsewhere=there, may_be_sent_again=again) if there else person.facts
        candidates.append(replace(person, facts=facts) if there else person)
    return candidates


# --- Two of whom Ladok would not know which is which ---------------------------------------------------------------


Names = set[Name]


def tell_shared(flow: Flow, people: Sequence[Candidate]) -> list[Candidate]:
    """Two people whom Ladok knows by one identifier would get each other's grades: at once, or one after the other.

    Of whom nothing more is sent, as of an account that WISEflow has made one with another, only what has been sent counts, and it
    is told as what another flow has sent is: whether it is the same person, and is to be sent again, a manager says.
    """
    source = source_facts(flow.source)
    to_send = [_to_send(flow, source, person) for person in people]
    names_of_each = [names | _sent(flow, person) for names, person in zip(to_send, people, strict=True)]
    active = {person.participant.pk for person, names in zip(people, to_send, strict=True) if names}
    holders: dict[Name, dict[int, Candidate]] = {}
    for person, names in zip(people, names_of_each, strict=True):
        for name in names:
            holders.setdefault(name, {})[person.participant.pk] = person
    shared = {name: persons for name, persons in holders.items() if len(persons) > 1}
    if not shared:
        return list(people)
    candidates = []
    for person, sends, names in zip(people, to_send, names_of_each, strict=True):
        sharing = {
            pk: other
            for name in names & shared.keys()
            for pk, other in shared[name].items()
            if pk != person.participant.pk
        }
        facts = person.facts
        if (other := next((each for pk, each in sharing.items() if pk in active), None)) is not None:
            facts = replace(facts, shares_identifier_with=_called(other))
        elif sends and sharing:
            told = [sent_here(flow, each.item, _called(each)) for each in sharing.values() if each.item is not None]
            facts = replace(facts, sent_elsewhere=max(told, key=rank))
        candidates.append(replace(person, facts=facts) if facts is not person.facts else person)
    return candidates


def _called(person: Candidate) -> str:
    return person.participant.organisation_id or str(person.participant)


def _to_send(flow: Flow, source: SourceFacts, person: Candidate) -> Names:
    """What Ladok would know the person by; nothing where nothing is sent."""
    if person.code is None or not person.facts.line.grade or rules.stays_here(source, person.facts):
        return set()
    return names_of(flow, person.code.normal_code, person.facts.line)


def _sent(flow: Flow, person: Candidate) -> Names:
    """What Ladok knows, or may know, the person by of what was sent: it counts while it may be there."""
    item = person.item
    if item is None or (item.state == ExportItem.State.FAILED and not item.leaves_in_doubt):
        return set()
    return names_of(flow, item.normal_code, item.line)
