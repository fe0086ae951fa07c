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
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused, message
from ladokflow.queue import enqueue as put_in_queue
from sources import audit
from sources.flows.request import request_flow
from sources.models import BatchExam, FlowBatch, Source
from sources.sync.gather import unexpected
from sources.sync.staff import name_staff

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 600
# A queue entry that has not been looked at for so long may be lost. One more is harmless.
STALE = dt.timedelta(seconds=120)


def request_batch(
    *,
    source: Source,
    codes: Sequence[str],
    requested_by: AbstractBaseUser,
    submission_key: uuid.UUID,
    **choices: Any,
) -> FlowBatch:
    """Write down that each exam shall become a flow, and have workers make them. Neither Ladok nor WISEflow is asked here.

    `choices` are arguments of `request_flow`, the same for all flows, as JSON can hold them. Refused where the settings are
    against a rule for every one of them. The same `submission_key` gives the same batch.
    """
    codes = list(dict.fromkeys(code.strip() for code in codes if code.strip()))
    if not codes:
        raise Refused(message("sources.no_code"))
    found = _earlier(source, requested_by, submission_key)
    if found is not None:
        return found
    name_staff(source, requested_by, choices.get("staff", ()))
    now = timezone.now()
    try:
        with transaction.atomic():
            batch = FlowBatch.objects.create(
                pk=submission_key, source=source, requested_by_id=requested_by.pk, choices=choices
            )
            rows = [BatchExam(batch=batch, position=n, code=code, enqueued_at=now) for n, code in enumerate(codes)]
            for exam in BatchExam.objects.bulk_create(rows):
                _enqueue(exam.pk)
            told = message("sources.audit.batch_requested", count=len(codes))
            audit.record(message=told, source=source, actor=requested_by)
    except IntegrityError:
        # The same form at the same moment: the other one was faster.
        found = _earlier(source, requested_by, submission_key)
        if found is None:
            raise
        return found
    logger.info("batch.requested batch=%s source=%s exams=%s", batch.pk, source.pk, len(codes))
    return batch


def _earlier(source: Source, user: AbstractBaseUser, submission_key: uuid.UUID) -> FlowBatch | None:
    return FlowBatch.objects.filter(pk=submission_key, source=source, requested_by_id=user.pk).first()


def _enqueue(exam_pk: int) -> None:
    put_in_queue("sources.tasks.request_exam", exam_pk, timeout=TIMEOUT_SECONDS)


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
            **batch.choices,
        )
    except (RemoteError, Refused) as error:
        refuse(exam, error.message)
    except Exception as error:
        told, reference = unexpected(error)
        logger.exception("batch.exam.error exam=%s reference=%s", exam.pk, reference)
        refuse(exam, told)
    else:
        # Also over a refusal: another worker may have met a Ladok that was down for a moment.
        BatchExam.objects.filter(pk=exam.pk, flow=None).update(flow=flow, message={})
    exam.refresh_from_db()
    return exam


def refuse(exam: BatchExam, told: Message) -> None:
    """Unless another worker has made the flow in the meantime."""
    BatchExam.objects.filter(pk=exam.pk, flow=None).update(message=told.to_json())
    logger.info("batch.exam.refused exam=%s reason=%s", exam.pk, told.code)


def retry_refused(batch: FlowBatch) -> int:
    """Ask again for the exams that were refused; how many."""
    count = 0
    with transaction.atomic():
        for exam in batch.exams.filter(flow=None).exclude(message={}):
            same = BatchExam.objects.filter(pk=exam.pk, flow=None).exclude(message={})
            if same.update(message={}, enqueued_at=timezone.now()):
                _enqueue(exam.pk)
                count += 1
    return count


def enqueue_forgotten() -> int:
    """Enqueue again the exams that wait too long; how many. Safe to run twice, or to be killed."""
    now = timezone.now()
    late = Q(enqueued_at__lt=now - STALE) | Q(enqueued_at__isnull=True)
    count = 0
    for exam in BatchExam.objects.filter(late, flow=None, message={}):
        with transaction.atomic():
            same = BatchExam.objects.filter(late, pk=exam.pk, flow=None, message={})
            if same.update(enqueued_at=now):
                _enqueue(exam.pk)
                logger.info("batch.exam.enqueued_again exam=%s", exam.pk)
                count += 1
    return count


def prune(before: dt.datetime) -> int:
    """Forms from before that moment, of which no exam waits any more, go; their flows stay."""
    waiting = BatchExam.objects.filter(flow=None, message={}).values("batch_id")
    _count, deleted = FlowBatch.objects.filter(created_at__lt=before).exclude(pk__in=waiting).delete()
    return deleted.get("sources.FlowBatch", 0)
