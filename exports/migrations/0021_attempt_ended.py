"""What has ended in the last weeks is summed up without going through all that ever has."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("exports", "0020_approvals_in_turns")]

    operations = [
        migrations.AddIndex(
            model_name="exportattempt",
            index=models.Index(
                fields=["finished_at"],
                name="attempt_ended",
                include=["flow", "exported_count", "failed_count", "unknown_count"],
                condition=models.Q(finished_at__isnull=False),
            ),
        ),
    ]
