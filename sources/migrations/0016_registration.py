"""What Ladok says of a person is a row of its own for each code; how many may go at once while students write is the source's."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import ladokflow.fields


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0015_one_flow_per_normal_code"),
    ]

    operations = [
        migrations.AddField(
            model_name="flowsource",
            name="list_read_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="Ladok's list last read"),
        ),
        migrations.AddField(
            model_name="flow",
            name="grade_goes_to",
            field=models.CharField(
                choices=[
                    ("one", "To the one that Ladok accepts: the codes are occasions of one exam"),
                    ("each", "To each of them: the codes are modules of their own"),
                ],
                default="one",
                max_length=4,
                verbose_name="grade of somebody on several codes",
            ),
        ),
        migrations.AddConstraint(
            model_name="flow",
            constraint=models.CheckConstraint(
                condition=models.Q(("grade_goes_to__in", ["one", "each"])), name="flow_grade_goes_to_is_known"
            ),
        ),
        migrations.AddField(
            model_name="source",
            name="brake_people",
            field=models.PositiveSmallIntegerField(
                default=3,
                help_text="When more would be locked out of a running exam, and more than the share below, a manager is asked.",
                verbose_name="people who may go at once while students write",
            ),
        ),
        migrations.AddField(
            model_name="source",
            name="brake_percent",
            field=models.PositiveSmallIntegerField(
                default=5,
                validators=[django.core.validators.MaxValueValidator(100)],
                verbose_name="per cent who may go at once while students write",
            ),
        ),
        migrations.CreateModel(
            name="Registration",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("organisation_id", models.CharField(blank=True, max_length=200, verbose_name="organisation id")),
                ("national_id", ladokflow.fields.EncryptedTextField(blank=True, verbose_name="national id")),
                ("external_user_id", models.CharField(blank=True, max_length=200, verbose_name="student number")),
                ("unique_exam_id", models.CharField(blank=True, max_length=200, verbose_name="unique exam id")),
                ("individual_end_at", models.DateTimeField(blank=True, null=True, verbose_name="individual end")),
                ("is_listed", models.BooleanField(default=True, verbose_name="on Ladok's list")),
                ("doubt", models.JSONField(blank=True, default=dict)),
                (
                    "first_seen_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="first on the list"),
                ),
                ("gone_at", models.DateTimeField(blank=True, null=True, verbose_name="gone from the list")),
                (
                    "code",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="registrations",
                        to="sources.flowsource",
                        verbose_name="Ladok code",
                    ),
                ),
                (
                    "participant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="registrations",
                        to="sources.participant",
                        verbose_name="participant",
                    ),
                ),
            ],
            options={
                "verbose_name": "registration",
                "verbose_name_plural": "registrations",
                "ordering": ("code__position",),
            },
        ),
        migrations.AddConstraint(
            model_name="registration",
            constraint=models.UniqueConstraint(
                fields=("participant", "code"), name="one_registration_per_person_and_code"
            ),
        ),
        migrations.AddConstraint(
            model_name="registration",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("gone_at__isnull", True), ("is_listed", True)),
                    models.Q(("gone_at__isnull", False), ("is_listed", False)),
                    _connector="OR",
                ),
                name="registration_is_gone_when_it_says_so",
            ),
        ),
    ]
