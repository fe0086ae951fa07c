"""When the client certificates that are there already stop being valid."""

from typing import Any

from django.db import migrations

from ladokflow.certificates import certificate_end
from ladokflow.fields import DecryptionFailed


def read_ends(apps: Any, schema_editor: Any) -> None:
    credentials = apps.get_model("sources", "Credential").objects.filter(kind="client_certificate")
    for pk in list(credentials.values_list("pk", flat=True)):
        try:
            credential = credentials.get(pk=pk)
        except DecryptionFailed:
            continue  # it cannot be used either, and says so wherever it is
        credentials.filter(pk=pk).update(expires_at=certificate_end(credential.secret))


class Migration(migrations.Migration):
    dependencies = [("sources", "0041_home")]

    operations = [migrations.RunPython(read_ends, migrations.RunPython.noop)]
