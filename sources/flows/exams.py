"""Reading exams from a source's Ladok side."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from ladokflow.http import RemoteError
from ladokflow.identifiers import normal_code
from ladokflow.ladok.base import Exam
from ladokflow.ladok.client import LadokClient
from ladokflow.ladok.errors import UnknownToLadok
from ladokflow.messages import message
from sources.models import FlowSource, Source
from sources.universities.clients import ladok_for

CONCURRENCY = 6
# Requests in a row without an answer after which Ladok is down: nobody waits for the rest to run out of time, too.
MOST_UNANSWERED = 2


def list_exams(source: Source, course_code: str) -> list[Exam]:
    """*Välj från lista*: the exams of a course, without people. RemoteError where Ladok cannot be asked."""
    with ladok_for(source) as client:
        return source.rules.find_exams(client, course_code)


def fetch_exam(source: Source, code: str) -> Exam:
    """*Ange kod*: one exam with its people, in whatever way its code is typed.

    UnknownToLadok where Ladok has no such code; its message says which flow has it, where one does.
    """
    with ladok_for(source) as client:
        try:
            return source.rules.find_exam(client, code)
        except UnknownToLadok as error:
            row = on_a_flow(source, code)
            if row is None:
                raise
            facts = {"code": code.strip(), "known": row.code, "title": row.flow.title, "flow": row.flow_id}
            reason = message("sources.code_known_otherwise", **facts)
            raise UnknownToLadok(reason, permanent=True, status=error.status) from error


def on_a_flow(source: Source, code: str) -> FlowSource | None:
    """The code where it is on a flow now, in whatever way it is spelt."""
    rows = FlowSource.objects.filter(source=source, normal_code=normal_code(code), removed_at__isnull=True)
    return rows.select_related("flow").first()


def fetch_several(source: Source, codes: Sequence[str]) -> list[Exam | RemoteError]:
    """Each code's exam, or why it cannot be had, in the codes' order; a few at a time.

    Where Ladok does not answer at all, not every code is asked for: the rest get the same error.
    """
    workers = max(1, min(CONCURRENCY, len(codes)))
    rules = source.rules

    def fetch(client: LadokClient, share: Sequence[str]) -> list[Exam | RemoteError]:
        exams: list[Exam | RemoteError] = []
        unanswered = 0
        for code in share:
            if unanswered >= MOST_UNANSWERED:
                exams.append(exams[-1])
                continue
            try:
                exams.append(rules.find_exam(client, code))
                unanswered = 0
            except RemoteError as error:
                exams.append(error)
                unanswered += error.status is None
        return exams

    with ExitStack() as opened:
        try:
            # A client has one connection, and is made here: threads do not touch the database.
            clients = [opened.enter_context(ladok_for(source)) for _ in range(workers)]
        except RemoteError as error:
            return [error for _ in codes]
        with ThreadPoolExecutor(max_workers=workers) as pool:
            shares = list(pool.map(fetch, clients, [codes[n::workers] for n in range(workers)]))
    return [shares[n % workers][n // workers] for n in range(len(codes))]
