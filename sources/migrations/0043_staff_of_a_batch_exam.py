from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0042_certificate_ends"),
    ]

    operations = [
        migrations.AddField(
            model_name="batchexam",
            name="staff",
            field=models.JSONField(
                blank=True, db_default=models.Value([], models.JSONField()), default=list, editable=False
            ),
        ),
    ]
