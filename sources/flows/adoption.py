"""Taking over a flow that stands in WISEflow already, made by hand or with another client.

    check    each pair of a flow and a code                                  nothing is written
    look     what a synchronisation would change in the flow                 nothing is written
    adopt    the flow is written down with what a manager has confirmed of that, and a worker does it (`create.py`)

Which of its grades were exported before is asked afterwards (`exports/attempts/adoption.py`); until it is said no grade of the flow is
sent. People, staff, template and references that the flow has stay as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from ladokflow.fingerprints import Fingerprint, NotAsShown, fingerprint
from ladokflow.http import RemoteError
from ladokflow.identifiers import normal_code
from ladokflow.ladok.base import Exam
from ladokflow.messages import Message, Refused, message
from ladokflow.texts import as_stored
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.schemas import FlowInfo
from ladokflow.wiseflow.words import USUAL_TYPE
from sources import audit
from sources.flows.adoption_table import Pair, number_in
from sources.flows.exams import fetch_several, on_flows
from sources.flows.request import code_of, new_mark, resume_flow, taken_by
from sources.models import Flow, FlowSource, Source
from sources.sync.gather import NOT_FOUND, gather, live_codes
from sources.sync.plan.changes import DATE_FIELDS, AddParticipant, Change, Plan
from sources.sync.plan.flow_data import TEXT_LENGTH
from sources.sync.run import plan_for
from sources.universities.clients import wiseflow_for
from sources.universities.moved_hosts import host_of

logger = logging.getLogger(__name__)

# Values that may stay as they are in WISEflow, though Ladok says something else
KEEPABLE = ("title", "subtitle", "code", *DATE_FIELDS, "grading_scale")
KIND = "sources.adoption"  # of the fingerprints
BEGINS_AT = "created"  # `Flow.setup_step`: the flow is there


# --- Checking ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Checked:
    """What there is of a pair. `refusal` says why the flow cannot be taken over for the code; `own` is ours that it is already."""

    pair: Pair
    number: int | None = None
    info: FlowInfo | None = None
    exam: Exam | None = None
    refusal: Message | None = None
    own: Flow | None = None
    warnings: tuple[Message, ...] = ()

    @property
    def title(self) -> str:
        named = self.info if self.info is not None else self.own
        return (named.title if named is not None else "") or self.pair.flow or "–"

    @property
    def code(self) -> str:
        return (self.exam.code if self.exam is not None else self.pair.code) or "–"


def check(source: Source, pairs: Sequence[Pair]) -> list[Checked]:
    """Each pair by itself, and beside those before it. RemoteError where WISEflow cannot be asked."""
    numbers = [number_in(pair.flow) for pair in pairs]
    known = sorted({number for number in numbers if number is not None})
    own = {flow.wiseflow_id: flow for flow in Flow.objects.filter(source=source, former_host="", wiseflow_id__in=known)}
    infos = _infos(source, [number for number in known if number not in own])
    elsewhere = _of_others(source, infos)
    codes = list(dict.fromkeys(pair.code for pair in pairs if pair.code))
    exams = dict(zip(codes, fetch_several(source, codes), strict=True)) if codes else {}
    taken = on_flows(source, [*codes, *(exam.code for exam in exams.values() if isinstance(exam, Exam))])
    checked: list[Checked] = []
    for pair, number in zip(pairs, numbers, strict=True):
        found = exams.get(pair.code)
        exam = found if isinstance(found, Exam) else None
        ours = own.get(number) if number is not None else None
        info = infos.get(number) if number is not None else None
        earlier = {normal_code(row.exam.code) for row in checked if row.exam is not None and row.refusal is None}
        code = normal_code(exam.code if exam is not None else pair.code)
        refusal = _refusal(pair, number, info, ours, found, taken.get(code))
        if refusal is None and number in elsewhere:
            refusal = message("sources.adoption.of_another_source", number=number)
        if refusal is None and code in earlier:
            refusal = message("sources.adoption.code_twice", code=pair.code)
        warnings = _warnings(source, info, exam) if refusal is None and info is not None and exam is not None else ()
        checked.append(Checked(pair, number, info, exam, refusal, ours, warnings))
    return checked


def _refusal(
    pair: Pair,
    number: int | None,
    info: FlowInfo | None,
    own: Flow | None,
    exam: Exam | RemoteError | None,
    taken: FlowSource | None,
) -> Message | None:
    if number is None:
        return message("sources.adoption.no_number", text=pair.flow[:60] or "–")
    if own is not None:
        return message("sources.adoption.flow_taken", number=number, title=own.title, flow=own.pk)
    if info is None:
        return message("sources.adoption.no_such_flow", number=number)
    if not pair.code:
        return message("sources.adoption.no_code", number=number)
    if taken is not None:
        return taken_by(taken)
    return exam.message if isinstance(exam, RemoteError) else None


def _infos(source: Source, numbers: Sequence[int]) -> dict[int, FlowInfo]:
    """Without those that this licence has no flow of."""
    if not numbers:
        return {}

    def info_of(number: int) -> FlowInfo | None:
        try:
            return client.flow(number)
        except WiseflowError as error:
            if error.status != NOT_FOUND:
                raise
            return None

    with wiseflow_for(source) as client:
        found = client.side_by_side(info_of, numbers)
    return {number: info for number, info in zip(numbers, found, strict=True) if info is not None}


def _of_others(source: Source, numbers: Iterable[int]) -> set[int]:
    """Those that belong to another source already: two of them may share a licence, and each would undo what the other does."""
    host = host_of(source.wiseflow_url)
    others = [one.pk for one in Source.objects.exclude(pk=source.pk) if host_of(one.wiseflow_url) == host]
    flows = Flow.objects.filter(source__in=others, former_host="", wiseflow_id__in=list(numbers))
    return {number for number in flows.values_list("wiseflow_id", flat=True) if number is not None}


def _warnings(source: Source, info: FlowInfo, exam: Exam) -> tuple[Message, ...]:
    told = []
    here, there = info.participation_start_at, exam.participation_start_at
    if here is not None and there is not None:
        days = [f"{moment.astimezone(source.tz):%Y-%m-%d}" for moment in (here, there)]
        if days[0] != days[1]:
            told.append(message("sources.adoption.other_day", wiseflow=days[0], ladok=days[1]))
    if info.sis_codes:
        told.append(message("sources.adoption.former_client", codes=", ".join(info.sis_codes)))
    return tuple(told)


def flows_in(checked: Iterable[Checked]) -> dict[int, list[Checked]]:
    """The pairs that are in order, by flow: the first one's code is the master."""
    flows: dict[int, list[Checked]] = {}
    for row in checked:
        if row.refusal is None and row.number is not None:
            flows.setdefault(row.number, []).append(row)
    return flows


