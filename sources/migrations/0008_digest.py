from django.db import migrations, models


class Migration(migrations.Migration):
    """What has been told is kept in exports: one e-mail tells of exports and of synchronisations."""

    dependencies = [
        ("sources", "0007_several_flows_and_lists"),
    ]

    operations = [
        migrations.AlterField(
            model_name="membership",
            name="gets_summary",
            field=models.BooleanField(
                default=True,
                help_text="One e-mail when exports of the person's own flows have failed, or their synchronisation asks or has failed.",
                verbose_name="gets e-mail",
            ),
        ),
        migrations.DeleteModel(
            name="NightSummary",
        ),
    ]
