"""When Ladok was first asked for a grade and did not have it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exports", "0010_sends_again"),
    ]

    operations = [
        migrations.AddField(
            model_name="exportitem",
            name="absent_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="not in Ladok"),
        ),
    ]
