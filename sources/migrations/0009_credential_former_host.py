"""A credential remembers the host it was given for, once the source's address has been changed to another."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0008_digest"),
    ]

    operations = [
        migrations.AddField(
            model_name="credential",
            name="former_host",
            field=models.CharField(blank=True, default="", editable=False, max_length=500),
        ),
        migrations.AddConstraint(
            model_name="credential",
            constraint=models.CheckConstraint(
                condition=models.Q(("former_host", ""), ("enabled", False), _connector="OR"),
                name="credential_for_another_host_is_disabled",
            ),
        ),
    ]
