"""Which tests are run on which database where both are there, and in which order.

On PostgreSQL everything; on SQLite as well what depends on the database, for there the two may differ:

- what commits: locks, constraints when they are looked at, several processes;
- the files in `EACH_TEST`, which are about what a database makes of a question: unions, orders, sums, constraints, å, ä and ö;
- of every other file that asks the database one test in four, the first of the file among them. The tests of a file put much the
  same questions from the same place, so no place is without a test on SQLite.

Each with the first and the last of its values (or of its cases, see `tests/cases.py`): those between put the same questions of other
rows. Where they put other questions, the file is in `EACH_VALUE`.

What a browser shows, and what asks no database, is the same on both. `--share` asks for the share of one of them; without it
(`make test-all`, and on a machine without PostgreSQL) every test is run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

POSTGRESQL, SQLITE = "postgresql", "sqlite"
COMMITTING = {"transactional_db", "live_server"}  # fixtures
ASKING = {"db", *COMMITTING}
SHOWING = {"chromium"}
ONE_IN = 4  # of a file's tests that ask the database and commit nothing

# Files, or folders, whose share is another than the rule above would have it; and why.
# With each value another table is asked, or another question.
EACH_VALUE = (
    "tests/exports/operation/test_digest.py",
    "tests/exports/operation/test_purge.py",
    "tests/exports/operation/test_queued.py",
    "tests/exports/rules/test_states.py",
    "tests/ground/test_sql.py",
    "tests/pages/test_paging.py",
    "tests/pages/test_search.py",
    "tests/sources/admin/test_long_lists.py",
)
# With each test.
EACH_TEST = (
    "tests/crash/test_short_run.py",  # its processes ask the database, as nothing else asks it
    "tests/exports/operation/test_clocks.py",
    "tests/exports/operation/test_prune.py",
    "tests/exports/operation/test_sweep.py",
    "tests/exports/test_one_place.py",
    "tests/pages/test_exports_dashboard.py",
    "tests/pages/test_flow_list.py",
    "tests/pages/test_home.py",
    "tests/pages/test_in_the_open.py",
    "tests/pages/test_seen.py",
    "tests/sources/admin/test_scope.py",
    "tests/sources/test_sweep.py",
    "tests/test_house/test_factories.py",
)
ONLY = {
    # Pages look the same to each hand on both: on SQLite one of them does the work.
    "tests/pages/test_tasks.py::test_everything_a_manager_does[keyboard": POSTGRESQL,
    "tests/pages/test_tasks.py::test_everything_a_manager_does[no scripts": POSTGRESQL,
    # The database goes back to a savepoint after each sequence: what is asked of it is tried by the tests of the parts.
    "tests/owner/test_rows.py": SQLITE,
    "tests/owner/test_short_run.py": SQLITE,
    # Here, too; and what is drawn at random is answers and people, not what a database might take otherwise.
    "tests/exports/attempts/test_codes_at_random.py": POSTGRESQL,
    "tests/exports/attempts/test_properties.py": POSTGRESQL,
    # Each attack makes its own flow and looks at every page; what depends on the database is tried by the tests of the parts.
    "tests/attack/test_short_run.py": POSTGRESQL,
    "tests/attack/test_judge.py": POSTGRESQL,
    # What is killed in it, and what is held against what, is the same on both.
    "tests/papers/test_short_run.py": POSTGRESQL,
    # Which columns and names the administration has comes from no database.
    "tests/sources/admin/test_lookups.py::test_no_list_is_asked_by_a_column": POSTGRESQL,
    "tests/sources/admin/test_labels.py": POSTGRESQL,
    "tests/test_house/test_demo.py": SQLITE,  # the demo is on SQLite wherever a person starts it
    # Nothing in a time, a size or a page that is measured here comes from the database; the queries are counted on both.
    "tests/exports/attempts/test_ten_thousand.py": POSTGRESQL,
    "tests/sources/sync/test_nightly.py": POSTGRESQL,
    "tests/pages/test_every_address.py::test_every_address_answers": POSTGRESQL,
    "tests/pages/test_who_may_what.py": POSTGRESQL,
}
# Shown in a browser, and run on SQLite all the same.
SHOWN_ON_BOTH = ("tests/pages/test_tasks.py",)


def fixtures_of(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


def shares_of(item: pytest.Item) -> tuple[str, ...]:
    only = next((share for place, share in ONLY.items() if item.nodeid.startswith(place)), None)
    if only is not None:
        return (only,)
    if item.nodeid.startswith((*EACH_VALUE, *EACH_TEST, *SHOWN_ON_BOTH)):
        return (POSTGRESQL, SQLITE)
    fixtures = fixtures_of(item)
    asks = bool(ASKING & fixtures) or item.get_closest_marker("django_db") is not None
    return (POSTGRESQL, SQLITE) if asks and not SHOWING & fixtures else (POSTGRESQL,)


def commits(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("django_db")
    return bool(COMMITTING & fixtures_of(item)) or (marker is not None and marker.kwargs.get("transaction", False))


def needs_each_value(item: pytest.Item) -> bool:
    return item.nodeid.startswith(EACH_VALUE) or shares_of(item) == (SQLITE,)


def needs_each_test(item: pytest.Item) -> bool:
    return commits(item) or item.nodeid.startswith(EACH_TEST)


def alike(items: Iterable[pytest.Item]) -> set[pytest.Item]:
    """What asks the database as other tests of its file do, or as the test itself does with other values: see above."""
    files: defaultdict[Path, defaultdict[int, list[pytest.Item]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        if not needs_each_value(item):
            files[item.path][item.location[1] or 0].append(item)
    found: set[pytest.Item] = set()
    for tests in files.values():
        # By the line they stand in: the order in which they are run is another each time.
        places = [line for line in sorted(tests) if not needs_each_test(tests[line][0])]
        for line, same in tests.items():
            is_chosen = line not in places or places.index(line) % ONE_IN == 0
            found.update(sorted(same, key=place_among_values)[1:-1] if is_chosen else same)
    return found


def values_to_try(item: pytest.Item, values: list[str]) -> list[str]:
    """Of the cases that a test tries one after another: those that would be run if each were a value of the test."""
    is_few = item.config.getoption("share") == SQLITE and not needs_each_value(item)
    return list(dict.fromkeys([values[0], values[-1]])) if is_few else values


def place_among_values(item: pytest.Item) -> list[tuple[str, int]]:
    return sorted(item.callspec.indices.items()) if hasattr(item, "callspec") else []


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
        others |= alike(item for item in items if item not in others)
    if others:
        config.hook.pytest_deselected(items=list(others))
        items[:] = [item for item in items if item not in others]
    # What may take long begins first, or the others would wait for it at the end.
    items.sort(key=allowance, reverse=True)
