"""The assessor's grade beside an alternative one: the article's body has a place for both."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("exports", "0005_item_place")]

    operations = [
        migrations.AddField(
            model_name="exportitem",
            name="mark",
            field=models.CharField(blank=True, max_length=100, verbose_name="assessor's grade"),
        ),
    ]
