from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exports", "0002_item_history"),
    ]

    operations = [
        migrations.AddField(
            model_name="assessment",
            name="is_approved",
            field=models.BooleanField(default=False, verbose_name="approved"),
        ),
    ]
