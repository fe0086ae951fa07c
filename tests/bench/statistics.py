"""Pages of statistics with few and with many flows, how many questions each asks, and how long it takes to work all figures out.

Of a file it is told when it begins.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.bench.lists import ROUNDS, Timed, clocked, generate, timed

DEPARTMENTS = {f"GEN{number:03}": f"Department {number}" for number in range(20)}  # a thousand flows each
RUNS = 15  # of each flow: their work is in the figures
# The most that is wanted; eight of a flow's are of the head that all its pages have, and of the record that it was seen.
SECONDS, QUERIES, OF_A_FLOW = 1.0, 12, 20
A_DAY = 86_400.0
# {flow}, {term}, {course}, {department}, {source}: one of each; of all sources, but over the API, whose tokens are of one
PAGES = {
    "all": "/statistics/",
    **{f"by {by}": f"/statistics/?by={by}" for by in ("course", "department", "source", "flow")},
    "by course, last page": "/statistics/?by=course&page=999999",
    "by flow, last page": "/statistics/?by=flow&page=999999",
    "by flow, by title": "/statistics/?by=flow&order=title",
    "a term, by course": "/statistics/?by=course&term={term}",
    "a course, by term": "/statistics/?by=term&course={course}",
    "a department, by course": "/statistics/?by=course&department={department}",
    "a department, by flow": "/statistics/?by=flow&department={department}",
    "a source": "/statistics/?source={source}",
    **{f"a source, by {by}": f"/statistics/?source={{source}}&by={by}" for by in ("course", "flow")},
    "a source, a term, by department": "/statistics/?source={source}&term={term}&by=department",
    "a flow": "/flows/{flow}/statistics/",
    "a flow, as a file": "/flows/{flow}/statistics.csv",
    **{f"as a file, by {by}": f"/statistics.csv?by={by}" for by in ("term", "course", "department", "source", "flow")},
    "as a spreadsheet, by course": "/statistics.xlsx?by=course",
    "API, a source": "/api/v1/statistics",
    "API, a term": "/api/v1/statistics?term={term}",
    **{f"API, by {by}": f"/api/v1/statistics/{by}" for by in ("term", "course", "department", "flow")},
    "API, a flow": "/api/v1/flows/{flow}/statistics",
}


@dataclass(frozen=True)
class Asked:
    took: Timed
    queries: int

    def is_good(self, most: int) -> bool:
        return self.took.median <= SECONDS and self.queries <= most


def pages() -> dict[str, Asked]:
    """Of each page, as a manager of all sources sees it who may not see small groups."""
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from exports.models import FlowSummary
    from ladokflow.sandbox.generated.world import EVERYWHERE
    from sources.models import Membership
    from tests.factories import ApiTokenFactory

    user = get_user_model().objects.get(username=EVERYWHERE)
    client = Client()
    client.force_login(user)
    one = FlowSummary.objects.exclude(term="").exclude(department="").order_by("flow").select_related("source").first()
    if one is None:
        raise SystemExit("no flow has statistics")
    token: Any = ApiTokenFactory(membership=Membership.objects.get(user=user, source=one.source_id))
    headers = {"Authorization": f"Bearer {token.secret}"}
    names = {
        "flow": one.pk,
        "source": one.source.slug,
        **{name: getattr(one, name) for name in ("term", "course", "department")},
    }

    def get(address: str) -> None:
        answer = client.get(address, headers=headers if address.startswith("/api/") else {})
        if answer.status_code != 200:
            raise SystemExit(f"{address}: {answer.status_code}")
        next(iter(answer))  # a file is made while it is taken: how long it is until it begins

    found = {}
    for name, pattern in PAGES.items():
        address = pattern.format(**names)
        with CaptureQueriesContext(connection) as queries:  # and warm up
            get(address)
            count = len(queries)
        seconds = [clocked(lambda address=address: get(address)) for _ in range(ROUNDS)]
        found[name] = Asked(timed(seconds), count)
    return found


def work_out() -> float:
    """All figures anew, as the schedule does it; seconds."""
    from django.db import connection

    from exports.models import FlowSummary
    from exports.statistics.refresh import refresh_due
    from sources.models import Flow

    FlowSummary.objects.update(computed_at=None)
    seconds = clocked(lambda: refresh_due(A_DAY))
    if FlowSummary.objects.exclude(computed_at=None).count() != Flow.objects.ready().count():
        raise SystemExit("some flows have no statistics")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as the database does by itself when it has time
    return seconds


def lines(few: int, many: int, people: int) -> Iterator[tuple[str, ...]]:
    """A line for each page, and one for what is stored for them. `people` are those of each flow."""
    from sources.models import Source

    found, worked = [], []
    for more in (few, many - few):
        generate(more, people, RUNS)
        Source.objects.update(departments=DEPARTMENTS)
        worked.append(work_out())
        found.append(pages())
        sys.stderr.write(f"  {worked[-1]:.0f} s: figures worked out\n")
    before, after = found
    for name, asked in after.items():
        is_good = asked.is_good(OF_A_FLOW if name == "a flow" else QUERIES) and asked.queries <= before[name].queries
        goal = "met" if is_good else "missed"
        yield name, str(before[name].took), str(asked.took), str(before[name].queries), str(asked.queries), goal
    goal = "met" if worked[1] <= A_DAY / 24 else "missed"
    yield "figures worked out", *(f"{seconds:.0f} s" for seconds in worked), "", "", goal
