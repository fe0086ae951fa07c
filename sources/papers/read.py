"""What WISEflow says of who has handed in, when and how: read, and written down as it is.

An answer that cannot be read, or a licence that does not let us, stops nothing: the flow then says what is not known, and why.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused, message
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.schemas import FlowParticipant, Submission
from ladokflow.wiseflow.words import HAND_IN, MARKING_OVER, is_type
from sources.models import Flow, Paper, Participant
from sources.signals import papers_read
from sources.sync.gather import recognise
from sources.universities.clients import wiseflow_for

logger = logging.getLogger(__name__)

State = Paper.State

EVERY = dt.timedelta(hours=1)
AFTER_MARKING = dt.timedelta(days=1)
NEWS = dt.timedelta(minutes=5)  # WISEflow's calls come for each paper: they are looked at together
MOST_SINGLY = 200  # submissions that the list does not have, asked for one by one in a reading
BATCH = 500
COLUMNS = ("submission_id", "state", "handed_in_at", "is_late", "similarity")
HIGHEST = Decimal("9999.9")


def hands_in(flow: Flow) -> bool:
    """Whether papers are handed in on it. Of a type that we do not know nobody can tell, and nothing is asked."""
    return is_type(flow.flow_type, *HAND_IN)


def is_due(flow: Flow, now: dt.datetime | None = None) -> bool:
    """Whether there may be news. Once participation has ended, it is looked at least once more."""
    now = now or timezone.now()
    read, state = flow.papers_read_at, flow.state or 0
    is_there = flow.setup_state == Flow.Setup.READY and flow.wiseflow_id is not None
    is_ours = not flow.is_released and flow.purged_at is None
    if not (is_there and is_ours) or state < Flow.State.PARTICIPATION_STARTED or not hands_in(flow):
        return False
    tried = max(filter(None, (read, flow.papers_tried_at)), default=None)
    if tried is None or tried > now:  # never, or by a clock that was wrong
        return True
    if now - tried < NEWS:
        return False
    has_ended = flow.participation_end_at is not None and (read is None or read < flow.participation_end_at <= now)
    if flow.has_news_of_papers or has_ended:
        return True
    if state == Flow.State.ARCHIVED and read is not None:
        return False
    return now - tried >= (AFTER_MARKING if state in MARKING_OVER else EVERY)


def read_if_due(flow: Flow, *, shares_answers: bool = False) -> None:
    """As `read_papers`, where there may be news."""
    if is_due(flow):
        read_papers(flow, shares_answers=shares_answers)


def read_papers(flow: Flow, *, shares_answers: bool = False) -> bool:
    """Read and keep what has been handed in; whether WISEflow could be asked. What it refuses is kept as the flow's own sentence."""
    if not hands_in(flow) or flow.wiseflow_id is None or flow.purged_at is not None:
        return False
    Flow.objects.filter(pk=flow.pk).update(papers_tried_at=Now(), has_news_of_papers=False)
    try:
        with wiseflow_for(flow, shares_answers=shares_answers) as wiseflow:
            recognise(flow, wiseflow)
            told = _read(flow, flow.wiseflow_id, wiseflow)
    except (RemoteError, Refused) as error:
        logger.warning("papers.not_read flow=%s reason=%s", flow.pk, error.message.code)
        _tell(flow, message("sources.papers.not_read", cause=error.message.to_json()))
        return False
    is_changed = _store(flow, told)
    if is_changed:
        papers_read.send(sender=Flow, flow=flow)
    logger.info("papers.read flow=%s handed_in=%s", flow.pk, flow.handed_in_count)
    return True


def _tell(flow: Flow, why: Message) -> None:
    Flow.objects.filter(pk=flow.pk).update(papers_message=why.to_json())
    flow.refresh_from_db(fields=["papers_message", "papers_tried_at", "has_news_of_papers"])


# --- Reading ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """What is known of whom, by participant number; of who is in neither, nobody knows."""

    papers: Mapping[int, Submission | None]  # None: WISEflow says that there is no submission
    as_before: frozenset[int]  # whose paper is known, and was not asked for this time


def _known(flow: Flow) -> dict[int, int]:
    """The submission of each who is known to have handed in, by participant number: what else is known may be otherwise by now."""
    rows = Paper.objects.filter(participant__flow=flow, state=State.HANDED_IN)
    pairs = rows.values_list("participant__wiseflow_id", "submission_id")
    return {person: submission for person, submission in pairs if person and submission}


