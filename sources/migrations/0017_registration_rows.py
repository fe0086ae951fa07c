"""A registration for each row that joined a participant and a code.

A participant held the identifiers of one list only. The unique exam id and the individual end belong to the code they came from:
they go to the first of the person's codes, and the others have none until Ladok's list is read again.
"""

from django.db import migrations

COPY = """
    INSERT INTO sources_registration (
        participant_id, code_id, organisation_id, national_id, external_user_id, unique_exam_id, individual_end_at,
        is_listed, doubt, first_seen_at, gone_at
    )
    SELECT
        person.id, code.id, person.organisation_id, person.national_id, person.external_user_id,
        CASE WHEN link.is_first THEN person.unique_exam_id ELSE '' END,
        CASE WHEN link.is_first THEN person.individual_end_at END,
        %(true)s, %(empty)s, COALESCE(flow.synced_at, flow.created_at), NULL
    FROM (
        SELECT
            joined.participant_id, joined.flowsource_id,
            ROW_NUMBER() OVER (
                PARTITION BY joined.participant_id
                ORDER BY CASE WHEN code.removed_at IS NULL THEN 0 ELSE 1 END, code.position
            ) = 1 AS is_first
        FROM sources_participant_codes joined JOIN sources_flowsource code ON code.id = joined.flowsource_id
    ) link
    JOIN sources_participant person ON person.id = link.participant_id
    JOIN sources_flowsource code ON code.id = link.flowsource_id
    JOIN sources_flow flow ON flow.id = person.flow_id
"""
COPY_BACK = """
    INSERT INTO sources_participant_codes (participant_id, flowsource_id)
    SELECT participant_id, code_id FROM sources_registration WHERE is_listed
"""


def copy(apps, schema_editor) -> None:
    is_postgres = schema_editor.connection.vendor == "postgresql"
    schema_editor.execute(
        COPY % {"true": "TRUE" if is_postgres else "1", "empty": "'{}'::jsonb" if is_postgres else "'{}'"}
    )


def copy_back(apps, schema_editor) -> None:
    schema_editor.execute(COPY_BACK)


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0016_registration"),
    ]

    operations = [
        migrations.RunPython(copy, copy_back),
    ]
