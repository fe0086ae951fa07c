"""Emptying the database after a test that commits: the audit log refuses deletion, and Django empties by deleting."""

from typing import Any

from django.db import connection


def let_flush_pass_triggers() -> None:
    """Have Django's own `flush` take the triggers off and put them back, in the same transaction."""
    # On the class: a thread, and a test with a browser, has a connection of its own.
    operations = type(connection.ops)
    flush_statements = operations.sql_flush

    def sql_flush(self: Any, *args: Any, **kwargs: Any) -> list[str]:
        statements = flush_statements(self, *args, **kwargs)
        before, after = _without_triggers() if statements else ([], [])
        return [*before, *statements, *after]

    operations.sql_flush = sql_flush  # type: ignore[method-assign]


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
