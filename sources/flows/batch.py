"""Several exams at once: one form makes one flow of each, every one by itself.

The form is a `FlowBatch` with a row per exam; a queue entry per row has Ladok asked for the exam and the flow written down, and
then the flow goes its own way (`sources/flows/create.py`). So an exam that is broken, or a Ladok that is slow, holds up no other.
A row of an exam is waiting, refused with the reason, or has its flow; a form that is sent twice is the same batch, and a task
that runs twice finds the same flow by its key.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from ladokflow.fingerprints import Fingerprint, fingerprint, require_seen
from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused, message
from sources import audit
from sources.flows.request import each_once, fingerprint_of_creation, request_flow, resume_flow
from sources.models import BatchExam, Flow, FlowBatch, Source
from sources.sync.gather import unexpected
from sources.sync.staff import StaffRow, name_staff

logger = logging.getLogger(__name__)


def request_batch(
    *,
    source: Source,
    codes: Sequence[str],
    requested_by: AbstractBaseUser,
    submission_key: uuid.UUID,
    staff_of: Mapping[str, Sequence[StaffRow]] | None = None,
    enqueue: bool = True,
    **choices: Any,
) -> FlowBatch:
    """Write down that each exam shall become a flow, and have workers make them. Neither Ladok nor WISEflow is asked here.

    `staff_of`: code -> who works with that exam's flow alone, as in `Flow.staff`, besides those of the choices.
    `choices` are those of `FlowChoices`, the same for all flows, as JSON can hold them. Refused where the settings are
    against a rule for every one of them. The same `submission_key` gives the same batch.
    """
    codes = each_once(codes)
    if not codes:
        raise Refused(message("sources.no_code"))
    earlier = _earlier(source, requested_by, submission_key)
    if earlier is not None:
        return earlier
    own = staff_of or {}
    name_staff(source, requested_by, [*choices.get("staff", ()), *(row for code in codes for row in own.get(code, ()))])
    try:
        with transaction.atomic():
            batch = FlowBatch.objects.create(
                pk=submission_key, source=source, requested_by_id=requested_by.pk, choices=choices
            )
            rows = [
                BatchExam(batch=batch, position=n, code=code, staff=list(own.get(code, ())))
                for n, code in enumerate(codes)
            ]
            for exam in BatchExam.objects.bulk_create(rows):
                if enqueue:
                    BatchExam.objects.put_in_queue(exam.pk)
            requested = message("sources.audit.batch_requested", count=len(codes))
            audit.record(message=requested, source=source, actor=requested_by)
    except IntegrityError:
        # The same form at the same moment: the other one was faster.
        earlier = _earlier(source, requested_by, submission_key)
        if earlier is None:
            raise
        return earlier
    logger.info("batch.requested batch=%s source=%s exams=%s", batch.pk, source.pk, len(codes))
    return batch


def _earlier(source: Source, user: AbstractBaseUser, submission_key: uuid.UUID) -> FlowBatch | None:
    return FlowBatch.objects.filter(pk=submission_key, source=source, requested_by_id=user.pk).first()


def request_exam(exam_pk: int) -> BatchExam:
    """Have the flow of one exam made, or write down why that cannot be. Never raises for what Ladok does."""
    exam = BatchExam.objects.select_related("batch__source", "batch__requested_by").get(pk=exam_pk)
    if not exam.is_waiting:
        return exam
    batch = exam.batch
    try:
        flow = request_flow(
            source=batch.source,
            codes=[exam.code],
            requested_by=batch.requested_by,
            submission_key=uuid.uuid5(batch.pk, exam.code),
            is_list_shared=True,
            **{**batch.choices, "staff": [*batch.choices.get("staff", ()), *exam.staff]},
        )
    except (RemoteError, Refused) as error:
        refuse(exam, error.message)
    except Exception as error:
        reason, reference = unexpected(error)
        logger.exception("batch.exam.error exam=%s reference=%s", exam.pk, reference)
        refuse(exam, reason)
    else:
        # Also over a refusal: another worker may have met a Ladok that was down for a moment.
        BatchExam.objects.filter(pk=exam.pk, flow=None).update(flow=flow, message={})
    exam.refresh_from_db()
    return exam


def refuse(exam: BatchExam, reason: Message) -> None:
    """Unless another worker has made the flow in the meantime."""
    BatchExam.objects.filter(pk=exam.pk, flow=None).update(message=reason.to_json())
    logger.info("batch.exam.refused exam=%s reason=%s", exam.pk, reason.code)


def fingerprint_of(batch: FlowBatch) -> Fingerprint:
    """Of the exams that were refused and the flows whose creation has stopped, with the reasons."""
    exams = batch.exams.select_related("flow").prefetch_related("flow__codes").order_by("position")
    stopped = [exam.flow for exam in exams if exam.flow is not None and exam.flow.has_stopped]
    refused = [[exam.pk, exam.message] for exam in exams if exam.flow is None and exam.message]
    return fingerprint("sources.batch", [refused, [fingerprint_of_creation(flow).whole for flow in stopped]])


def retry(batch: FlowBatch, user: AbstractBaseUser, *, seen: str | None = None) -> None:
    """Ask again for the exams that were refused, and go on with the flows whose creation has stopped.

    `seen`: the `fingerprint_of` the batch that a manager was shown; NotAsShown where others have stopped by now.
    """
    with transaction.atomic():
        FlowBatch.objects.select_for_update(no_key=True).get(pk=batch.pk)
        require_seen(seen, fingerprint_of(batch))
        retry_refused(batch)
        for exam in batch.exams.filter(flow__setup_state=Flow.Setup.STOPPED, flow__released_at=None).select_related(
            "flow"
        ):
            if exam.flow is not None:
                resume_flow(exam.flow, user)


def retry_refused(batch: FlowBatch) -> int:
    """Ask again for the exams that were refused; how many."""
    is_refused = Q(flow=None) & ~Q(message={})
    with transaction.atomic():
        refused = list(batch.exams.filter(is_refused).values_list("pk", flat=True))
        return sum(BatchExam.objects.put_in_queue(pk, is_refused, message={}) for pk in refused)


def ended_before(moment: dt.datetime) -> QuerySet[FlowBatch]:
    """Forms from before that moment, of which no exam waits any more."""
    waiting = BatchExam.objects.filter(flow=None, message={}).values("batch_id")
    return FlowBatch.objects.filter(created_at__lt=moment).exclude(pk__in=waiting)
