"""Reading exams from a source's Ladok side."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import TypeVar

from ladokflow.http import RemoteError
from ladokflow.identifiers import normal_code
from ladokflow.ladok.base import Exam
from ladokflow.ladok.client import LadokClient
from ladokflow.ladok.errors import UnknownToLadok
from ladokflow.ladok.university import starting_within
from ladokflow.messages import Message, message
from ladokflow.threads import Threads
from sources.models import FlowSource, Source
from sources.universities.clients import ladok_for

CONCURRENCY = 6
Answer = TypeVar("Answer")
COMMAS, BLANKS = re.compile(r"[,;\t]+"), re.compile(r"\s+")  # between codes that are typed
LONGEST_TYPED = 200
# Requests in a row without an answer after which Ladok is down: nobody waits for the rest to run out of time, too.
MOST_UNANSWERED = 2


def list_exams(
    source: Source, courses: Sequence[str], first: dt.date | None = None, last: dt.date | None = None
) -> tuple[list[Exam], list[Message]]:
    """*Välj från lista*: the exams of these courses that start on these days, without people, and why Ladok did not tell all.

    Without a course those of any, between both dates: only where Ladok can be asked so.
    """
    if not courses and first is not None and last is not None:
        return exams_between(source, first, last, ())
    exams, failures = merged(list_several(source, courses))
    return starting_within(exams, first, last), failures


def exams_between(
    source: Source, first: dt.date, last: dt.date, courses: Sequence[str]
) -> tuple[list[Exam], list[Message]]:
    """The exams that start on these days, each once and in their order, and why Ladok did not tell all.

    Of any course where Ladok can be asked for dates; elsewhere of these courses, each of which is a question to Ladok.
    """
    answers: list[list[Exam] | RemoteError]
    answers = [_list_by_dates(source, first, last)] if source.can_list_by_dates else list_several(source, courses)
    exams, failures = merged(answers)
    within = starting_within(exams, first, last)
    return sorted(within, key=lambda exam: (exam.participation_start_at, exam.code)), failures


def merged(answers: Iterable[list[Exam] | RemoteError]) -> tuple[list[Exam], list[Message]]:
    """Each exam once, and each reason."""
    exams: dict[str, Exam] = {}
    failures: dict[str, Message] = {}
    for answer in answers:
        if isinstance(answer, RemoteError):
            failures.setdefault(str(answer.message), answer.message)
        else:
            exams |= {exam.code: exam for exam in answer}
    return list(exams.values()), list(failures.values())


def _list_by_dates(source: Source, first: dt.date, last: dt.date) -> list[Exam] | RemoteError:
    try:
        with ladok_for(source) as client:
            return source.rules.list_by_dates(client, first, last)
    except RemoteError as error:
        return error


def list_several(source: Source, courses: Sequence[str]) -> list[list[Exam] | RemoteError]:
    """Each course's exams, or why they cannot be had, in the courses' order; otherwise as `fetch_several`."""
    return _ask_each(source, courses, source.rules.find_exams)


def courses_since(source: Source, first: dt.date) -> list[str]:
    """The course codes of the source's flows since that day: where Ladok lists by course alone, the ones that there is to ask for.

    As they begin the titles, which are made of course code and name at all universities there are.
    """
    rows = FlowSource.objects.filter(source=source, removed_at=None, flow__participation_start_at__date__gte=first)
    titles = rows.exclude(title="").order_by("title").values_list("title", flat=True).distinct()
    return list(dict.fromkeys(title.split()[0] for title in titles if title.split()))


def fetch_exam(source: Source, code: str) -> Exam:
    """*Ange kod*: one exam with its people, in whatever way its code is typed.

    UnknownToLadok where Ladok has no such code; its message says which flow has it, where one does.
    """
    with ladok_for(source) as client:
        try:
            return source.rules.find_exam(client, code)
        except UnknownToLadok as error:
            raise _known_otherwise(source, code, error) from error


def _known_otherwise(source: Source, code: str, error: UnknownToLadok) -> UnknownToLadok:
    row = on_a_flow(source, code)
    if row is None:
        return error
    facts = {"code": code.strip(), "known": row.code, "title": row.flow.title, "flow": row.flow_id}
    return UnknownToLadok(message("sources.code_known_otherwise", **facts), permanent=True, status=error.status)


def fetch_typed(source: Source, typed: str) -> list[tuple[str, Exam | RemoteError]]:
    """*Ange kod*: each code that was typed with its exam, or why there is none. Line breaks, commas, semicolons and blanks may stand between
    codes; but a code may hold them itself, so what Ladok knows as it stands is one code."""
    answers = _fetch_parts(source, re.split(r"[\r\n]+", typed))
    for signs in (COMMAS, BLANKS):
        divided: list[tuple[str, Exam | RemoteError]] = []
        for code, answer in answers:
            inner = _fetch_parts(source, signs.split(code)) if isinstance(answer, UnknownToLadok) else []
            # Where no part between blanks is known either, it is one code that is mistyped.
            is_divided = len(inner) > 1 and (signs is COMMAS or any(isinstance(part, Exam) for _code, part in inner))
            divided += inner if is_divided else [(code, answer)]
        answers = divided
    return [
        (code, _known_otherwise(source, code, answer) if isinstance(answer, UnknownToLadok) else answer)
        for code, answer in answers
    ]


def _fetch_parts(source: Source, parts: Iterable[str]) -> list[tuple[str, Exam | RemoteError]]:
    """Those that are not empty; one that is longer than any code is not asked for."""
    codes = [code for part in parts if (code := part.strip())]
    asked = [code for code in codes if len(code) <= LONGEST_TYPED]
    answers = dict(zip(asked, fetch_several(source, asked), strict=True)) if asked else {}
    unknown = [UnknownToLadok(message("ladok.unknown_code", code=code[:60]), permanent=True) for code in codes]
    return [(code, answers.get(code, error)) for code, error in zip(codes, unknown, strict=True)]


def on_a_flow(source: Source, code: str) -> FlowSource | None:
    """The code where it is on a flow now, in whatever way it is spelt."""
    rows = FlowSource.objects.filter(source=source, normal_code=normal_code(code), removed_at__isnull=True)
    return rows.select_related("flow").first()


def on_flows(source: Source, codes: Iterable[str]) -> dict[str, FlowSource]:
    """As `on_a_flow`, of several codes: by the normal form of each that is on one."""
    normal = {normal_code(code) for code in codes}
    rows = FlowSource.objects.filter(source=source, normal_code__in=normal, removed_at__isnull=True)
    return {row.normal_code: row for row in rows.select_related("flow")}


def fetch_several(source: Source, codes: Sequence[str]) -> list[Exam | RemoteError]:
    """Each code's exam, or why it cannot be had, in the codes' order; a few at a time.

    Where Ladok does not answer at all, not every code is asked for: the rest get the same error.
    """
    return _ask_each(source, codes, source.rules.find_exam)


def _ask_each(
    source: Source, codes: Sequence[str], ask: Callable[[LadokClient, str], Answer]
) -> list[Answer | RemoteError]:
    workers = max(1, min(CONCURRENCY, len(codes)))

    def ask_share(client: LadokClient, share: Sequence[str]) -> list[Answer | RemoteError]:
        answers: list[Answer | RemoteError] = []
        unanswered = 0
        for code in share:
            if unanswered >= MOST_UNANSWERED:
                answers.append(answers[-1])
                continue
            try:
                answers.append(ask(client, code))
                unanswered = 0
            except RemoteError as error:
                answers.append(error)
                unanswered += error.status is None
        return answers

    with ExitStack() as opened:
        try:
            # A client has one connection, and is made here: threads do not touch the database.
            clients = [opened.enter_context(ladok_for(source)) for _ in range(workers)]
        except RemoteError as error:
            return [error for _ in codes]
        with Threads(max_workers=workers) as pool:
            shares = list(pool.map(ask_share, clients, [codes[n::workers] for n in range(workers)]))
    return [shares[n % workers][n // workers] for n in range(len(codes))]
