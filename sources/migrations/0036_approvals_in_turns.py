"""How many approvals of a flow's grades the next collection is to look for at once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sources", "0035_release")]

    operations = [
        migrations.AddField(
            model_name="flow",
            name="approvals_left",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
    ]
