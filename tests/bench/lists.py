"""Lists with few and with many flows, each beside Django's own list of the same table; and getting rid of what is old."""

from __future__ import annotations

import datetime as dt
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

ROUNDS = 9
PER_PAGE = 100  # of Django's administration, as it is; ours have 25
# Ours, and Django's with the same order and search, where it has one; {runs} is the number of the runs' last page.
LISTS = {
    "home": ("/", ""),
    "dashboard, exported": ("/exports/?tab=exported", "/stock/sources/flow/?export_state=exported"),
    "dashboard, exported, last page": (
        "/exports/?tab=exported&page=999999",
        "/stock/sources/flow/?export_state=exported&p={exported}",
    ),
    "dashboard, pending, last page": (
        "/exports/?tab=pending&page=999999",
        "/stock/sources/flow/?export_state=pending&p={pending}",
    ),
    "dashboard, searched": ("/exports/?tab=exported&q=Mekanik", "/stock/sources/flow/?export_state=exported&q=Mekanik"),
    "flows": ("/flows/", "/stock/sources/flow/"),
    "flows, last page": ("/flows/?page=999999", "/stock/sources/flow/?p={flows}"),
    "flows, by title, last page": ("/flows/?sort=title&page=999999", "/stock/sources/flow/?o=1&p={flows}"),
    "flows, searched": ("/flows/?q=Mekanik", "/stock/sources/flow/?q=Mekanik"),
    "synchronisations": ("/admin/sources/syncrun/", "/stock/sources/syncrun/"),
    "synchronisations, last page": ("/admin/sources/syncrun/?before=", "/stock/sources/syncrun/?p={runs}"),
}
GROWTH, OF_STOCK = 1.5, 1.0  # the most that is wanted
LONGEST_PRUNE = 10.0  # seconds, for 300,000 runs


@dataclass(frozen=True)
class Timed:
    """Seconds: the median, and what half of the rounds lie between."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median * 1000:.0f} ms ({self.low * 1000:.0f}-{self.high * 1000:.0f})"


def timed(seconds: list[float]) -> Timed:
    low, median, high = statistics.quantiles(seconds, n=4)
    return Timed(median, low, high)


def clocked(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def pages() -> dict[str, tuple[Timed, Timed | None]]:
    """Of each list, ours and Django's, one after the other in each round."""
    from django.contrib.auth import get_user_model
    from django.test import Client, override_settings

    from ladokflow.sandbox.generated.world import EVERYWHERE, OPERATOR
    from sources.models import Flow, SyncRun

    clients = {}
    for who in (EVERYWHERE, OPERATOR):
        clients[who] = Client()
        clients[who].force_login(get_user_model().objects.get(username=who))
    numbers = {
        "flows": -(-Flow.objects.count() // PER_PAGE),
        "runs": -(-SyncRun.objects.count() // PER_PAGE),
        **{state: -(-Flow.objects.filter(export_state=state).count() // PER_PAGE) for state in ("exported", "pending")},
    }

    def get(address: str) -> None:
        who = OPERATOR if address.startswith(("/admin", "/stock")) else EVERYWHERE
        answer = clients[who].get(address)
        if answer.status_code != 200:
            raise SystemExit(f"{address}: {answer.status_code}")

    found = {}
    with override_settings(ROOT_URLCONF="tests.bench.stock"):
        for name, addresses in LISTS.items():
            both = [address.format(**numbers) for address in addresses if address]
            times: list[list[float]] = [[], []]
            for number in range(ROUNDS + 1):
                for place, address in enumerate(both):
                    seconds = clocked(lambda address=address: get(address))
                    if number:  # the first round warms up
                        times[place].append(seconds)
            found[name] = timed(times[0]), timed(times[1]) if times[1] else None
    return found


def generate(flows: int, people: int, runs: int) -> None:
    from ladokflow.sandbox.generated.generate import Wanted, generate

    generate(Wanted(flows=flows, participants=flows * people, runs=runs, sources=40))


def lines(few: int, many: int, people: int, runs: int) -> Iterator[tuple[str, ...]]:
    """A line for each list. `people` and `runs` are those of each flow."""
    generate(few, people, runs)
    before = pages()
    generate(many - few, people, runs)
    for name, (ours, stock) in pages().items():
        growth = ours.median / before[name][0].median
        of_stock = ours.median / stock.median if stock else 0.0
        goal = "met" if growth <= GROWTH and of_stock <= OF_STOCK else "missed"
        peer = (str(stock), f"{of_stock:.2f}") if stock else ("", "")
        yield name, str(before[name][0]), str(ours), f"{growth:.2f}", *peer, goal


# --- Getting rid of what is old ----------------------------------------------------------------------------------------


def prune_lines(count: int) -> Iterator[tuple[str, ...]]:
    """So many old runs, half of them our way and half with a bare DELETE, in turns of some thousands."""
    from django.db import connection

    from exports.models import Heartbeat
    from exports.operation import pruning
    from sources.models import Flow, SyncRun

    turns = 6
    ours, bare = 0.0, 0.0
    Heartbeat.objects.filter(name="prune").delete()
    pruning.prune(600)  # what the flows' own history has of old is none of those that are counted
    flows = list(Flow.objects.ready().order_by("pk").values_list("pk", flat=True)[:1000])
    old = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    for turn in range(turns):
        for way in ("ours", "bare"):
            _add_runs(flows, count // turns // 2, old + dt.timedelta(days=turn))
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")
            if way == "ours":
                Heartbeat.objects.filter(name="prune").delete()
                ours += clocked(lambda: pruning.prune(600))
            else:
                bare += clocked(lambda: _delete_bare(old + dt.timedelta(days=60)))
    left = SyncRun.objects.filter(created_at__lt=old + dt.timedelta(days=60)).count()
    if left:
        raise SystemExit(f"{left} old runs are left")
    scaled = ours * 2 * 300_000 / count
    goal = "met" if scaled <= LONGEST_PRUNE else "missed"
    told = f"{ours:.1f} s", f"{bare:.1f} s", f"{ours / bare:.2f}", f"{scaled:.1f} s", goal
    yield f"{count // 2:,} each", *told


def _add_runs(flows: list[int], count: int, at: dt.datetime) -> None:
    from sources.models import SyncRun

    SyncRun.objects.bulk_create(
        (
            SyncRun(
                flow_id=flows[number % len(flows)],
                trigger="night",
                state="success",
                created_at=at + dt.timedelta(milliseconds=number),
                finished_at=at + dt.timedelta(milliseconds=number),
            )
            for number in range(count)
        ),
        batch_size=2000,
    )


def _delete_bare(before: dt.datetime) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM sources_syncrun WHERE created_at < %s", [before])
