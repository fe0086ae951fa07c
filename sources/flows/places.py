"""Those who are on several of a flow's Ladok codes, and where their grades go: what fits the exams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Count, Q

from ladokflow.identifiers import normal
from ladokflow.ladok.base import Exam
from ladokflow.messages import Message, Refused, message
from sources import audit
from sources.models import Flow, Participant, Registration, Source

# Why the grades of a flow cannot go anywhere else any more: for whoever stands above to add to (`exports/attempts/place.py`)
REFUSALS: list[Callable[[Flow], Message | None]] = []


def say_place(locked: Flow, goes_to: str, *, by: AbstractBaseUser, address: str | None = None) -> bool:
    """Write down where the grade of somebody on several codes goes; whether it is news: another, or said for the first time. `locked` is
    the flow as it is under its lock. Refused where grades have gone where they were to go."""
    if goes_to == locked.grade_goes_to and locked.is_place_said:
        return False
    if (refusal := next((told for check in REFUSALS if (told := check(locked)) is not None), None)) is not None:
        raise Refused(refusal)
    place = Flow.GradeGoesTo(goes_to)
    Flow.objects.filter(pk=locked.pk).update(grade_goes_to=place, is_place_said=True)
    said = message(f"sources.audit.grade_goes_to_{place}")
    audit.record(message=said, source=locked.source, flow=locked, actor=by, address=address)
    return True


def ids_of(exam: Exam) -> set[str]:
    """The organisation ids of the exam's people, in their normal form."""
    return {normal(person.organisation_id) for person in exam.people} - {""}


def people_on_several(exams: Sequence[Exam]) -> int:
    """How many people stand on the lists of several of these exams."""
    on = Counter(who for exam in exams for who in ids_of(exam))
    return sum(count > 1 for count in on.values())


def participants_on_several(flow: Flow) -> int:
    """How many of the flow's are on several of its codes, as the lists were read last."""
    listed = Q(registrations__is_listed=True, registrations__code__removed_at__isnull=True)
    people = Participant.objects.filter(flow=flow).annotate(lists=Count("registrations", filter=listed))
    return people.filter(lists__gt=1).count()


def participants_also_on(flow: Flow, exam: Exam) -> int:
    """How many of the exam's people are on another code of the flow already."""
    listed = Registration.objects.listed().filter(code__flow=flow).values_list("organisation_id", flat=True)
    return len({normal(who) for who in listed} & ids_of(exam))


def suggested_place(source: Source, exams: Sequence[Exam]) -> Flow.GradeGoesTo:
    """Of occasions of one exam the grade goes to one; of modules, or exams of several courses, to each."""
    return Flow.GradeGoesTo.EACH if source.rules.tells_modules(exams) else Flow.GradeGoesTo.ONE
