"""What a flow asks: what its last synchronisation told that only a person can answer, and whether the place of grades was said."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0025_enqueues"),
    ]

    operations = [
        migrations.AddField(
            model_name="flow",
            name="asked",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="flow",
            name="is_place_said",
            field=models.BooleanField(default=False),
        ),
        migrations.AddIndex(
            model_name="registration",
            index=models.Index(
                condition=models.Q(("doubt", {}), _negated=True), fields=["code"], name="registration_in_doubt"
            ),
        ),
    ]
