"""How long Ladok may work on an export: what it does not show twice, so far apart, is not there."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0023_flowsource_by_normal_code"),
    ]

    operations = [
        migrations.AddField(
            model_name="source",
            name="settling_minutes",
            field=models.PositiveSmallIntegerField(
                default=15,
                help_text="A grade that Ladok does not show is taken for not registered when it has been missing twice, at least so many minutes apart. Longer than the service may need for a request.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(1440),
                ],
                verbose_name="minutes that Ladok may work on an export",
            ),
        ),
    ]
