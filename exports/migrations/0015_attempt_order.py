"""What an attempt is to send, until a worker has looked that up."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exports", "0014_attempt_reading"),
    ]

    operations = [
        migrations.AddField(
            model_name="exportattempt",
            name="order",
            field=models.JSONField(blank=True, default=dict),
        ),
    ]
