from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exports", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="exportitem",
            name="may_be_in_ladok",
            field=models.BooleanField(default=False, verbose_name="may be in Ladok"),
        ),
        migrations.AddField(
            model_name="exportitem",
            name="replaces_exported",
            field=models.BooleanField(default=False, verbose_name="replaces an exported grade"),
        ),
    ]
