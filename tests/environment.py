"""The environment the tests run in. Loaded by `-p tests.environment`, which is before Django reads its settings.

No value of the person's own `.env` or shell gets in: only TEST_DATABASE_URL, TEST_REDIS_URL and WISEFLOW_OPENAPI are looked at.
"""

import atexit
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def names_in_the_example() -> list[str]:
    example = ROOT / ".env.example"
    return re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", example.read_text(), re.MULTILINE) if example.is_file() else []


def prepare() -> None:
    for name in names_in_the_example():
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    # Bytecode is kept, whatever the shell says: without it each worker and each process of ours compiles everything anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    # One folder per process: two xdist workers share neither a database file nor a rate limit.
    data = Path(tempfile.mkdtemp(prefix="ladokflow-tests-"))
    atexit.register(shutil.rmtree, data, ignore_errors=True)
    os.environ |= {
        "ENV_FILE": os.devnull,
        "DATA_DIR": str(data),
        "DATABASE_URL": os.environ.get("TEST_DATABASE_URL") or f"sqlite:///{data / 'ladokflow.sqlite3'}",
        "SECRET_KEY": "only-for-tests-" + "x" * 50,
        "FIELD_ENCRYPTION_KEYS": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "LOG_LEVEL": "INFO",
        # Playwright keeps an event loop in the test's own thread, and Django would take every query for one made in it.
        "DJANGO_ALLOW_ASYNC_UNSAFE": "1",
    }


prepare()
