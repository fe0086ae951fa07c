"""A flow remembers the host it is at, once the source's address of WISEflow has been changed to another."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0012_failed_runs"),
    ]

    operations = [
        migrations.AddField(
            model_name="flow",
            name="former_host",
            field=models.CharField(blank=True, default="", editable=False, max_length=500),
        ),
        migrations.RemoveConstraint(model_name="flow", name="one_flow_per_wiseflow_flow"),
        migrations.AddConstraint(
            model_name="flow",
            constraint=models.UniqueConstraint(
                condition=models.Q(("wiseflow_id__isnull", False)),
                fields=("source", "former_host", "wiseflow_id"),
                name="one_flow_per_wiseflow_flow",
            ),
        ),
    ]
