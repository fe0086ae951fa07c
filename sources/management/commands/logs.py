"""manage.py logs --source SLUG --from DAY --to DAY --format csv|jsonl|parquet"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from ladokflow.dates import read_day
from ladokflow.messages import Refused, message
from sources.command import PlainCommand, find_flow, find_source
from sources.logs.access import record_download
from sources.logs.files import FORMATS, entries_of
from sources.logs.read import read_log, want
from sources.models import Flow, LogReading, Source


class Command(PlainCommand):
    help = "What WISEflow has logged, as it is kept here: to a file or to stdout. With --read it is read from WISEflow first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--source", required=True, metavar="SLUG")
        parser.add_argument(
            "--from", dest="first", metavar="DAY", help="The first day, as 2026-11-28. Without it: 30 days before."
        )
        parser.add_argument("--to", dest="last", metavar="DAY", help="The last day. Without it: today.")
        parser.add_argument("--flow", type=int, metavar="ID", help="Of this flow only.")
        parser.add_argument("--format", choices=FORMATS, default="jsonl")
        self.add_output(parser)
        parser.add_argument(
            "--read", action="store_true", help="Read what is new from WISEflow first, without the queue."
        )

    def work(self, **options: Any) -> None:
        source = find_source(options["source"])
        flow = _flow_of(source, options["flow"])
        last = _day(options["last"]) or timezone.now().astimezone(source.tz).date()
        first = _day(options["first"]) or last - dt.timedelta(days=30)
        if last < first:
            raise Refused(message("log.days_reversed"))
        if options["read"]:
            self.read_now(source, flow)
        write, _kind = FORMATS[options["format"]]
        parts = write(entries_of(source, first, last, flow), source.slug)
        with self.output(options["output"]) as output:
            record_download(source, first, last, options["format"], flow=flow)
            output.writelines(parts)

    def read_now(self, source: Source, flow: Flow | None) -> None:
        """One that a dead worker has left is gone on with."""
        want(source, flow, enqueue=False)
        reading = LogReading.objects.get(source=source, flow=flow)
        read_log(reading.pk)
        reading.refresh_from_db()
        if reading.wanted_at:
            raise Refused(message("log.under_way"))
        if reading.reason:
            self.fail(reading.reason)


def _flow_of(source: Source, pk: int | None) -> Flow | None:
    if pk is None:
        return None
    flow = find_flow(pk)
    if flow.source_id != source.pk:
        raise Refused(message("log.other_flow", flow=pk, source=source.slug))
    return flow


def _day(text: str | None) -> dt.date | None:
    if not text:
        return None
    try:
        return read_day(text)
    except ValueError:
        raise Refused(message("log.unknown_day", value=text)) from None
