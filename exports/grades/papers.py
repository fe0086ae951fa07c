"""Grades beside papers: who has a passing grade and handed in nothing, and what a manager says of that.

The question is asked by one rule (`has_paper` in `exports/rules/rules.py`), before anything is sent, whoever starts it. The answer is of
the very grade that was shown: of another one it is asked again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from exports.models import ExportItem
from exports.rules import rules
from exports.rules.candidates import Candidate
from exports.rules.cases import Case, load_case, lock
from exports.rules.right import require_right
from exports.rules.states import refresh_states
from ladokflow.fingerprints import Fingerprint, fingerprint, require_seen
from ladokflow.messages import Refused, by_row, message
from ladokflow.texts import visible
from sources.audit import record
from sources.models import Flow, Paper, Participant

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Graded:
    """Somebody with a grade, and with a paper that holds nothing. `is_sent`: a word about it comes too late."""

    participant: Participant
    grade: str
    paper: Paper
    is_sent: bool


@dataclass(frozen=True)
class Papers:
    """`asked`: a passing grade without a paper, that nobody has said is right; `accepted`: somebody has; `failed`: no passing grade, and
    nothing handed in, as one would think; `ungraded`: those with a paper and no grade yet."""

    asked: list[Graded]
    accepted: list[Graded]
    failed: list[Graded]
    ungraded: list[Participant]

    @property
    def fingerprint(self) -> Fingerprint:
        """Of what is asked."""
        return fingerprint(
            "exports.papers", [], {str(each.participant.pk): [each.grade, each.paper.state] for each in self.asked}
        )


def papers_of(flow: Flow) -> Papers:
    return _papers(load_case(flow))


def _papers(case: Case) -> Papers:
    found = Papers([], [], [], [])
    seen: set[int] = set()
    # Under any of their codes
    sent = {person.participant.pk for person in case.people if _is_sent(person)}
    for person in case.people:
        participant = person.participant
        paper: Paper | None = getattr(participant, "paper", None)
        if paper is None or participant.pk in seen:
            continue
        seen.add(participant.pk)
        grade = person.facts.line.grade
        if not paper.is_empty:
            if not grade and participant.is_active:
                found.ungraded.append(participant)
        elif grade:
            _list_of(found, person).append(Graded(participant, grade, paper, participant.pk in sent))
    return found


def _list_of(found: Papers, person: Candidate) -> list[Graded]:
    if rules.has_paper(person.facts) is not None:
        return found.asked
    return found.accepted if person.facts.is_paper_accepted else found.failed


def _is_sent(person: Candidate) -> bool:
    return person.item is not None and person.item.state in ExportItem.HOLDING


def accept(
    *,
    flow: Flow,
    people: Collection[int] | None,
    reason: str,
    by: AbstractBaseUser,
    seen: str | None = None,
    address: str | None = None,
) -> int:
    """Keep that the grades of these participants, by key (None: of all that are asked about), are right without a paper; of how many.

    `seen` is the fingerprint of `Papers`; None for who has just looked. Sends nothing. Refused without the export right, and where
    nothing is asked of one of them.
    """
    require_right(flow, by)
    with transaction.atomic():
        found = _papers(load_case(lock(flow.pk)))
        require_seen(seen, found.fingerprint)
        asked = {each.participant.pk: each for each in found.asked}
        chosen = asked.keys() if people is None else set(people)
        if not chosen <= asked.keys():
            raise Refused(message("papers.not_asked"))
        for pk in sorted(chosen):
            _write(asked[pk], asked[pk].grade, by)
            told = {"person": by_row(pk), "grade": asked[pk].grade, "reason": visible(reason)}
            record(
                message=message("audit.paper_accepted", **told),
                source=flow.source,
                flow=flow,
                actor=by,
                address=address,
            )
        refresh_states(flow)
    logger.info("export.papers.accepted flow=%s count=%s", flow.pk, len(chosen))
    return len(chosen)


def take_back(*, flow: Flow, people: Collection[int], by: AbstractBaseUser, address: str | None = None) -> int:
    """That it was said of these participants; how many. Refused without the export right, and for whom the grade has been sent."""
    require_right(flow, by)
    with transaction.atomic():
        accepted = {each.participant.pk: each for each in _papers(load_case(lock(flow.pk))).accepted}
        chosen = [accepted[pk] for pk in sorted(set(people)) if pk in accepted]
        if any(each.is_sent for each in chosen):
            raise Refused(message("papers.sent"))
        for each in chosen:
            _write(each, "", None)
            told = message("audit.paper_accepted_back", person=by_row(each.participant.pk), grade=each.grade)
            record(message=told, source=flow.source, flow=flow, actor=by, address=address)
        refresh_states(flow)
    return len(chosen)


def _write(of: Graded, grade: str, by: AbstractBaseUser | None) -> None:
    Paper.objects.filter(pk=of.paper.pk).update(
        accepted_grade=grade, accepted_by_id=by.pk if by else None, accepted_at=timezone.now() if by else None
    )
