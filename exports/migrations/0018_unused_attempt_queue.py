"""What waits and what is under way is found by the index that keeps attempts apart."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("exports", "0017_graded_at")]

    operations = [migrations.RemoveIndex(model_name="exportattempt", name="attempt_queue")]
