"""Flows are found by a part of their title, subtitle or code without reading them all, where PostgreSQL has pg_trgm.

The owner of a database may create that extension. Where it is not there to be created, or not allowed, searching is slower and
nothing else: docs/operations.md says how to have it later.
"""

from django.db import DatabaseError, migrations, transaction

INDEXES = {
    "flow_title_words": ("sources_flow", "title"),
    "flow_subtitle_words": ("sources_flow", "subtitle"),
    "flow_source_code_words": ("sources_flowsource", "code"),
}


def add(apps, schema_editor) -> None:
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError:
        return
    for name, (table, column) in INDEXES.items():
        # As `icontains` asks for it.
        schema_editor.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {table} USING gin (UPPER({column}) gin_trgm_ops)")


def remove(apps, schema_editor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEXES:
            schema_editor.execute(f"DROP INDEX IF EXISTS {name}")


class Migration(migrations.Migration):
    dependencies = [("sources", "0029_lists_at_size")]

    operations = [migrations.RunPython(add, remove)]
