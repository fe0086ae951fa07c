"""Students are found by a part of their name, or the beginning of an identifier, without reading them all.

Names need pg_trgm, as in 0030_search.
"""

from django.db import migrations

NAMES = {"participant_first_name": "first_name", "participant_last_name": "last_name"}
IDENTIFIERS = {
    "participant_by_organisation_id": "organisation_id",
    "participant_by_student_number": "external_user_id",
    "participant_by_exam_id": "unique_exam_id",
}


def add(apps, schema_editor) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    for name, column in IDENTIFIERS.items():
        schema_editor.execute(
            f"CREATE INDEX IF NOT EXISTS {name} ON sources_participant (UPPER({column}) text_pattern_ops)"
        )
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")
        if cursor.fetchone() is None:
            return
    for name, column in NAMES.items():
        schema_editor.execute(
            f"CREATE INDEX IF NOT EXISTS {name} ON sources_participant USING gin (UPPER({column}) gin_trgm_ops)"
        )


def remove(apps, schema_editor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for name in (*NAMES, *IDENTIFIERS):
            schema_editor.execute(f"DROP INDEX IF EXISTS {name}")


class Migration(migrations.Migration):
    dependencies = [("sources", "0031_list_doubt")]

    operations = [migrations.RunPython(add, remove)]
