"""A grade may go to several codes of a flow: an item is one person's in one place, and an attempt may use the list as last known."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exports", "0004_digest"),
        ("sources", "0016_registration"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="exportitem", name="one_live_exported_or_unknown_item_per_participant"),
        migrations.AddField(
            model_name="exportattempt",
            name="uses_last_list",
            field=models.BooleanField(default=False, verbose_name="sent with the list as it was known last"),
        ),
        migrations.AddField(model_name="exportitem", name="place", field=models.PositiveBigIntegerField(default=0)),
        migrations.AddConstraint(
            model_name="exportitem",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["live", "exported", "unknown"])),
                fields=("participant", "place"),
                name="one_live_exported_or_unknown_item_per_place",
            ),
        ),
    ]
