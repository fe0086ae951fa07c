"""Synchronisations, to read."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ladokflow.messages import Message
from sources.admin.long_list import LongListAdmin, counts
from sources.admin.scope import OF_STUDENTS
from sources.models import SyncRun


@admin.register(SyncRun)
class SyncRunAdmin(LongListAdmin):
    source_path = "flow__source"
    left_out = ("changes", "problems", "would_go")
    list_display = ("created_at", "flow", "trigger", "state", "people", "who_asked")
    list_filter = ("state", "trigger", "asks")
    list_select_related = ("flow", "flow__source", "requested_by")
    search_fields = ("flow__title", "=flow__codes__code")
    fields = (
        "id",
        "flow",
        "trigger",
        "who_asked",
        "state",
        "asks",
        "is_confirmed",
        "told",
        ("added", "updated", "removed", "deactivated", "unchanged"),
        "told_changes",
        "told_problems",
        "created_at",
        "started_at",
        "finished_at",
    )
    readonly_fields = ("id", "who_asked", "told", "told_changes", "told_problems")

    @admin.display(description=_("participants"))
    def people(self, run: SyncRun) -> str:
        return counts(run, "added", "updated", "removed", "deactivated", "unchanged")

    @admin.display(description=_("message"))
    def told(self, run: Any) -> Any:
        return Message.from_json(run.message) if run.sees_people else OF_STUDENTS

    @admin.display(description=_("changes"))
    def told_changes(self, run: Any) -> Any:
        return _list(run.change_messages) if run.sees_people else OF_STUDENTS

    @admin.display(description=_("problems"))
    def told_problems(self, run: Any) -> Any:
        return _list(run.problem_messages) if run.sees_people else OF_STUDENTS


def _list(entries: list[Message]) -> SafeString | None:
    """Each on a line of its own, the first hundred: a run may have thousands."""
    return format_html_join("\n", "<p>{}</p>", ((entry,) for entry in entries[:100])) or None
