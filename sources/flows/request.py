"""Asking for a flow: what shall be made is written down here, and `create.py` makes it.

A code is on one flow at a time; the database holds to it. A request that comes twice, or after a stop, is the same flow.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import unicodedata
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from ladokflow.fingerprints import Fingerprint, fingerprint, require_seen
from ladokflow.http import RemoteError
from ladokflow.identifiers import normal, normal_code
from ladokflow.ladok.base import Exam
from ladokflow.messages import Message, Refused, message
from ladokflow.texts import as_stored
from ladokflow.wiseflow.words import USUAL_TYPE
from sources import audit
from sources.flows.scales import choices_of, insist
from sources.flows.settings_in_wiseflow import Values
from sources.models import AllocationLine, Flow, FlowSource, Source
from sources.models.flow import AssessorAllocation
from sources.sync.plan.flow_data import TEXT_LENGTH
from sources.sync.staff import name_staff
from sources.universities.clients import ladok_for, wiseflow_for
from sources.universities.licence import find_flow_type

logger = logging.getLogger(__name__)

# The columns of what was chosen for a flow in the wizard
CHOSEN = (
    "title", "subtitle", "flow_type", "template_flow_id", "staff", "assessor_allocation", "activates", "instant_export",
    "grade_decided_by", "exports_when_marking_ends", "grade_goes_to", "scale_choices",
    "wiseflow_settings",
)  # fmt: skip


@dataclass(frozen=True)
class FlowChoices:
    """What a manager chooses of a flow. `staff` is [{"role": "assessor", "email": ..., "organisation_id": ...}];
    `allocation_list` is pairs of organisation ids, a participant's and an assessor's."""

    flow_type: str = USUAL_TYPE
    template_flow_id: int | None = None
    instant_export: bool = False
    grade_decided_by: str = Flow.DecidedBy.ASSESSOR
    exports_when_marking_ends: bool | None = None  # None: as the source says
    activates: bool = False
    staff: Sequence[Mapping[str, str]] = ()
    assessor_allocation: str = AssessorAllocation.NONE
    allocation_list: Sequence[Sequence[str]] = ()
    scale_choices: Mapping[str, str] = field(default_factory=dict)  # Ladok's -> WISEflow's by name or id, or ANY_SCALE
    grade_goes_to: str = ""  # of somebody on several of the codes; empty where nobody has said
    wiseflow_settings: Values = field(
        default_factory=dict
    )  # of `settings.py`, by name; the others are as WISEflow has them


def request_flow(
    *,
    source: Source,
    codes: Sequence[str],
    requested_by: AbstractBaseUser,
    is_list_shared: bool = False,
    submission_key: uuid.UUID | None = None,
    enqueue: bool = True,
    **choices: Any,
) -> Flow:
    """Write down that a flow shall be made, and have a worker make it. `choices` are those of `FlowChoices`.

    Every code is fetched from Ladok first: RemoteError (Ladok down, unknown code) and Refused leave nothing behind.
    The first code is the master. `requested_by` is a manager of the flow in any case. The same `submission_key`, or an
    unfinished flow of the same person with the same codes, gives that flow, resumed where it had stopped. One of which nothing
    has been made in WISEflow holds its codes against nobody: it becomes the flow that is asked for now, with its settings and
    its maker.

    `is_list_shared`: the list of assessors is of several flows, and only the lines of this one's people are taken.
    """
    chosen = FlowChoices(**choices)
    scale_choices = choices_of(chosen.scale_choices)
    codes = each_once(codes)
    if not codes:
        raise Refused(message("sources.no_code"))
    staff = name_staff(source, requested_by, chosen.staff)
    earlier = _earlier(source, codes, requested_by, submission_key)
    if earlier is not None and not earlier.is_unmade:
        return _resumed(earlier, requested_by, enqueue=enqueue)
    with ladok_for(source) as client:
        exams = [source.rules.find_exam(client, code) for code in codes]
    # Ladok's own spelling of a code is the one that counts; two spellings of one code are one.
    exams = list({normal_code(exam.code): exam for exam in exams}.values())
    earlier = _earlier(source, [exam.code for exam in exams], requested_by, submission_key)
    if earlier is not None and not earlier.is_unmade:
        return _resumed(earlier, requested_by, enqueue=enqueue)
    _insist_on_scales(source, exams, scale_choices)
    fields = _fields(source, exams[0], chosen) | {
        "staff": staff,
        "scale_choices": scale_choices,
        "submission_key": submission_key,
        "created_by_id": requested_by.pk,
    }
    pairs = _pairs_of(exams, chosen.allocation_list) if is_list_shared else chosen.allocation_list
    try:
        with transaction.atomic():
            flow = _begin_anew(earlier, fields) if earlier else _begin(source, fields)
            FlowSource.objects.bulk_create(code_of(flow, position, exam) for position, exam in enumerate(exams))
            if chosen.assessor_allocation == AssessorAllocation.LIST:
                save_list(flow, pairs)
            names = ", ".join(exam.code for exam in exams)
            code = "sources.audit.flow_requested_anew" if earlier else "sources.audit.flow_requested"
            audit.record(message=message(code, codes=names), source=source, flow=flow, actor=requested_by)
            if enqueue:
                Flow.objects.put_in_queue(flow.pk)
    except (IntegrityError, _Overtaken):
        # Somebody was faster, perhaps the same person with a double click: the database has one flow per code.
        faster = _earlier(source, [exam.code for exam in exams], requested_by, submission_key)
        if faster is None:
            raise
        return faster
    logger.info("flow.creation.requested flow=%s source=%s", flow.pk, source.pk)
    return flow


def _insist_on_scales(source: Source, exams: Sequence[Exam], choices: Mapping[str, str]) -> None:
    """A WISEflow that cannot be asked is no reason: the creation asks before it makes anything."""
    if not any(exam.grade_scale.strip() for exam in exams):
        return
    try:
        with wiseflow_for(source) as client:
            insist(source, client, exams, choices)
    except RemoteError as error:
        logger.info("flow.scales.not_read source=%s reason=%s", source.pk, error.message.code)


def each_once(codes: Iterable[str]) -> list[str]:
    """The codes as they are first written, in order: two spellings of one code are one."""
    written: dict[str, str] = {}
    for code in codes:
        if normal := normal_code(code):
            written.setdefault(normal, code.strip())
    return list(written.values())


def _fields(source: Source, master: Exam, chosen: FlowChoices) -> dict[str, Any]:
    """The flow's columns for what is chosen."""
    when_marking_ends = chosen.exports_when_marking_ends
    return {
        "title": as_stored(master.title, TEXT_LENGTH) or master.code,
        "subtitle": as_stored(master.subtitle, TEXT_LENGTH),
        "flow_type": chosen.flow_type,
        "template_flow_id": chosen.template_flow_id,
        "assessor_allocation": chosen.assessor_allocation,
        "activates": chosen.activates,
        "wiseflow_settings": dict(chosen.wiseflow_settings),
        "instant_export": chosen.instant_export,
        "grade_decided_by": chosen.grade_decided_by,
        "grade_goes_to": chosen.grade_goes_to or Flow.GradeGoesTo.ONE,
        "is_place_said": bool(chosen.grade_goes_to),
        "exports_when_marking_ends": (
            source.exports_when_marking_ends if when_marking_ends is None else when_marking_ends
        ),
    }


