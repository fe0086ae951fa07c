"""Whose turn it is to make a room: two workers must not make the same one twice."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0009_credential_former_host"),
    ]

    operations = [
        migrations.CreateModel(
            name="RoomTurn",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=250)),
                ("token", models.UUIDField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="sources.source"
                    ),
                ),
            ],
            options={
                "ordering": ("source", "name"),
                "constraints": [models.UniqueConstraint(fields=("source", "name"), name="one_turn_per_room")],
            },
        ),
    ]
