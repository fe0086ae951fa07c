"""What a person has chosen for herself, and an index for the exams of a week."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL), ("sources", "0039_settings_in_wiseflow")]

    operations = [
        migrations.CreateModel(
            name="Preference",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="preference",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
                ("has_keys", models.BooleanField(default=True, verbose_name="keyboard shortcuts")),
                ("lists", models.JSONField(blank=True, default=dict)),
            ],
            options={"verbose_name": "preference", "verbose_name_plural": "preferences"},
        ),
        migrations.AddIndex(
            model_name="flow",
            index=models.Index(fields=["source", "participation_start_at", "id"], name="flow_exam"),
        ),
    ]
