"""Log entries to take along, as CSV, JSON Lines or Parquet: written while they are read, so that a million take no more memory than a
thousand. Without names, addresses and identifiers of people: WISEflow's numbers stand for them.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db.models import Q, QuerySet

from ladokflow.dates import FIRST_DAY, LAST_DAY
from ladokflow.spreadsheets import Sink, csv_parts
from sources.models import Flow, LogEntry, Source

CHUNK = 2000
COLUMNS = (
    "at", "source", "flow", "wiseflow_flow", "kind", "action", "context", "participant", "user", "detail", "entry",
)  # fmt: skip
NUMBERS = ("flow", "wiseflow_flow", "participant", "user")


def entries_of(source: Source, first: dt.date, last: dt.date, flow: Flow | None = None) -> QuerySet[LogEntry]:
    """Those of these days, the last one included, in the source's time zone. There are none beyond what is taken for a day."""
    first, last = (min(max(day, FIRST_DAY), LAST_DAY) for day in (first, last))
    begins, ends = (dt.datetime.combine(day, dt.time(), source.tz) for day in (first, last + dt.timedelta(days=1)))
    rows = LogEntry.objects.filter(source=source, at__gte=begins, at__lt=ends)
    return rows if flow is None else rows.filter(flow=flow)


def rows_of(entries: QuerySet[LogEntry], slug: str) -> Iterator[dict[str, Any]]:
    """The entries as plain values by the names of `COLUMNS`, the oldest first."""
    for chunk in _chunks(entries):
        for entry in chunk:
            yield _row(entry, slug)


def _row(entry: LogEntry, slug: str) -> dict[str, Any]:
    return {
        "at": entry.at,
        "source": slug,
        "flow": entry.flow_id,
        "wiseflow_flow": entry.wiseflow_flow_id,
        "kind": entry.kind,
        "action": entry.action,
        "context": entry.context,
        "participant": entry.wiseflow_participant_id,
        "user": entry.wiseflow_user_id,
        "detail": entry.detail,
        "entry": entry.key,
    }


def _chunks(entries: QuerySet[LogEntry]) -> Iterator[Sequence[LogEntry]]:
    """Page by page along the index: a cursor of the database's would have to stay open as long as somebody takes to download."""
    rows = entries.order_by("at", "pk")
    after = Q()
    while chunk := list(rows.filter(after)[:CHUNK]):
        yield chunk
        at, pk = chunk[-1].at, chunk[-1].pk
        after = Q(at__gte=at) & (Q(at__gt=at) | Q(pk__gt=pk))


def as_csv(entries: QuerySet[LogEntry], slug: str) -> Iterator[bytes]:
    rows = ([_plain(row[name]) for name in COLUMNS] for row in rows_of(entries, slug))
    return csv_parts(COLUMNS, rows, CHUNK)


def as_json_lines(entries: QuerySet[LogEntry], slug: str) -> Iterator[bytes]:
    for row in rows_of(entries, slug):
        yield (json.dumps({name: _plain(value) for name, value in row.items()}, ensure_ascii=False) + "\n").encode()


def as_parquet(entries: QuerySet[LogEntry], slug: str) -> Iterator[bytes]:
    """`at` is a timestamp in UTC with milliseconds, numbers are 64-bit, everything else is text. A row group for each chunk."""
    import pyarrow as pa  # here: nothing else needs it, and it is large
    import pyarrow.parquet as pq

    kinds: dict[str, Any] = {"at": pa.timestamp("ms", tz="UTC")} | dict.fromkeys(NUMBERS, pa.int64())
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    sink = Sink()
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
        for chunk in _chunks(entries):
            rows = [_row(entry, slug) for entry in chunk]
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
            yield sink.taken()
    yield sink.taken()


def _plain(value: Any) -> Any:
    return value.astimezone(dt.UTC).isoformat(timespec="milliseconds") if isinstance(value, dt.datetime) else value


Writer = Callable[[QuerySet[LogEntry], str], Iterator[bytes]]
FORMATS: dict[str, tuple[Writer, str]] = {
    "csv": (as_csv, "text/csv; charset=utf-8"),
    "jsonl": (as_json_lines, "application/x-ndjson"),
    "parquet": (as_parquet, "application/vnd.apache.parquet"),
}
