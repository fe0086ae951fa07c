"""That a person has no points is another thing than that WISEflow did not tell them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("exports", "0006_item_mark")]

    operations = [
        migrations.AddField(
            model_name="assessment",
            name="is_points_unread",
            field=models.BooleanField(default=False, verbose_name="points not read"),
        ),
    ]
