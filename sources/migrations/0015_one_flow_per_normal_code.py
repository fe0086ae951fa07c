"""A code is on one flow at a time, in whatever way it is spelt."""

from django.db import migrations, models

from ladokflow.identifiers import normal_code


def fill(apps, schema_editor):
    """Where two flows have one code in two spellings already, the older one holds it. A normal form has no blank, so that the
    younger one's, with its number behind a blank, is nobody else's."""
    codes = apps.get_model("sources", "FlowSource").objects.order_by("pk")
    held = set()
    for code in codes.iterator(chunk_size=2000):
        normal = normal_code(code.code)
        if code.removed_at is None:
            normal = normal if (code.source_id, normal) not in held else f"{normal} {code.pk}"
            held.add((code.source_id, normal))
        codes.filter(pk=code.pk).update(normal_code=normal[:600])


class Migration(migrations.Migration):
    dependencies = [
        ("sources", "0014_flowsource_normal_code"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="flowsource", name="one_flow_per_code"),
        migrations.AddConstraint(
            model_name="flowsource",
            constraint=models.UniqueConstraint(
                condition=models.Q(("removed_at__isnull", True)),
                fields=("source", "normal_code"),
                name="one_flow_per_code",
                violation_error_message="There is a flow for this code already.",
            ),
        ),
    ]
