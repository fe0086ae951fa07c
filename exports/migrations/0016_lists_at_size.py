from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exports", "0015_attempt_order"),
        ("sources", "0029_lists_at_size"),
    ]

    operations = [
        # Those that are under way are few, and another index has them already: it keeps them apart.
        migrations.RemoveIndex(model_name="exportattempt", name="attempt_lease"),
        migrations.AddIndex(model_name="exportattempt", index=models.Index(fields=["created_at"], name="attempt_age")),
        migrations.AddIndex(
            model_name="exportitem",
            index=models.Index(condition=models.Q(("state", "unknown")), fields=["attempt"], name="item_unknown"),
        ),
    ]
