"""Indexes for lists and counts that are as quick with 2,000,000 people as with few, and none that nobody uses.

Everything that a state or a message of a person is written to again and again is in no index of people any more.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0028_sync_run_is_told"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="flow", name="flow_export_state"),
        migrations.RemoveIndex(model_name="participant", name="participant_export_state"),
        migrations.RemoveIndex(model_name="registration", name="registration_in_doubt"),
        migrations.RemoveIndex(model_name="webhookevent", name="webhook_event_newest"),
        migrations.AddField(
            model_name="flow",
            name="graded_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="flow",
            index=models.Index(
                fields=["source", "export_state", "state", "marking_end_at", "id"], name="flow_dashboard"
            ),
        ),
        migrations.AddIndex(
            model_name="registration",
            index=models.Index(
                condition=models.Q(models.Q(("doubt", {}), _negated=True), ("is_listed", False), _connector="OR"),
                fields=["code"],
                name="registration_uncertain",
            ),
        ),
        migrations.AddIndex(model_name="syncrun", index=models.Index(fields=["created_at"], name="sync_run_age")),
    ]
