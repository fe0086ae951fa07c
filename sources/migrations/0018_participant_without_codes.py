"""A participant's codes are those of the registrations."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0017_registration_rows"),
    ]

    operations = [
        migrations.RemoveField(model_name="participant", name="codes"),
    ]
