from django.db import migrations, models


class Migration(migrations.Migration):
    """The e-mail to managers asks every few minutes for the runs that failed lately, among millions."""

    dependencies = [
        ("sources", "0011_sync_run_created_at"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="syncrun",
            index=models.Index(condition=models.Q(("state", "failed")), fields=["finished_at"], name="sync_run_failed"),
        ),
    ]
