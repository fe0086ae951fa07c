"""Keeping what Ladok has of the exams in the days to come, so that no page waits for Ladok to tell.

Of any course where Ladok can be asked for dates; elsewhere of the courses that the source has had flows of since a year and a half.
"""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ladokflow.ladok.base import Exam
from ladokflow.ladok.errors import UnknownToLadok
from ladokflow.ladok.university import starting_within
from ladokflow.messages import Message
from ladokflow.queue import enqueue
from sources.flows.exams import courses_since, exams_between, list_several, merged
from sources.models import ComingExam, ExamReading, Source

logger = logging.getLogger(__name__)

DAYS = 15  # today and two weeks more
EVERY = dt.timedelta(hours=6)
COURSES_OF = dt.timedelta(days=550)  # an exam is given at least once in three terms
TITLE_LENGTH = 255


def ask_for_due(now: dt.datetime | None = None) -> int:
    """Have a worker ask each source's Ladok that has not been asked for some hours; how many. Call it often."""
    now = now or timezone.now()
    count = 0
    for source in Source.objects.filter(Q(exam_reading=None) | Q(exam_reading__asked_at__lt=now - EVERY)):
        with transaction.atomic():
            _row, is_new = ExamReading.objects.get_or_create(source=source, defaults={"asked_at": now})
            due = ExamReading.objects.filter(source=source, asked_at__lt=now - EVERY)
            if is_new or due.update(asked_at=now):
                enqueue("sources.tasks.read_coming_exams", source.pk)
                count += 1
    return count


def read_coming_exams(source_pk: int) -> None:
    """Ask the source's Ladok, and keep what it told. What it did not tell stays as it was known."""
    source = Source.objects.get(pk=source_pk)
    today = timezone.localtime(timezone.now(), source.tz).date()
    exams, failures = _ask(source, today, today + dt.timedelta(days=DAYS - 1))
    now = timezone.now()
    with transaction.atomic():
        reading = {"asked_at": now, "message": failures[0].to_json()} if failures else {"asked_at": now, "message": {}}
        ExamReading.objects.update_or_create(source=source, defaults=reading | ({} if failures else {"read_at": now}))
        known = ComingExam.objects.filter(source=source)
        (known.filter(code__in=[exam.code for exam in exams]) if failures else known).delete()
        ComingExam.objects.bulk_create(
            ComingExam(
                source=source,
                code=exam.code,
                title=exam.title[:TITLE_LENGTH],
                subtitle=exam.subtitle[:TITLE_LENGTH],
                start_at=start,
            )
            for exam in exams
            if (start := exam.participation_start_at) is not None
        )
    logger.info("source.exams.read source=%s exams=%s failures=%s", source.slug, len(exams), len(failures))


def _ask(source: Source, first: dt.date, last: dt.date) -> tuple[list[Exam], list[Message]]:
    if source.can_list_by_dates:
        return exams_between(source, first, last, ())
    answers = list_several(source, courses_since(source, first - COURSES_OF))
    # A course that is given no more is no failure: Ladok has told that it has no exam.
    exams, failures = merged(answer for answer in answers if not isinstance(answer, UnknownToLadok))
    return starting_within(exams, first, last), failures
