"""When a run was asked for is given by who asks: the night has the time it was told."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0010_room_turn"),
    ]

    operations = [
        migrations.AlterField(
            model_name="syncrun",
            name="created_at",
            field=models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="requested"),
        ),
    ]
