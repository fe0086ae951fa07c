"""What Home shows besides: coming exams, warnings that nobody has looked at, and when a certificate expires."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import ladokflow.fields
import sources.models.source


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0040_preference"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ComingExam",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=200, verbose_name="code")),
                (
                    "normal_code",
                    ladokflow.fields.NormalCodeField(default="", editable=False, max_length=600, of="code"),
                ),
                ("title", models.CharField(blank=True, max_length=255, verbose_name="title")),
                ("subtitle", models.CharField(blank=True, max_length=255, verbose_name="subtitle")),
                ("start_at", models.DateTimeField(verbose_name="start")),
            ],
            options={
                "verbose_name": "coming exam",
                "verbose_name_plural": "coming exams",
                "ordering": ("start_at", "code"),
            },
        ),
        migrations.CreateModel(
            name="ExamReading",
            fields=[
                (
                    "source",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="exam_reading",
                        serialize=False,
                        to="sources.source",
                    ),
                ),
                ("asked_at", models.DateTimeField()),
                ("read_at", models.DateTimeField(null=True)),
                ("message", models.JSONField(default=dict)),
            ],
            options={
                "verbose_name": "reading of coming exams",
                "verbose_name_plural": "readings of coming exams",
            },
        ),
        migrations.RemoveIndex(
            model_name="flow",
            name="flow_asks",
        ),
        migrations.AddField(
            model_name="credential",
            name="expires_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="expires"),
        ),
        migrations.AddField(
            model_name="flow",
            name="warnings",
            field=models.JSONField(
                blank=True, db_default=models.Value([], models.JSONField()), default=list, editable=False
            ),
        ),
        migrations.AddField(
            model_name="flow",
            name="warnings_seen",
            field=models.JSONField(
                blank=True, db_default=models.Value([], models.JSONField()), default=list, editable=False
            ),
        ),
        migrations.AddField(
            model_name="source",
            name="exam_page",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The address in the browser, with {code} in place of the exam's code. Empty: no link to it is shown.",
                max_length=500,
                validators=[sources.models.source.validate_exam_page],
                verbose_name="page of an exam in Ladok",
            ),
        ),
        migrations.AddField(
            model_name="source",
            name="flow_page",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The address in the browser, with {flow} in place of the flow's number. Empty: no link to it is shown.",
                max_length=500,
                validators=[sources.models.source.validate_flow_page],
                verbose_name="page of a flow in WISEflow",
            ),
        ),
        migrations.AddIndex(
            model_name="flow",
            index=models.Index(
                condition=models.Q(
                    ("setup_state", "stopped"),
                    models.Q(("sync_message", {}), _negated=True),
                    models.Q(("asked", []), _negated=True),
                    models.Q(("warnings", []), _negated=True),
                    models.Q(("scale_message", {}), _negated=True),
                    ("adoption", "unsaid"),
                    _connector="OR",
                ),
                fields=["source"],
                name="flow_asks",
            ),
        ),
        migrations.AddField(
            model_name="comingexam",
            name="source",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="coming_exams",
                to="sources.source",
                verbose_name="source",
            ),
        ),
        migrations.AddConstraint(
            model_name="comingexam",
            constraint=models.UniqueConstraint(fields=("source", "code"), name="one_coming_exam_per_code"),
        ),
    ]
