from django.db import migrations, models

from ladokflow.ladok import UNIVERSITIES


def give_what_everybody_had(apps, schema_editor):
    """Until now the right was asked for only where the sender is named to Ladok: elsewhere every member could export."""
    asked = [slug for slug, university in UNIVERSITIES.items() if university.names_sender]
    members = apps.get_model("sources", "Membership").objects.exclude(source__university__in=asked)
    members.filter(can_export=False).update(can_export=True)


class Migration(migrations.Migration):
    dependencies = [("sources", "0032_search_people")]

    operations = [
        migrations.AlterField(
            model_name="membership",
            name="can_export",
            field=models.BooleanField(
                default=False,
                help_text="Sends grades to Ladok, tries again, and marks grades as exported. Without it a person makes and looks after flows, and what a flow of theirs would export by itself waits for somebody who has it.",
                verbose_name="may export grades",
            ),
        ),
        migrations.RunPython(give_what_everybody_had, migrations.RunPython.noop),
    ]
