"""Room in each page of the participants' table for what they show to be written anew beside it.

An export writes the state of everybody twice, and nothing of that is in an index. Where the new row finds no room in the old one's page,
PostgreSQL writes all of the table's indexes, those for searching names too: eight times the time. What is in the table already moves
when it is next rewritten (`VACUUM FULL`), or row by row.
"""

from django.db import migrations


def make_room(apps, schema_editor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE sources_participant SET (fillfactor = 50)")


def take_it_back(apps, schema_editor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE sources_participant RESET (fillfactor)")


class Migration(migrations.Migration):
    dependencies = [("sources", "0050_our_api")]

    operations = [migrations.RunPython(make_room, take_it_back)]
