"""What a preset and a new flow want of the settings that stand in WISEflow. Rows that are there want nothing of them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sources", "0038_settled")]

    operations = [
        migrations.AddField(
            model_name=model,
            name="wiseflow_settings",
            field=models.JSONField(blank=True, db_default={}, default=dict, editable=False),
        )
        for model in ("flow", "flowpreset")
    ]
