"""A grade is known by university, code and person, on whatever flow the code has been: codes are found by what they are."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0022_identity_answers"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="flowsource",
            index=models.Index(fields=["source", "normal_code"], name="flow_source_normal_code"),
        ),
    ]
