"""A database that is brought up to date once, and copied by all that run tests: its migrations take each of them some seconds.

`make test` makes one on each database, names it to the tests, and has it dropped when they have ended.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

NAME = "LADOKFLOW_PREPARED"  # a file of SQLite, a database of PostgreSQL


def copied(database: dict[str, Any], *, is_sqlite: bool) -> None:
    """Have the tests' database (its settings) made as a copy, where there is something to copy."""
    if not os.environ.get(NAME):
        return
    if is_sqlite:
        shutil.copyfile(os.environ[NAME], database["TEST"]["NAME"])
    else:
        database.setdefault("TEST", {})["TEMPLATE"] = os.environ[NAME]


def make() -> None:
    from django.db import connection

    connection.settings_dict["TEST"]["NAME"] = os.environ[NAME]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    connection.close()


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
