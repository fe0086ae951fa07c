"""What came out about a grade when everybody had gone on, and that Ladok itself has answered that it registered it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def remember_answers(apps, schema_editor):
    """What is exported and was settled by nobody, Ladok has answered for."""
    items = apps.get_model("exports", "ExportItem").objects.using(schema_editor.connection.alias)
    items.filter(state="exported", settled_at__isnull=True).update(is_registered=True)


class Migration(migrations.Migration):
    dependencies = [
        ("exports", "0011_absent_at"),
        ("sources", "0024_settling_minutes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="exportitem",
            name="is_registered",
            field=models.BooleanField(default=False, verbose_name="registered, by Ladok's answer"),
        ),
        migrations.RunPython(remember_answers, migrations.RunPython.noop),
        migrations.CreateModel(
            name="Finding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("twice", "In Ladok twice"), ("late", "Found out late")],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("message", models.JSONField(default=dict)),
                ("found_at", models.DateTimeField(auto_now_add=True, verbose_name="found")),
                ("handled_at", models.DateTimeField(blank=True, null=True, verbose_name="dealt with")),
                ("reason", models.TextField(blank=True, verbose_name="what was done")),
                (
                    "flow",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="findings",
                        to="sources.flow",
                        verbose_name="flow",
                    ),
                ),
                (
                    "handled_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="dealt with by",
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="findings",
                        to="exports.exportitem",
                        verbose_name="exported grade",
                    ),
                ),
            ],
            options={
                "verbose_name": "finding",
                "verbose_name_plural": "findings",
                "ordering": ("pk",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("handled_at__isnull", True)), fields=["flow", "kind"], name="finding_open"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("item", "kind"), name="one_finding_of_a_kind_per_item"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["twice", "late"])), name="finding_kind_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("handled_at__isnull", True), ("handled_by__isnull", True)),
                            models.Q(("handled_at__isnull", False), ("handled_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="handled_finding_says_by_whom",
                    ),
                ],
            },
        ),
    ]
