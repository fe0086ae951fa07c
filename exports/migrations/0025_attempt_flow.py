"""Which flow an attempt is of, without its row: lists ask it for every attempt of which something is unknown.

There are as many rows as there have been exports, one or two for each flow, and the index has two of their columns: an export waits for it
for as long as that takes.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("exports", "0024_statistics")]

    operations = [
        migrations.AddIndex(
            model_name="exportattempt",
            index=models.Index(fields=["id"], include=("flow",), name="attempt_flow"),
        ),
    ]
