"""A backup of the database in one file, and the way back. Beside it stands what was in it: how many rows of each table.

SQLite is copied by its own online backup, PostgreSQL by `pg_dump`; both while everything goes on, as of one moment. The keys of what is
stored encrypted are not in it, and belong somewhere else.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from ladokflow import __version__
from ladokflow.encrypted import encrypted_fields, opens

TRIED = 200  # rows of a table in which a value is looked for that can be decrypted


class BackupFailed(Exception):
    """What is told says what to do; nothing has been changed, unless it says so."""


@dataclass(frozen=True)
class Contents:
    """What is in a backup. `counts`: table -> rows."""

    made: str
    version: str
    vendor: str
    counts: dict[str, int]

    @property
    def rows(self) -> int:
        return sum(self.counts.values())


def contents_beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


# --- Making one ---------------------------------------------------------------------------------------------------


def back_up(path: Path) -> Contents:
    """Write the database to a file that is not there yet, for our eyes only. BackupFailed where that cannot be done."""
    for each in (path, contents_beside(path)):
        if each.exists():
            raise BackupFailed(f"{each} is there already: name another file.")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.touch(mode=0o600, exist_ok=False)
        counts = _copy_sqlite(draft) if connection.vendor == "sqlite" else _dump_postgresql(draft)
        contents = Contents(timezone.now().isoformat(timespec="seconds"), __version__, connection.vendor, counts)
        beside = contents_beside(path)
        beside.touch(mode=0o600)
        beside.write_text(json.dumps(asdict(contents), indent=2) + "\n")
        draft.rename(path)
    except OSError as error:
        raise BackupFailed(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True)
    return contents


def _copy_sqlite(target: Path) -> dict[str, int]:
    connection.ensure_connection()
    with _sqlite(target) as copy:
        connection.connection.backup(copy)
        [answer] = copy.execute("PRAGMA integrity_check").fetchone()
        if answer != "ok":
            raise BackupFailed(f"SQLite finds the copy broken ({answer}): the database itself may be.")
        return _counts(copy)


@contextmanager
def _sqlite(path: Path) -> Iterator[sqlite3.Connection]:
    found = sqlite3.connect(path)
    try:
        yield found
    finally:
        found.close()


def _dump_postgresql(target: Path) -> dict[str, int]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        [snapshot] = cursor.fetchone()
        counts = _counts(cursor)
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={target}"]
        _run("pg_dump", *options)
    return counts


def _counts(cursor: Any) -> dict[str, int]:
    names = sorted(connection.introspection.table_names())
    found = {}
    for name in names:
        answer = cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(name)}")  # noqa: S608 - our own table
        [found[name]] = (answer or cursor).fetchone()
    return found


# --- The way back -------------------------------------------------------------------------------------------------


def read_contents(path: Path) -> Contents:
    beside = contents_beside(path)
    try:
        contents = Contents(**json.loads(beside.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise BackupFailed(
            f"{beside} cannot be read: it tells what is in the backup, and was written with it. Fetch both files."
        ) from error
    if not path.is_file():
        raise BackupFailed(f"{path} is not there.")
    if contents.vendor != connection.vendor:
        raise BackupFailed(f"This is a backup of {contents.vendor}, and the database here is {connection.vendor}.")
    return contents


def restore(path: Path) -> Contents:
    """Put the backup in the place of what is there. BackupFailed, with nothing changed, where its file is broken or the keys of this
    installation do not open it; and where its rows are not all there afterwards."""
    contents = read_contents(path)
    is_sqlite = connection.vendor == "sqlite"
    if locked := _locked(_stored_in_sqlite(path) if is_sqlite else _stored_in_dump(path)):
        raise BackupFailed(
            f"FIELD_ENCRYPTION_KEYS does not open what is stored in this backup ({', '.join(locked)}). Put the key that was in use when "
            "it was made into FIELD_ENCRYPTION_KEYS, after the present one. Nothing has been changed."
        )
    if is_sqlite:
        connection.ensure_connection()
        with _sqlite(path) as copy:
            copy.backup(connection.connection)
    else:
        connection.close()
        options = ["--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
        _run("pg_restore", *options, f"--dbname={connection.settings_dict['NAME']}", str(path))
    with connection.cursor() as cursor:
        there = _counts(cursor)
    wrong = [
        f"{name}: {there.get(name, 0)} of {count}"
        for name, count in contents.counts.items()
        if there.get(name) != count
    ]
    if wrong:
        raise BackupFailed(f"The backup has been restored, and rows are missing or too many ({'; '.join(wrong)}).")
    return contents


Stored = Iterator[tuple[str, list[str]]]


def _locked(stored: Stored) -> list[str]:
    """Of names, each with some stored values: those with a value that none of our keys opens."""
    return [name for name, values in stored if not all(map(opens, values))]


def _stored_in_sqlite(path: Path) -> Stored:
    with _sqlite(path) as copy:
        try:
            tables = {name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for model, field in encrypted_fields():
                table = model._meta.db_table
                if table not in tables:
                    continue
                query = f"SELECT {field} FROM {table} WHERE {field} <> '' ORDER BY rowid"  # noqa: S608 - our own names
                values = [row[0] for end in ("ASC", "DESC") for row in copy.execute(f"{query} {end} LIMIT 1")]
                yield f"{model._meta.label}.{field}", values
        except sqlite3.DatabaseError as error:
            raise BackupFailed(
                f"{path} is no database of SQLite's, or broken ({error}). Nothing has been changed."
            ) from error


def _stored_in_dump(path: Path) -> Stored:
    by_table: dict[str, list[tuple[str, str]]] = {}
    for model, field in encrypted_fields():
        by_table.setdefault(model._meta.db_table, []).append((f"{model._meta.label}.{field}", field))
    _run("pg_restore", "--list", str(path))  # that it can be read at all
    for table, fields in by_table.items():
        rows = list(_rows_in_dump(path, table))
        for name, field in fields:
            yield name, [value for row in rows if (value := row.get(field, "")) not in ("", "\\N")]


def _rows_in_dump(path: Path, table: str) -> Iterator[dict[str, str]]:
    """The first rows of a table, as they stand in the dump."""
    command = ["pg_restore", "--data-only", f"--table={table}", "--file=-", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603
        columns: list[str] = []
        try:
            for number, line in enumerate(process.stdout or ()):
                if line.startswith("COPY "):
                    columns = [name.strip(' "') for name in line[line.index("(") + 1 : line.index(")")].split(",")]
                elif columns and (line.startswith("\\.") or number > TRIED):
                    break
                elif columns:
                    yield dict(zip(columns, line.rstrip("\n").split("\t"), strict=False))
        finally:
            process.kill()


def _run(program: str, *options: str) -> None:
    settings = connection.settings_dict
    names = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    environment = os.environ | {name: str(settings[key]) for name, key in names.items() if settings.get(key)}
    try:
        ran = subprocess.run(  # noqa: S603 - our own options
            [program, *options], env=environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise BackupFailed(f"{program} is not installed here: it comes with PostgreSQL's client.") from error
    if ran.returncode:
        said = [line for line in ran.stderr.splitlines() if line.strip()]
        raise BackupFailed(f"{program} failed: {said[0] if said else ran.returncode}")


def tables_with_rows(names: Iterable[str]) -> list[str]:
    there = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        found = []
        for name in names:
            if name in there:
                cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(name)} LIMIT 1")  # noqa: S608 - our own table
                found += [name] if cursor.fetchone() else []
        return found
