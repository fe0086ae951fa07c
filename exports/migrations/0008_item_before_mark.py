"""What a grade was before a manager marked it as exported: the mark can be taken back."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exports", "0007_points_unread"),
    ]

    operations = [
        migrations.AddField(
            model_name="exportitem", name="before_mark", field=models.JSONField(blank=True, default=dict)
        ),
    ]
