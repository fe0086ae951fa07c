"""The tests' database is made as production's: what holds here holds there."""

import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection

from tests import factories
from tests.environment import ROOT


@pytest.mark.django_db
def test_sqlite_is_a_file_with_a_write_ahead_log_and_full_synchronisation() -> None:
    if connection.vendor != "sqlite":
        assert connection.settings_dict["CONN_HEALTH_CHECKS"]
        return
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert cursor.execute("PRAGMA synchronous").fetchone() == (2,)
        assert cursor.execute("PRAGMA database_list").fetchone()[2].startswith(str(settings.DATA_DIR))


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the setting is PostgreSQL's")
def test_postgresql_compiles_no_query_in_any_process(subprocess_environment: dict[str, str]) -> None:
    code = "import django; django.setup(); from django.db import connection as c; k = c.cursor(); k.execute('SHOW jit'); print(*k)"
    ran = subprocess.run(
        [sys.executable, "-c", code], env=subprocess_environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "('off',)"


def test_another_process_sees_the_rows_of_a_test_that_commits(subprocess_environment: dict[str, str]) -> None:
    factories.SourceFactory(slug="seen-from-outside")
    code = "import django; django.setup(); from sources.models import Source; print(Source.objects.get().slug)"
    ran = subprocess.run(
        [sys.executable, "-c", code], env=subprocess_environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "seen-from-outside"
