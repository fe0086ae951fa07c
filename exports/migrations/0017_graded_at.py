"""When a grade of a flow was last found to be another stands on the flow: until now it was looked for among all its people."""

from django.db import migrations
from django.db.models import Max, OuterRef, Subquery


def fill(apps, schema_editor) -> None:
    graded = apps.get_model("exports", "Assessment").objects.filter(participant__flow=OuterRef("pk")).order_by()
    latest = graded.values("participant__flow").annotate(latest=Max("collected_at")).values("latest")
    apps.get_model("sources", "Flow").objects.filter(collected_at__isnull=False).update(graded_at=Subquery(latest))


class Migration(migrations.Migration):
    dependencies = [("exports", "0016_lists_at_size")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
