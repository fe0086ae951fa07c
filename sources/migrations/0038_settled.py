"""What a synchronisation went by that had nothing to do: where that is the same, there is nothing to do again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sources", "0037_home_at_size")]

    operations = [
        migrations.AddField(
            model_name="flow",
            name="settled_basis",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="flow",
            name="settled_count",
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
    ]
