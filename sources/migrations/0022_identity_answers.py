"""What Ladok says now of a registration in doubt, and what managers have said of it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import ladokflow.fields


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0021_already_patterns"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="registration",
            name="claim",
            field=ladokflow.fields.EncryptedTextField(blank=True, default="", verbose_name="what Ladok says now"),
            preserve_default=False,
        ),
        migrations.CreateModel(
            name="IdentityAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_same", models.BooleanField(verbose_name="the same person")),
                ("said_of", ladokflow.fields.EncryptedTextField(verbose_name="what Ladok said")),
                ("known_as", ladokflow.fields.EncryptedTextField(verbose_name="what Ladok had said before")),
                ("at", models.DateTimeField(auto_now_add=True, verbose_name="when")),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="who",
                    ),
                ),
                (
                    "registration",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="answers",
                        to="sources.registration",
                        verbose_name="registration",
                    ),
                ),
            ],
            options={
                "verbose_name": "answer about an identity",
                "verbose_name_plural": "answers about identities",
                "ordering": ("pk",),
            },
        ),
    ]
