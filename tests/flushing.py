"""Emptying the database after a test that commits: quickly, and past the triggers of the audit log, which refuse deletion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models.signals import post_migrate

BIG = 2_000_000  # bytes of a table
KEPT = {"django_content_type", "auth_permission"}


def keep_content_types() -> None:
    """Once they are there: or they would be made anew after each test that commits, which takes longer than emptying all tables."""
    post_migrate.receivers.clear()
    post_migrate.sender_receivers_cache.clear()


def let_flush_pass_triggers() -> None:
    """Have Django's own `flush` take the triggers off and put them back, in the same transaction.

    On PostgreSQL it truncates all tables, which takes longer than most tests, however little is in them: they are emptied instead,
    but where there is so much in one that row by row takes longer still.
    """
    # On the class: a thread, and a test with a browser, has a connection of its own.
    operations = type(connection.ops)
    flush_statements = operations.sql_flush

    def sql_flush(self: Any, style: Any, tables: Iterable[str], **options: Any) -> list[str]:
        tables = [table for table in tables if table not in KEPT]
        if connection.vendor == "sqlite" or options.get("reset_sequences") or _are_big():
            statements = flush_statements(self, style, tables, **options)
        else:
            statements = _emptied([self.quote_name(table) for table in tables])
        before, after = _without_triggers() if statements else ([], [])
        return [*before, *statements, *after]

    operations.sql_flush = sql_flush  # type: ignore[method-assign]


def _are_big() -> bool:
    """Rows that are gone count as well: nobody else makes their room free."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(pg_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        return bool(cursor.fetchone()[0] > BIG)


def _emptied(tables: list[str]) -> list[str]:
    """In any order: foreign keys are looked at when the transaction ends. What a killed process has begun to write is waited for."""
    lock = f"LOCK TABLE {', '.join(tables)} IN SHARE ROW EXCLUSIVE MODE"
    return [lock, *(f"DELETE FROM {table}" for table in tables)]  # noqa: S608 - our own tables


def _without_triggers() -> tuple[list[str], list[str]]:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            found = cursor.fetchall()
            return [f'DROP TRIGGER "{name}"' for name, _ in found], [sql for _, sql in found]
        cursor.execute("SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal")
        tables = [row[0] for row in cursor.fetchall()]
        return (
            [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in tables],
            [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in tables],
        )