def _begin(source: Source, fields: Mapping[str, Any]) -> Flow:
    return Flow.objects.create(source=source, setup_mark=new_mark(), **fields)


class _Overtaken(Exception):
    """The flow that was to be begun anew has been resumed, or begun anew, by somebody else."""


def _begin_anew(unmade: Flow, fields: Mapping[str, Any]) -> Flow:
    """The flow with what is chosen now in the place of what it had; without its codes and its list."""
    waits = {"setup_state": Flow.Setup.QUEUED, "setup_message": {}, "setup_claims": 0}
    if not Flow.objects.unmade().filter(pk=unmade.pk).update(**waits, **fields):
        raise _Overtaken
    unmade.codes.all().delete()
    unmade.allocation_lines.all().delete()
    return Flow.objects.select_related("source").get(pk=unmade.pk)


def new_mark() -> str:
    return "lf-" + secrets.token_hex(6)


def save_list(flow: Flow, pairs: Iterable[Sequence[str]]) -> int:
    """Put the pairs in the place of the flow's list; how many they are."""
    once = dict.fromkeys((participant, assessor) for participant, assessor in pairs)
    lines = [
        AllocationLine(flow=flow, organisation_id=participant, assessor=assessor) for participant, assessor in once
    ]
    flow.allocation_lines.all().delete()
    AllocationLine.objects.bulk_create(lines, batch_size=500)
    return len(lines)


def _pairs_of(exams: Iterable[Exam], pairs: Iterable[Sequence[str]]) -> list[Sequence[str]]:
    people = {normal(person.organisation_id) for exam in exams for person in exam.people}
    return [pair for pair in pairs if normal(pair[0]) in people]


