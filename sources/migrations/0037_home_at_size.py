"""Indexes for what Home counts: of 20,000 flows few ask something, have changed since their export, or are to be exported."""

from django.db import migrations, models
from django.db.models import Q
from django.db.models.fields.json import KeyTransform


class Migration(migrations.Migration):
    dependencies = [("sources", "0036_approvals_in_turns")]

    operations = [
        migrations.AddIndex(
            model_name="flow",
            index=models.Index(
                fields=["source", "marking_end_at", "id"],
                name="flow_to_export",
                condition=Q(state__in=(4, 5), export_state="pending", export_ended_at=None, graded_count__gt=0),
            ),
        ),
        migrations.AddIndex(
            model_name="flow",
            index=models.Index(
                fields=["source"],
                name="flow_asks",
                condition=Q(setup_state="stopped") | ~Q(sync_message={}) | ~Q(asked=[]) | ~Q(scale_message={}),
            ),
        ),
        migrations.AddIndex(
            model_name="flow",
            index=models.Index(KeyTransform("code", "export_message"), name="flow_export_code"),
        ),
    ]
