"""Which flow an attempt is of, without its row: lists ask it for every attempt of which something is unknown.

There are as many rows as there have been exports: one or two for each flow. For 100,000 the index is made in less than a second, which is
as long as an export waits to be written down.
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
