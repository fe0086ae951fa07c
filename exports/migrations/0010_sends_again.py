"""A manager's word that grades are to be sent which another flow has sent under the same code."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exports", "0009_points_to_read"),
    ]

    operations = [
        migrations.AddField(
            model_name="exportattempt",
            name="sends_again",
            field=models.BooleanField(default=False, verbose_name="sent although another flow has sent it"),
        ),
    ]
