"""Which tests are run on which database where both are there, and in which order.

On PostgreSQL everything; on SQLite as well what asks the database itself, for there the two may differ: in locks, in constraints, in
the order of å, ä and ö. What a browser shows, and what asks no database, is the same on both. A test that is tried with many
values asks it the same with each: on SQLite with the first and the last of them, but with all where it commits. `--share` asks for
the share of one of them; without it (`make test-all`, and on a machine without PostgreSQL) every test is run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import pytest

POSTGRESQL, SQLITE = "postgresql", "sqlite"
COMMITTING = {"transactional_db", "live_server"}  # fixtures
ASKING = {"db", *COMMITTING}
SHOWING = {"chromium"}

# Files, or folders, whose share is another than the rule above would have it; and why.
SHARES = {
    "tests/crash/test_short_run.py": (POSTGRESQL, SQLITE),  # its processes ask the database, as nothing else asks it
    # With each value another table is asked, or another question.
    "tests/exports/operation/test_clocks.py": (POSTGRESQL, SQLITE),
    "tests/exports/operation/test_digest.py": (POSTGRESQL, SQLITE),
    "tests/exports/operation/test_queued.py": (POSTGRESQL, SQLITE),
    "tests/exports/rules/test_states.py": (POSTGRESQL, SQLITE),
    "tests/pages/test_seen.py": (POSTGRESQL, SQLITE),
    "tests/sources/admin/test_scope.py": (POSTGRESQL, SQLITE),
    "tests/sources/test_sweep.py": (POSTGRESQL, SQLITE),
    "tests/test_house/test_factories.py": (POSTGRESQL, SQLITE),
    # The database goes back to a savepoint after each sequence: what is asked of it is tried by the tests of the parts.
    "tests/owner/test_rows.py": (SQLITE,),
    "tests/owner/test_short_run.py": (SQLITE,),
    # Each attack makes its own flow and looks at every page; what depends on the database is tried by the tests of the parts.
    "tests/attack/test_short_run.py": (POSTGRESQL,),
    "tests/attack/test_judge.py": (POSTGRESQL,),
    "tests/test_house/test_demo.py": (SQLITE,),  # the demo is on SQLite wherever a person starts it
    # Nothing in a time, a size or a page that is measured here comes from the database; the queries are counted on both.
    "tests/exports/attempts/test_ten_thousand.py": (POSTGRESQL,),
    "tests/sources/sync/test_nightly.py": (POSTGRESQL,),
    "tests/pages/test_every_address.py::test_every_address_answers": (POSTGRESQL,),
    "tests/pages/test_every_address.py::test_no_page_shows_an_english_text": (POSTGRESQL,),
}


def own_share(item: pytest.Item) -> tuple[str, ...] | None:
    return next((shares for place, shares in SHARES.items() if item.nodeid.startswith(place)), None)


def fixtures_of(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


def shares_of(item: pytest.Item) -> tuple[str, ...]:
    fixtures = fixtures_of(item)
    asks = bool(ASKING & fixtures) or item.get_closest_marker("django_db") is not None
    return own_share(item) or ((POSTGRESQL, SQLITE) if asks and not SHOWING & fixtures else (POSTGRESQL,))


def commits(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("django_db")
    return bool(COMMITTING & fixtures_of(item)) or (marker is not None and marker.kwargs.get("transaction", False))


def repeated(items: Iterable[pytest.Item]) -> set[pytest.Item]:
    """What asks SQLite the same as the first and the last of a test's values do."""
    values: defaultdict[str, list[pytest.Function]] = defaultdict(list)
    for item in items:
        has_values = isinstance(item, pytest.Function) and hasattr(item, "callspec")
        if has_values and not commits(item) and own_share(item) is None:
            values[item.nodeid.partition("[")[0]].append(item)
    between: set[pytest.Item] = set()
    for same in values.values():
        same.sort(key=lambda item: sorted(item.callspec.indices.items()))
        between.update(same[1:-1])
    return between


def allowance(item: pytest.Item) -> float:
    """The seconds that a test says it may take; 0 for those that say nothing."""
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker else 0.0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--share", choices=(POSTGRESQL, SQLITE), help="only what is to be run on this database")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    share = config.getoption("share")
    others = {item for item in items if share and share not in shares_of(item)}
    if share == SQLITE:
        others |= repeated(items)
    if others:
        config.hook.pytest_deselected(items=list(others))
        items[:] = [item for item in items if item not in others]
    # What may take long begins first, or the others would wait for it at the end.
    items.sort(key=allowance, reverse=True)
