"""What every connection to the database is told before anything else."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


def without_jit(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """PostgreSQL compiles what it takes for a long query, which takes longer than any of ours runs.

    A statement, and not an option of the connection: PgBouncer refuses to connect with options that it does not know. Where it gives
    one of its connections to many of ours, each of them says the same.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET jit = off")
