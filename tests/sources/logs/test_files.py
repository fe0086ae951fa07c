"""Log entries as files: the same in each form, streamed, without names; whoever takes them along is written down."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command

from ladokflow.messages import Message
from sources.logs.files import CHUNK, COLUMNS, FORMATS, NUMBERS, entries_of
from sources.models import AuditEntry, LogEntry, Source
from tests.factories import FlowFactory, SourceFactory

pytestmark = pytest.mark.django_db
DAY = dt.date(2026, 11, 20)


def logged(source: Source, count: int, *, after: int = 0, **fields: Any) -> None:
    """So many entries, each with a number in its key; `after`: how many there are already."""
    noon = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
    facts = {"kind": "wrote", "action": "PAPER_SAVED", "wiseflow_user_id": 7, **fields}
    LogEntry.objects.bulk_create(
        LogEntry(source=source, key=f"k{n}", sort=n, at=noon + dt.timedelta(milliseconds=n // 3), **facts)
        for n in range(after, after + count)
    )


def written(kind: str, source: Source) -> bytes:
    return b"".join(FORMATS[kind][0](entries_of(source, DAY, DAY), source.slug))


def rows_in(kind: str, content: bytes) -> list[dict[str, Any]]:
    if kind == "csv":
        return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))
    if kind == "jsonl":
        return [json.loads(line) for line in content.splitlines()]
    return pq.read_table(io.BytesIO(content)).to_pylist()


def plain(row: dict[str, Any]) -> dict[str, str]:
    at = row["at"]
    moment = at if isinstance(at, dt.datetime) else dt.datetime.fromisoformat(at)
    return {name: "" if value is None else str(value) for name, value in (row | {"at": moment}).items()}


def test_each_form_holds_the_same_entries_also_over_several_chunks() -> None:
    source = SourceFactory()
    logged(source, 2 * CHUNK + 5, detail='{"a": 1}')
    found = {kind: [plain(row) for row in rows_in(kind, written(kind, source))] for kind in FORMATS}
    assert found["csv"] == found["jsonl"] == found["parquet"]
    assert len({row["entry"] for row in found["csv"]}) == len(found["csv"]) == 2 * CHUNK + 5
    assert tuple(found["csv"][0]) == COLUMNS
    table = pq.read_schema(io.BytesIO(written("parquet", source)))
    assert str(table.field("at").type) == "timestamp[ms, tz=UTC]"
    assert {str(table.field(name).type) for name in NUMBERS} == {"int64"}


def test_there_is_nothing_to_be_written_and_still_a_file() -> None:
    source = SourceFactory()
    for kind in FORMATS:
        assert rows_in(kind, written(kind, source)) == []


def test_only_the_entries_of_the_days_in_the_sources_own_time_are_written() -> None:
    source, other = SourceFactory(timezone="Europe/Stockholm"), SourceFactory()
    for n, hour in enumerate((22, 23)):  # in UTC: the day before in Sweden, and the day itself
        at = dt.datetime(2026, 11, 19, hour, 30, tzinfo=dt.UTC)
        LogEntry.objects.create(source=source, key=str(n), sort=n, at=at)
        LogEntry.objects.create(source=other, key=str(n), sort=n, at=at)
    assert [row["entry"] for row in rows_in("jsonl", written("jsonl", source))] == ["1"]


def test_a_cell_of_the_csv_file_is_never_run() -> None:
    source = SourceFactory()
    logged(source, 1, context="=1+1")
    assert rows_in("csv", written("csv", source))[0]["context"] == "'=1+1"


def peak_of(kind: str, source: Source) -> int:
    """The most memory, in bytes, that is taken by writing all there is."""
    tracemalloc.start()
    for _part in FORMATS[kind][0](entries_of(source, DAY, DAY), source.slug):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_more_than_twice_as_many_take_no_more_memory() -> None:
    """In none of the forms: the entries are the same for all of them, and take longer to make than to write."""
    source = SourceFactory()
    logged(source, 2 * CHUNK)
    for kind in FORMATS:
        written(kind, source)  # what is loaded and kept at the first time
    few = {kind: peak_of(kind, source) for kind in FORMATS}
    logged(source, 3 * CHUNK, after=2 * CHUNK)
    assert entries_of(source, DAY, DAY).count() == 5 * CHUNK
    grown = {kind: peak_of(kind, source) / few[kind] for kind in FORMATS}
    assert {kind: growth for kind, growth in grown.items() if growth >= 1.25} == {}
    assert set(grown) == {"csv", "jsonl", "parquet"}


def test_the_command_writes_a_file_and_is_written_down(tmp_path: Path) -> None:
    source = SourceFactory(slug="uni")
    logged(source, 3)
    file = tmp_path / "log.parquet"
    options = {"first": "2026-11-20", "last": "2026-11-20", "format": "parquet", "output": file}
    call_command("logs", source="uni", **options)
    assert pq.read_table(file).num_rows == 3
    told = Message.from_json(AuditEntry.objects.get(source=source).message)
    assert told is not None
    assert (told.code, told.params["format"]) == ("log.downloaded", "parquet")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"first": "20 november"}, "is no day"),
        ({"first": "0001-01-01"}, "is no day"),
        ({"last": "9999-12-31"}, "is no day"),
        ({"first": "2026-02-31"}, "is no day"),
        ({"first": "2026-11-02", "last": "2026-11-01"}, "before the first"),
        ({"output": Path("/nonexistent/x")}, "/nonexistent/x cannot be written"),
        ({"output": Path("/")}, "cannot be written"),
        ({"flow": 10**9}, "no flow"),
        ({"source": "nobody"}, "nobody"),
    ],
)
def test_the_command_tells_in_one_line_what_is_wrong(options: dict[str, Any], word: str) -> None:
    SourceFactory(slug="uni")
    with pytest.raises(CommandError) as told:
        call_command("logs", **({"source": "uni"} | options))
    assert word.lower() in str(told.value).lower()
    assert "\n" not in str(told.value)
    assert not AuditEntry.objects.exists()


def test_a_flow_of_another_source_is_refused() -> None:
    SourceFactory(slug="uni")
    with pytest.raises(CommandError, match="is not of the source"):
        call_command("logs", source="uni", flow=FlowFactory().pk)


@pytest.mark.django_db(transaction=True)
def test_the_command_writes_to_stdout(subprocess_environment: dict[str, str]) -> None:
    logged(SourceFactory(slug="uni"), 2)
    command = [sys.executable, "manage.py", "logs", "--source=uni", "--from=2026-11-20", "--to=2026-11-20"]
    told = subprocess.run(command, env=subprocess_environment, capture_output=True, timeout=120)
    assert [json.loads(line)["entry"] for line in told.stdout.splitlines()] == ["k0", "k1"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "command", [["logs", "--source=uni", "--from=2026-11-20", "--to=2026-11-20"], ["flowstatus", "--flow=1"]]
)
def test_whoever_reads_no_further_ends_a_command_without_a_word(
    command: list[str], subprocess_environment: dict[str, str]
) -> None:
    """As `head` does: the pipe is closed before the first byte."""
    source = SourceFactory(slug="uni")
    logged(source, 3000)
    flow = FlowFactory(source=source)
    command = [part.replace("--flow=1", f"--flow={flow.pk}") for part in command]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        told = subprocess.run(
            [sys.executable, "manage.py", *command],
            env=subprocess_environment,
            stdout=closed,
            stderr=subprocess.PIPE,
            timeout=120,
        )
    assert (told.returncode, told.stderr) == (141, b"")