# --- Looking -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """What a synchronisation would change now. `flow` and `codes` need not be written down; `keeps` are names of values that stay."""

    flow: Flow
    codes: Sequence[FlowSource]
    plan: Plan
    state: int
    keeps: tuple[str, ...] = ()
    warnings: tuple[Message, ...] = ()

    @property
    def facts(self) -> list[Any]:
        return [self.flow.wiseflow_id, [code.code for code in self.codes], self.state, sorted(self.keeps)]

    @cached_property
    def changes(self) -> set[str]:
        """Each change by a mark of its own. Whether somebody who is added becomes a user first is the licence's affair."""
        return {fingerprint("sources.adoption.change", _identity(change)).whole[:12] for change in self.plan.changes}

    @cached_property
    def fingerprint(self) -> Fingerprint:
        return fingerprint(KIND, self.facts, dict.fromkeys(sorted(self.changes), True))

    def require_within(self, seen: str | None) -> None:
        """NotAsShown unless this is what was seen, or less: what is of the licence, a room or a user, another flow may have made since."""
        if seen is None:
            return
        whole, *parts = seen.strip().split(".")
        shown = {part.partition(":")[0] for part in parts}
        was_shown = fingerprint(KIND, self.facts, dict.fromkeys(sorted(shown), True)).whole
        if whole != self.fingerprint.whole and not (whole == was_shown and self.changes <= shown):
            raise NotAsShown

    @property
    def keepable(self) -> tuple[str, ...]:
        """The values that differ: each can stay as it is."""
        differ = {name for change in self.plan.changes for name in change.writes} | set(self.plan.unfollowed)
        return tuple(name for name in KEEPABLE if name in differ)


def _identity(change: Change) -> list[Any]:
    if isinstance(change, AddParticipant):
        return ["added", change.message.params]
    return [change.message.to_json()]


def look(rows: Sequence[Checked], source: Source, *, keeps: Collection[str] = ()) -> Look:
    """What taking over would change in the flow that the rows are of (as of `flows_in`). Reads Ladok and WISEflow."""
    number, info = rows[0].number, rows[0].info
    exams = [row.exam for row in rows if row.exam is not None]
    if number is None or info is None:
        raise Refused(message("sources.adoption.no_such_flow", number=rows[0].pair.flow))
    flow = Flow(source=source, created_at=timezone.now(), **_fields(number, info, keeps))
    codes = [code_of(flow, position, exam) for position, exam in enumerate(exams)]
    with wiseflow_for(source) as client:
        found = _look(flow, codes, client, exams)
    return Look(flow, codes, found.plan, found.state, found.keeps, rows[0].warnings)


