"""How a university's Ladok says that a grade is there already, where its module does not know it all."""

from django.db import migrations, models

import sources.models.source


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0020_staff_account"),
    ]

    operations = [
        migrations.AddField(
            model_name="source",
            name="already_patterns",
            field=models.TextField(
                blank=True,
                default="",
                max_length=4000,
                validators=[sources.models.source.validate_patterns],
                verbose_name="words for “there already”",
                help_text="How Ladok says of a grade it rejects that it is there already: then it is not retried but marked as exported. One phrase or regular expression in each line, in any case. Empty: the university's own.",
            ),
            preserve_default=False,
        ),
    ]
