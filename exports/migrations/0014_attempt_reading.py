"""An attempt reads the points of its people in a state of its own, and keeps what it has read with each grade."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exports", "0013_collection"),
        ("sources", "0027_points_left"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="exportattempt",
            name="one_open_attempt_per_flow_and_code",
        ),
        migrations.RemoveConstraint(
            model_name="exportattempt",
            name="attempt_state_is_known",
        ),
        migrations.RemoveConstraint(
            model_name="exportattempt",
            name="attempt_is_finished_when_it_says_so",
        ),
        migrations.RemoveIndex(
            model_name="exportattempt",
            name="attempt_lease",
        ),
        migrations.AddField(
            model_name="exportitem",
            name="graded_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="graded"),
        ),
        migrations.AddField(
            model_name="exportitem",
            name="is_points_read",
            field=models.BooleanField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="exportitem",
            name="points_read",
            field=models.DecimalField(blank=True, decimal_places=2, max_digits=9, null=True),
        ),
        migrations.AlterField(
            model_name="exportattempt",
            name="state",
            field=models.CharField(
                choices=[
                    ("queued", "Waiting"),
                    ("claimed", "Being prepared"),
                    ("reading", "Reading points"),
                    ("sending", "Sending"),
                    ("exported", "Exported"),
                    ("failed", "Failed"),
                ],
                default="queued",
                max_length=10,
                verbose_name="state",
            ),
        ),
        migrations.AddIndex(
            model_name="exportattempt",
            index=models.Index(
                condition=models.Q(("state__in", ["claimed", "reading", "sending"])),
                fields=["state", "lease_until"],
                name="attempt_lease",
            ),
        ),
        migrations.AddConstraint(
            model_name="exportattempt",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["queued", "claimed", "reading", "sending"])),
                fields=("flow", "code"),
                name="one_open_attempt_per_flow_and_code",
                violation_error_message="An export of this flow is under way already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="exportattempt",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["queued", "claimed", "reading", "sending", "exported", "failed"])),
                name="attempt_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="exportattempt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at__isnull", True), ("state__in", ["queued", "claimed", "reading", "sending"])),
                    models.Q(("finished_at__isnull", False), ("state__in", ["exported", "failed"])),
                    _connector="OR",
                ),
                name="attempt_is_finished_when_it_says_so",
            ),
        ),
    ]
