"""Asking for a flow: what shall be made is written down here, and `creating.py` makes it.

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
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from ladokflow.http import RemoteError
from ladokflow.ladok.base import Exam
from ladokflow.messages import Message, Refused, message
from ladokflow.queue import enqueue as put_in_queue
from sources import audit
from sources.models import AllocationLine, Flow, FlowSource, Source
from sources.models.flow import AssessorAllocation
from sources.sync.plan.flow_data import TEXT_LENGTH
from sources.sync.staff import name_staff
from sources.universities.clients import ladok_for, wiseflow_for
from sources.universities.licence import find_flow_type

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 3600


def request_flow(
    *,
    source: Source,
    codes: Sequence[str],
    requested_by: AbstractBaseUser,
    flow_type: str = "FLOWassign",
    template_flow_id: int | None = None,
    instant_export: bool = False,
    grade_decided_by: str = Flow.DecidedBy.ASSESSOR,
    exports_when_marking_ends: bool | None = None,
    activates: bool = False,
    staff: Sequence[Mapping[str, str]] = (),
    assessor_allocation: str = AssessorAllocation.NONE,
    allocation_list: Sequence[Sequence[str]] = (),
    is_list_shared: bool = False,
    submission_key: uuid.UUID | None = None,
    enqueue: bool = True,
) -> Flow:
    """Write down that a flow shall be made, and have a worker make it.

    Every code is fetched from Ladok first: RemoteError (Ladok down, unknown code) and Refused leave nothing behind.
    The first code is the master. `staff` is [{"role": "assessor", "email": ..., "organisation_id": ...}]; `requested_by`
    is a manager of the flow in any case. The same `submission_key`, or an unfinished flow of the same person with the
    same codes, gives that flow, resumed where it had stopped. One of which nothing has been made in WISEflow holds its
    codes against nobody: it becomes the flow that is asked for now, with its settings and its maker.

    `allocation_list` is pairs of organisation ids, a participant's and an assessor's; `is_list_shared`: it is of several
    flows, and only the lines of this one's people are taken.
    """
    codes = list(dict.fromkeys(code.strip() for code in codes if code.strip()))
    if not codes:
        raise Refused(message("sources.no_code"))
    everyone = name_staff(source, requested_by, staff)
    found = _earlier(source, codes, requested_by, submission_key)
    if found is not None and not found.is_unmade:
        return _resumed(found, requested_by, enqueue=enqueue)
    with ladok_for(source) as client:
        exams = [source.rules.fetch_exam(client, code) for code in codes]
    # Ladok's own spelling of a code is the one that counts; two spellings of one code are one.
    exams = list({exam.code: exam for exam in exams}.values())
    found = _earlier(source, [exam.code for exam in exams], requested_by, submission_key)
    if found is not None and not found.is_unmade:
        return _resumed(found, requested_by, enqueue=enqueue)
    chosen = {
        "title": exams[0].title[:TEXT_LENGTH] or exams[0].code,
        "subtitle": exams[0].subtitle[:TEXT_LENGTH],
        "flow_type": flow_type,
        "template_flow_id": template_flow_id,
        "staff": everyone,
        "assessor_allocation": assessor_allocation,
        "activates": activates,
        "submission_key": submission_key,
        "instant_export": instant_export,
        "grade_decided_by": grade_decided_by,
        "exports_when_marking_ends": (
            source.exports_when_marking_ends if exports_when_marking_ends is None else exports_when_marking_ends
        ),
        "created_by_id": requested_by.pk,
    }
    try:
        with transaction.atomic():
            flow = _begin_anew(found, chosen) if found else Flow(source=source, setup_mark=_new_mark(), **chosen)
            if found is None:
                flow.save()
            FlowSource.objects.bulk_create(_code(flow, position, exam) for position, exam in enumerate(exams))
            if assessor_allocation == AssessorAllocation.LIST:
                pairs = _pairs_of(exams, allocation_list) if is_list_shared else allocation_list
                save_list(flow, pairs)
            names = ", ".join(exam.code for exam in exams)
            code = "sources.audit.flow_requested_anew" if found else "sources.audit.flow_requested"
            told = message(code, codes=names)
            audit.record(message=told, source=source, flow=flow, actor=requested_by)
            if enqueue:
                _enqueue(flow)
    except (IntegrityError, _Overtaken):
        # Somebody was faster, perhaps the same person with a double click: the database has one flow per code.
        found = _earlier(source, [exam.code for exam in exams], requested_by, submission_key)
        if found is None:
            raise
        return found
    logger.info("flow.creation.requested flow=%s source=%s", flow.pk, source.pk)
    return flow


class _Overtaken(Exception):
    """The flow that was to be begun anew has been resumed, or begun anew, by somebody else."""


def _begin_anew(unmade: Flow, chosen: Mapping[str, Any]) -> Flow:
    """The flow with what is chosen now in the place of what it had; without its codes and its list."""
    waits = {"setup_state": Flow.Setup.QUEUED, "setup_message": {}, "setup_claims": 0}
    if not Flow.objects.unmade().filter(pk=unmade.pk).update(**waits, **chosen):
        raise _Overtaken
    unmade.codes.all().delete()
    unmade.allocation_lines.all().delete()
    return Flow.objects.select_related("source").get(pk=unmade.pk)


def _new_mark() -> str:
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
    people = {person.organisation_id.casefold() for exam in exams for person in exam.people}
    return [pair for pair in pairs if pair[0].casefold() in people]


def _earlier(
    source: Source, codes: Sequence[str], user: AbstractBaseUser, submission_key: uuid.UUID | None
) -> Flow | None:
    """The flow this request has made already. Refused where one of the codes is on another one."""
    if submission_key is not None:
        found = Flow.objects.filter(submission_key=submission_key, source=source, created_by_id=user.pk).first()
        if found is not None:
            return found
    taken = list(
        FlowSource.objects.filter(source=source, code__in=codes, removed_at__isnull=True).select_related("flow")
    )
    if not taken:
        return None
    flow = taken[0].flow
    held = _held(flow)
    if flow.setup_state != Flow.Setup.READY and flow.created_by_id == user.pk and held == set(codes):
        return flow
    if flow.is_unmade and held <= set(codes) and all(row.flow_id == flow.pk for row in taken):
        return flow
    raise Refused(taken_by(taken[0]))


def taken_by(row: FlowSource) -> Message:
    """Why the code of the row cannot go on another flow than the row's."""
    flow = row.flow
    facts = {"code": row.code, "title": flow.title, "flow": flow.pk}
    if not flow.is_unmade:
        return message("sources.code_taken", **facts)
    return message("sources.code_on_unmade_flow", **facts, codes=", ".join(sorted(_held(flow))))


def _held(flow: Flow) -> set[str]:
    return set(flow.codes.filter(removed_at__isnull=True).values_list("code", flat=True))


def _code(flow: Flow, position: int, exam: Exam) -> FlowSource:
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


def _enqueue(flow: Flow) -> None:
    Flow.objects.filter(pk=flow.pk).update(setup_enqueued_at=timezone.now())
    put_in_queue("sources.tasks.create_flow", flow.pk, timeout=TIMEOUT_SECONDS)


def resume_flow(flow: Flow, user: AbstractBaseUser | None) -> Flow:
    """Have a worker go on with a flow that had stopped."""
    return _resumed(flow, user, enqueue=True)


def _resumed(flow: Flow, user: AbstractBaseUser | None, *, enqueue: bool) -> Flow:
    with transaction.atomic():
        stopped = Flow.objects.filter(pk=flow.pk, setup_state=Flow.Setup.STOPPED)
        if stopped.update(setup_state=Flow.Setup.QUEUED, setup_message={}, setup_claims=0):
            told = message("sources.audit.flow_resumed")
            audit.record(message=told, source=flow.source, flow=flow, actor=user)
            if enqueue:
                _enqueue(flow)
    return Flow.objects.select_related("source").get(pk=flow.pk)
