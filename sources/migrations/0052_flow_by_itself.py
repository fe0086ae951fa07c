from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0051_participant_pages"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="flow",
            index=models.Index(
                condition=models.Q(
                    models.Q(("instant_export", True), ("exports_when_marking_ends", True), _connector="OR"),
                    models.Q(("export_state", "exported"), _negated=True),
                ),
                fields=["source"],
                name="flow_by_itself",
            ),
        ),
    ]
