"""A database that is brought up to date once, and copied by all that run tests: its migrations take each of them some seconds.

`make test` makes one on each database, names it to the tests, and has it dropped when they have ended. What works on a server of its
own reads it from a file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.services import postgres_binaries

NAME = "LADOKFLOW_PREPARED"  # a file of SQLite, a database of PostgreSQL
WRITTEN = "LADOKFLOW_PREPARED_SQL"  # a file: that database of PostgreSQL, as statements


def copied(database: dict[str, Any], *, is_sqlite: bool) -> None:
    """Have the tests' database (its settings) made as a copy, where there is something to copy."""
    if not os.environ.get(NAME):
        return
    if is_sqlite:
        shutil.copyfile(os.environ[NAME], database["TEST"]["NAME"])
    else:
        database.setdefault("TEST", {})["TEMPLATE"] = os.environ[NAME]


def filled(url: str) -> bool:
    """Whether the new database at `url`, which nobody has connected to, has been made such a copy. Otherwise it is to be migrated."""
    file = os.environ.get(NAME if url.startswith("sqlite:") else WRITTEN, "")
    binaries = postgres_binaries()
    if not Path(file).is_file():
        return False
    if url.startswith("sqlite:"):
        shutil.copyfile(file, url.removeprefix("sqlite:///"))
    elif binaries is None:
        return False
    else:
        _run(binaries / "psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--single-transaction", f"--file={file}", url)
    return True


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def wait_for_no_disk() -> None:
    """A commit is seen by everybody at once, and is written to PostgreSQL's disk later: nobody looks for these rows after a power cut.

    Said of the database, and so to the processes of the tests as well. SQLite is opened as the product opens it, and does wait.
    """
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            name = connection.ops.quote_name(connection.settings_dict["NAME"])
            cursor.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        connection.close()  # the next one is opened with it


def keep_from_looking() -> None:
    """Have PostgreSQL not look by itself at what is in the tables.

    It comes between two tests, finds them empty, and takes them for empty from then on: five thousand rows of a later test are then
    gone through for each of five thousand others.
    """
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names(cursor):
                cursor.execute(f"ALTER TABLE {connection.ops.quote_name(table)} SET (autovacuum_enabled = false)")


def make() -> None:
    from django.db import connection

    connection.settings_dict["TEST"]["NAME"] = os.environ[NAME]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    connection.close()
    binaries = postgres_binaries()
    if connection.vendor == "postgresql" and binaries is not None and os.environ.get(WRITTEN):
        server = os.environ["DATABASE_URL"].split("?")[0].rpartition("/")[0]
        _run(binaries / "pg_dump", "--no-owner", f"--file={os.environ[WRITTEN]}", f"{server}/{os.environ[NAME]}")


def drop() -> None:
    from django.db import connection

    connection.settings_dict["NAME"] = os.environ[NAME]
    connection.creation.destroy_test_db(verbosity=0)


if __name__ == "__main__":
    import tests.environment  # noqa: F401 - before Django reads its settings

    os.environ["DJANGO_SETTINGS_MODULE"] = "ladokflow.settings"
    import django

    django.setup()
    {"make": make, "drop": drop}[sys.argv[1]]()
