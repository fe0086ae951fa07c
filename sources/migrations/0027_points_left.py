"""How many people's points are still to come, while they are read in several collections."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0026_what_a_flow_asks"),
    ]

    operations = [
        migrations.AddField(
            model_name="flow",
            name="points_left",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="flow",
            name="points_total",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
    ]
