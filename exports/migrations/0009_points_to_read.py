"""Until now points were read from item based marks only: of an ordinary flow nobody knows yet if there are any.

University of Borås is the one that takes points. Its grades without them wait until WISEflow has been asked, by the next
collection or by hand, and do not go without points in silence.
"""

from django.db import migrations


def to_be_read(apps, schema_editor) -> None:
    assessments = apps.get_model("exports", "Assessment").objects.filter(
        participant__flow__source__university="boras", points__isnull=True
    )
    assessments.exclude(grade="", alternative_grade="").update(is_points_unread=True)


class Migration(migrations.Migration):
    dependencies = [("exports", "0008_item_before_mark")]

    operations = [migrations.RunPython(to_be_read, migrations.RunPython.noop)]