def _earlier(
    source: Source, codes: Sequence[str], user: AbstractBaseUser, submission_key: uuid.UUID | None
) -> Flow | None:
    """The flow this request has made already. Refused where one of the codes is on another one."""
    if submission_key is not None:
        flow = Flow.objects.filter(submission_key=submission_key, source=source, created_by_id=user.pk).first()
        if flow is not None:
            return flow
    wanted = {normal_code(code) for code in codes}
    taken = list(
        FlowSource.objects.filter(source=source, normal_code__in=wanted, removed_at__isnull=True).select_related("flow")
    )
    if not taken:
        return None
    flow = taken[0].flow
    held = {normal_code(code) for code in _held(flow)}
    if flow.setup_state != Flow.Setup.READY and flow.created_by_id == user.pk and held == wanted:
        return flow
    if flow.is_unmade and held <= wanted and all(row.flow_id == flow.pk for row in taken):
        return flow
    raise Refused(taken_by(taken[0]))


def taken_by(row: FlowSource) -> Message:
    """Why the code of the row cannot go on another flow than the row's."""
    flow = row.flow
    facts = {"code": row.code, "title": flow.title, "flow": flow.pk}
    if not flow.is_unmade:
        return message("sources.code_on_gone_flow" if flow.is_gone else "sources.code_taken", **facts)
    return message("sources.code_on_unmade_flow", **facts, codes=", ".join(sorted(_held(flow))))


def _held(flow: Flow) -> set[str]:
    return set(flow.codes.filter(removed_at__isnull=True).values_list("code", flat=True))


def code_of(flow: Flow, position: int, exam: Exam) -> FlowSource:
    return FlowSource(
        flow=flow,
        source_id=flow.source_id,
        code=exam.code,
        position=position,
        title=exam.title[:TEXT_LENGTH],
        reference=reference_of(flow.source, exam.code),
    )


def reference_of(source: Source, code: str) -> str:
    """A code as WISEflow takes it for a reference (letters, digits, - and _): readable, and never the same for two."""
    plain = unicodedata.normalize("NFKD", code).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-zA-Z0-9]+", "-", plain).strip("-")[:60]
    digest = hashlib.sha256(f"{source.slug}\n{code}".encode()).hexdigest()[:10]
    return f"{slug}-{digest}" if slug else digest


def refuse_unknown_type(source: Source, flow_type: str) -> None:
    """Refused, with the types there are, where the licence has no such flow type. A WISEflow that cannot be asked is no
    reason: the creation tells of that, and is resumed."""
    try:
        with wiseflow_for(source) as client:
            types = client.flow_types()
    except (RemoteError, Refused):
        return
    find_flow_type(flow_type, types)


def fingerprint_of_creation(flow: Flow) -> Fingerprint:
    """Of a creation that has stopped: why, how far it came, and what it is to make."""
    codes = [row.code for row in sorted(flow.codes.all(), key=lambda row: row.position)]
    choices = [getattr(flow, name) for name in CHOSEN]
    return fingerprint("sources.creation", [flow.pk, flow.setup_step, flow.setup_message, codes, choices])


def resume_flow(flow: Flow, user: AbstractBaseUser | None, *, seen: str | None = None) -> Flow:
    """Have a worker go on with a flow that had stopped. What goes on already, as after a second click, does so.

    `seen`: the fingerprint (`fingerprint_of_creation`) of what a manager was shown; NotAsShown where it has stopped otherwise by now.
    """
    return _resumed(flow, user, enqueue=True, seen=seen)


def _resumed(flow: Flow, user: AbstractBaseUser | None, *, enqueue: bool, seen: str | None = None) -> Flow:
    with transaction.atomic():
        locked = Flow.objects.select_for_update(no_key=True).get(pk=flow.pk)
        if locked.setup_state == Flow.Setup.STOPPED and not locked.is_released:
            require_seen(seen, fingerprint_of_creation(locked))
        stopped = Flow.objects.ours().filter(pk=flow.pk, setup_state=Flow.Setup.STOPPED)
        if stopped.update(setup_state=Flow.Setup.QUEUED, setup_message={}, setup_claims=0):
            resumed = message("sources.audit.flow_resumed")
            audit.record(message=resumed, source=flow.source, flow=flow, actor=user)
            if enqueue:
                Flow.objects.put_in_queue(flow.pk)
    return Flow.objects.select_related("source").get(pk=flow.pk)
