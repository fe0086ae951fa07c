import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import ladokflow.fields


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0043_staff_of_a_batch_exam"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="source",
            name="ladok_paths",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Only where they differ from the usual: an object with any of list, fetch and export; and list_by_dates, with {from} and {to}, where exams are listed between two dates, too.",
                verbose_name="paths of Ladok",
            ),
        ),
        migrations.CreateModel(
            name="FlowRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                (
                    "is_on",
                    models.BooleanField(
                        default=False,
                        help_text="Look at its dry run first: it tells which flows the rule would make.",
                        verbose_name="on",
                    ),
                ),
                (
                    "courses",
                    models.TextField(
                        help_text="One course code in each line. Where Ladok can be asked for the exams of all courses, TDD* is all that begin with TDD.",
                        max_length=4000,
                        verbose_name="courses",
                    ),
                ),
                (
                    "words",
                    models.CharField(
                        blank=True,
                        help_text="Only exams with one of these in their title or code, with commas between them: Salstentamen, TEN1. Empty: all.",
                        max_length=200,
                        verbose_name="words",
                    ),
                ),
                (
                    "first_day",
                    models.DateField(
                        default=django.utils.timezone.localdate,
                        help_text="None before this day.",
                        verbose_name="exams from",
                    ),
                ),
                (
                    "days_before",
                    models.PositiveSmallIntegerField(
                        default=14,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(120),
                        ],
                        verbose_name="days before the exam",
                    ),
                ),
                (
                    "most_at_once",
                    models.PositiveSmallIntegerField(
                        default=20,
                        help_text="If it would make more in one night, it makes none and asks.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(200),
                        ],
                        verbose_name="most flows at once",
                    ),
                ),
                ("looked_at", models.DateTimeField(editable=False, null=True, verbose_name="last looked")),
                ("told", models.JSONField(default=list, editable=False)),
                (
                    "manager",
                    models.ForeignKey(
                        help_text="A member of the source: the flows are made for this person, who becomes their manager.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="manager",
                    ),
                ),
                (
                    "preset",
                    models.ForeignKey(
                        blank=True,
                        help_text="What the flows are made with. Empty: the usual settings.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="sources.flowpreset",
                        verbose_name="preset",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rules_for_flows",
                        to="sources.source",
                        verbose_name="source",
                    ),
                ),
            ],
            options={
                "verbose_name": "rule for flows",
                "verbose_name_plural": "rules for flows",
                "ordering": ("source", "name"),
            },
        ),
        migrations.CreateModel(
            name="RuleExam",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=200)),
                (
                    "normal_code",
                    ladokflow.fields.NormalCodeField(default="", editable=False, max_length=600, of="code"),
                ),
                ("title", models.CharField(blank=True, max_length=255)),
                ("starts_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "batch_exam",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="of_rules",
                        to="sources.batchexam",
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="exams",
                        to="sources.flowrule",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="sources.source"
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at", "-pk"),
            },
        ),
        migrations.AddConstraint(
            model_name="flowrule",
            constraint=models.UniqueConstraint(
                fields=("source", "name"),
                name="one_rule_per_name",
                violation_error_message="The source has a rule with this name already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="ruleexam",
            constraint=models.UniqueConstraint(fields=("source", "normal_code"), name="one_rule_takes_an_exam_once"),
        ),
    ]
