"""The database as it was."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.apps.registry import Apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tests.prepared import wait_for_no_disk
from tests.upgrade.released import RELEASED, migrated


@pytest.fixture
def released(transactional_db: None, tmp_path: Path) -> Iterator[Apps]:
    """In a database of its own: that of the other tests would first go back, and forwards again after it."""
    with empty_database(tmp_path):
        others = [
            key for key in MigrationExecutor(connection).loader.graph.leaf_nodes() if key[0] not in dict(RELEASED)
        ]
        yield migrated([*RELEASED, *others])


@contextmanager
def empty_database(folder: Path) -> Iterator[None]:
    settings = connection.settings_dict
    is_file = connection.vendor == "sqlite"
    others, own = settings["NAME"], str(folder / "released.sqlite3") if is_file else f"{settings['NAME']}_released"

    def on_the_server(statement: str) -> None:
        if not is_file:
            with connection._nodb_cursor() as cursor:
                cursor.execute(f"{statement} {connection.ops.quote_name(own)}")

    on_the_server("CREATE DATABASE")
    connection.close()
    settings["NAME"] = own
    try:
        wait_for_no_disk()
        yield
    finally:
        connection.close()
        settings["NAME"] = others
        on_the_server("DROP DATABASE")
