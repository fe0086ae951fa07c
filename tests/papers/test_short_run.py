"""The short form of `make papers`; and that its judge finds what it is there to find, in a run of which something is then made untrue."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from exports.models import Assessment, Package, PackageFile
from sources.models import AuditEntry, Flow, LogEntry, Paper
from tests import recorder
from tests.papers import judge
from tests.papers.judge import Verdict
from tests.papers.play import Play
from tests.papers.sandbox import Asked

# More than there are entries of one moment: whatever happens to everybody at once may have the same millisecond.
PEOPLE, PAGE = 40, 120


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(600)
def test_papers_packages_and_logs_are_whole_and_there_once_though_workers_are_killed(
    tmp_path: Path, subprocess_environment: dict[str, str], settings: Any
) -> None:
    archive = tmp_path / "archive"
    settings.ARCHIVE_DIR = str(archive)
    environment = subprocess_environment | {"ARCHIVE_DIR": str(archive), "QUEUE_WORKERS": "2"}
    play = Play(tmp_path, archive, environment, [PEOPLE], kills=1, page=PAGE)
    play.perform()
    recorder.keep("tests/papers", play.sandbox.different.values())
    assert not [fault for _whose, verdict in play.verdicts for fault in verdict.faults]
    assert play.sandbox.kills() == 3
    for subject, harm, found in HARMS:
        with undone():
            harm(play)
            assert re.search(found, "\n".join(verdict_of(subject, play).faults)), harm.__name__
    (play.archive / "packages" / Package.objects.get().place / PackageFile.objects.earliest("pk").path).write_bytes(
        b"%"
    )
    assert "not a valid bag" in str(verdict_of("package", play).faults)


def verdict_of(subject: str, play: Play) -> Verdict:
    exam, state, asked = play.exams[0], play.sandbox.state, play.sandbox.ledger
    exam.flow = Flow.objects.select_related("source").get(pk=exam.flow.pk)
    return {
        "handed in": lambda: judge.handed_in(exam, state),
        "package": lambda: judge.package(exam, play.archive, state, asked, 1),
        "timelines": lambda: judge.timelines(exam, state),
        "logs": lambda: judge.logs("liu", state, asked, 2, play.names),
    }[subject]()


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


# --- Harm -----------------------------------------------------------------------------------------------------------


def paper_lost(play: Play) -> None:
    Paper.objects.filter(state="handed_in").earliest("pk").delete()


def papers_lost(play: Play) -> None:
    Paper.objects.all().delete()


def blank_for_handed_in(play: Play) -> None:
    Paper.objects.filter(state="handed_in").update(state="blank")


def grade_gone(play: Play) -> None:
    Assessment.objects.filter(participant__paper__state="handed_in").update(grade="")


def file_twice(play: Play) -> None:
    row = PackageFile.objects.filter(path__contains="/files/").earliest("pk")
    row.pk, row.path = None, f"{row.path}x"
    row.save()


def paper_with_another(play: Play) -> None:
    one, other = PackageFile.objects.filter(path__endswith="svar.pdf").order_by("pk")[:2]
    PackageFile.objects.filter(pk=one.pk).update(person=other.person)


def made_twice(play: Play) -> None:
    entry = AuditEntry.objects.get(message__code="audit.package_made")
    AuditEntry.objects.create(message=entry.message, source=entry.source, flow=entry.flow)


def not_ready(play: Play) -> None:
    Package.objects.update(state="failed", missing_count=2)


def entry_lost(play: Play) -> None:
    LogEntry.objects.earliest("pk").delete()


def handing_in_lost(play: Play) -> None:
    LogEntry.objects.filter(kind=LogEntry.Kind.HANDED_IN).delete()


def entry_twice(play: Play) -> None:
    row = LogEntry.objects.earliest("pk")
    row.pk, row.key = None, f"{row.key}-again"
    row.save()


def entry_of_no_flow(play: Play) -> None:
    LogEntry.objects.update(flow=None)


def name_kept(play: Play) -> None:
    for row in LogEntry.objects.filter(action="SAID"):
        row.detail = play.names[0]
        row.save()


HARMS: tuple[tuple[str, Callable[[Play], None], str], ...] = (
    ("handed in", paper_lost, "how: "),
    ("handed in", blank_for_handed_in, "how: "),
    ("handed in", grade_gone, "a paper without a grade"),
    ("package", file_twice, "papers: 44"),
    ("package", paper_with_another, "papers: 43 instead of 43"),
    ("package", made_twice, "in the audit log as made"),
    ("package", not_ready, "state: .*\nmissing: 2"),
    ("logs", entry_lost, "entries: .* instead of"),
    ("logs", entry_twice, "entries: .*has besides"),
    ("logs", entry_of_no_flow, "of which flow"),
    ("logs", name_kept, "with a name in them"),
    ("timelines", handing_in_lost, "entries of WISEflow's"),
    ("timelines", papers_lost, "of our own"),
)


# --- The ledger -----------------------------------------------------------------------------------------------------


def asked(moments: list[float], path: str = "/flows/1", *, status: int = 200, **query: str) -> list[Asked]:
    return [Asked(at, "wiseflow", path, query, worker=1, status=status) for at in moments]


@pytest.mark.parametrize(
    ("ledger", "fault"),
    [
        (asked([n / 100 for n in range(5000)]), ""),
        (asked([n * 60 / 5001 for n in range(5001)]), "in a minute: 5,001"),
        # Of two minutes by the clock half each
        (asked([30 + n / 84 for n in range(5040)]), "in a minute: 5,040"),
        (asked([0.5 + n / 201 for n in range(201)]), "in a second: 201"),
        (asked([1, 2], status=429), "refused"),
        (asked([1, 2], status=400), "answered 400"),
        (asked([1], "/license/submissions", start="0", end=str(30 * 86_400)), ""),
        (asked([1], "/license/submissions", start="0", end=str(31 * 86_400)), "days"),
    ],
)
def test_requests_are_held_against_wiseflows_limits_in_any_minute_and_second(ledger: list[Asked], fault: str) -> None:
    told = str(judge.limits(ledger).faults)
    assert fault in told if fault else told == "[]"


def test_a_limit_that_was_never_reached_is_no_proof() -> None:
    assert "never reached" in str(judge.limits(asked([1, 2]), is_reached=True).faults)


@pytest.mark.parametrize(
    ("queries", "fault"),
    [
        ([{"limit": "10000"}, {"limit": "10000", "offset": "5"}], ""),
        ([{"limit": "10001"}], "of another size"),
        ([{"limit": "10000", "offset": "9"}, {"limit": "10000", "offset": "5"}], "begun again"),
        ([{"limit": "10000", "offset": str(n)} for n in range(9)], "pages"),
    ],
)
def test_pages_of_logs_are_of_ten_thousand_and_go_on(queries: list[dict[str, str]], fault: str) -> None:
    verdict = Verdict("logs")
    judge._pages(verdict, [each for query in queries for each in asked([1], "/license/logs", **query)], 5, 0, 10_000)
    assert fault in str(verdict.faults) if fault else not verdict.faults