def _read(flow: Flow, flow_id: int, wiseflow: WiseflowClient) -> Told:
    """First the submissions, then whose they are: who hands in between the two is asked for by itself.

    Where the list leaves out more than are asked for one by one, it is the turn of those who are not known, and of some of the others.
    """
    listed = wiseflow.submissions(flow_id)
    people = wiseflow.participants(flow_id)
    found = {row.id: row for row in listed}
    missing = [each for each in people if each.submission_id and each.submission_id not in found]
    known = _known(flow) if len(missing) > MOST_SINGLY else {}  # else it is everybody's turn
    handed_in = {each.id for each in missing if known.get(each.id) == each.submission_id}
    random.shuffle(missing)
    missing.sort(key=lambda each: each.id in handed_in)
    numbers = list(dict.fromkeys(each.submission_id for each in missing if each.submission_id))
    asked, left = numbers[:MOST_SINGLY], set(numbers[MOST_SINGLY:])
    for row in wiseflow.side_by_side(lambda number: wiseflow.submission(flow_id, number), asked):
        if row is not None:
            found[row.id] = row
    return Told(
        papers={each.id: found.get(each.submission_id or 0) for each in people if _is_told(each, found)},
        as_before=frozenset(each.id for each in missing if each.id in handed_in and each.submission_id in left),
    )


def _is_told(person: FlowParticipant, found: Mapping[int, Submission]) -> bool:
    if person.has_no_submission:
        return True
    row = found.get(person.submission_id or 0)
    return row is not None and row.status.handed_in is not None


# --- Writing ------------------------------------------------------------------------------------------------------


def _store(flow: Flow, told: Told) -> bool:
    """Whether anything is other than before."""
    with transaction.atomic():
        locked = Flow.objects.select_for_update(of=("self",), no_key=True).get(pk=flow.pk)
        new: list[Paper] = []
        changed: list[Paper] = []
        forgotten: list[int] = []
        count = 0
        for person in Participant.objects.filter(flow=flow).select_related("paper").defer("national_id"):
            paper: Paper | None = getattr(person, "paper", None)
            if paper is not None and person.wiseflow_id in told.as_before:
                count += person.is_active
                continue
            if person.wiseflow_id is None or person.wiseflow_id not in told.papers:
                forgotten += [paper.pk] if paper is not None else []
                continue
            values = _values(locked, person, told.papers[person.wiseflow_id])
            count += values["state"] not in Paper.EMPTY and person.is_active
            if paper is None:
                new.append(Paper(participant=person, **values))
            elif any(getattr(paper, name) != values[name] for name in COLUMNS):
                for name in COLUMNS:
                    setattr(paper, name, values[name])
                changed.append(paper)
        Paper.insert(new, BATCH)
        Paper.objects.bulk_update(changed, COLUMNS, batch_size=BATCH)
        for start in range(0, len(forgotten), BATCH):
            Paper.objects.filter(pk__in=forgotten[start : start + BATCH]).delete()
        Flow.objects.filter(pk=flow.pk).update(papers_read_at=Now(), papers_message={}, handed_in_count=count)
    flow.refresh_from_db()
    return bool(new or changed or forgotten)


def _values(flow: Flow, person: Participant, row: Submission | None) -> dict[str, object]:
    if row is None or not row.status.handed_in:
        number = None if row is None else row.id
        return {
            "submission_id": number,
            "state": State.NOTHING,
            "handed_in_at": None,
            "is_late": False,
            "similarity": None,
        }
    end = person.individual_end_at or flow.participation_end_at
    at = row.status.at
    return {
        "submission_id": row.id,
        "state": State.BLANK if row.status.is_blank else State.HANDED_IN,
        "handed_in_at": at,
        "is_late": at is not None and end is not None and at > end,
        "similarity": _similarity(row),
    }


def _similarity(row: Submission) -> Decimal | None:
    """The highest of its reports."""
    told: Sequence[float] = [each.percentage for each in row.similarity if each.percentage is not None]
    return min(round(Decimal(str(max(told))), 1), HIGHEST) if told else None


def heard_of(flow_pk: int) -> None:
    """WISEflow has called about a paper: it is read with the next look at the flow."""
    Flow.objects.filter(pk=flow_pk).update(has_news_of_papers=True)
