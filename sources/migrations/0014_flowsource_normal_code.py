"""A code has its normal form beside it."""

from django.db import migrations

import ladokflow.fields


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0013_flow_former_host"),
    ]

    operations = [
        migrations.AddField(
            model_name="flowsource",
            name="normal_code",
            field=ladokflow.fields.NormalCodeField(default="", editable=False, max_length=600, of="code"),
        ),
    ]
