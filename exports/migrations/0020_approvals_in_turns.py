"""When each approval was last asked for: who has waited longest is asked for first."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("exports", "0019_adoption")]

    operations = [
        migrations.AddField(
            model_name="assessment",
            name="approval_read_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