def look_at(flow: Flow) -> Look:
    """As `look`, of a flow that is written down, and whose confirmed plan has not been carried out."""
    with wiseflow_for(flow) as client:
        return _look(flow, live_codes(flow), client, None)


def _look(flow: Flow, codes: Sequence[FlowSource], client: WiseflowClient, exams: Sequence[Exam] | None) -> Look:
    gathered = gather(flow, client, exams=exams, codes=codes)
    return Look(flow, codes, plan_for(gathered), gathered.present.state, tuple(flow.unfollowed))


def _fields(number: int, info: FlowInfo, keeps: Collection[str]) -> dict[str, Any]:
    dates = {name: getattr(info, name) for name in DATE_FIELDS}
    return {
        "wiseflow_id": number,
        "title": as_stored(info.title, TEXT_LENGTH) or str(number),
        "subtitle": as_stored(info.subtitle, TEXT_LENGTH),
        "flow_type": info.type_name or USUAL_TYPE,
        "state": info.state,
        # As if somebody had changed them by hand: until they are equal, or follow Ladok again.
        "unfollowed": {name: {"ladok": None, "wiseflow": None} for name in KEEPABLE if name in keeps},
        "setup_step": BEGINS_AT,
        "adoption": Flow.Adoption.UNSAID,
        **dates,
    }


# --- Taking over ---------------------------------------------------------------------------------------------------


def adopt(
    rows: Sequence[Checked],
    source: Source,
    *,
    by: AbstractBaseUser,
    keeps: Collection[str] = (),
    seen: str | None = None,
    address: str | None = None,
    enqueue: bool = True,
) -> Flow:
    """Write the flow of the rows (as of `flows_in`) down, and have a worker do what the `Look` has shown.

    `seen`: its fingerprint; NotAsShown where something else would be changed by now. Refused where somebody was faster.
    """
    shown = look(rows, source, keeps=keeps)
    shown.require_within(seen)
    numbers = {"number": shown.flow.wiseflow_id, "codes": ", ".join(code.code for code in shown.codes)}
    try:
        with transaction.atomic():
            flow = shown.flow
            # One at a time, whichever source it is for.
            list(Source.objects.select_for_update(no_key=True).order_by("pk"))
            if _of_others(source, [flow.wiseflow_id or 0]):
                raise Refused(message("sources.adoption.of_another_source", number=flow.wiseflow_id))
            flow.setup_mark, flow.adoption_seen, flow.created_by_id = new_mark(), str(shown.fingerprint), by.pk
            flow.save(force_insert=True)
            FlowSource.objects.bulk_create(
                code_of(flow, position, row.exam) for position, row in enumerate(rows) if row.exam is not None
            )
            told = message("sources.audit.adoption_requested", **numbers)
            audit.record(message=told, source=source, flow=flow, actor=by, address=address)
            if enqueue:
                Flow.objects.put_in_queue(flow.pk)
    except IntegrityError as error:
        # The database has one flow per code, and one per flow in WISEflow.
        raise Refused(message("sources.adoption.overtaken", **numbers)) from error
    logger.info("flow.adoption.requested flow=%s source=%s wiseflow=%s", flow.pk, source.pk, flow.wiseflow_id)
    return flow


def confirm_anew(flow: Flow, *, by: AbstractBaseUser, seen: str | None = None) -> Flow:
    """Go on with a flow of which something else would have been changed than what was confirmed. `seen` as of `adopt`."""
    shown = look_at(flow)
    shown.require_within(seen)
    stopped = Flow.objects.ours().filter(pk=flow.pk, setup_state=Flow.Setup.STOPPED).exclude(adoption_seen="")
    with transaction.atomic():
        stopped.update(adoption_seen=str(shown.fingerprint))
        return resume_flow(flow, by)


def require_as_confirmed(flow: Flow, client: WiseflowClient, exams: Sequence[Exam]) -> None:
    """Refused unless what would be changed is what a manager has confirmed. Nothing has been written to WISEflow by then."""
    found = _look(flow, live_codes(flow), client, exams)
    try:
        found.require_within(flow.adoption_seen)
    except NotAsShown:
        raise Refused(message("sources.adoption.changed")) from None


def may_have_been_exported(flow: Flow, client: WiseflowClient) -> bool:
    """Whether another client can have sent any of the flow's grades: not where nobody has one, and none but us is on the flow."""
    number = flow.wiseflow_id or 0
    if client.flow(number).sis_codes:
        return True
    return any(row.has_grade or row.was_sent for row in client.former_exports(number))
