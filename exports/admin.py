"""Export attempts and archive packages, to read. What each of them did stands on its own page among the manager's pages."""

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from exports.models import ExportAttempt, Package
from exports.pages.answers import shown_answer
from sources.admin.long_list import LongListAdmin, counts
from sources.admin.scope import OF_STUDENTS


@admin.register(ExportAttempt)
class ExportAttemptAdmin(LongListAdmin):
    source_path = "flow__source"
    left_out = ("answer",)  # encrypted as well: only the page of one attempt opens it
    list_display = (
        "created_at", "flow", "code", "trigger", "state", "outcome", "who_asked",
    )  # fmt: skip
    list_filter = ("state", "trigger", "is_retry")
    list_select_related = ("flow", "flow__source", "code", "requested_by")
    search_fields = ("=id", "flow__title", "=code__code", "idempotency_key")
    date_hierarchy = "created_at"
    fields = (
        "id", "page", "flow", "code", "trigger", "is_retry", "who_asked", "state", "told",
        ("sent_count", "exported_count", "failed_count", "unknown_count"),
        "method", "url", "idempotency_key", "body_sha256", "http_status", "masked_answer",
        "enqueues", "claims", "created_at", "claimed_at", "sending_at", "finished_at",
    )  # fmt: skip
    readonly_fields = ("id", "page", "who_asked", "told", "masked_answer")

    @admin.display(description=_("grades"))
    def outcome(self, attempt: ExportAttempt) -> str:
        return counts(attempt, "exported_count", "failed_count", "unknown_count")

    @admin.display(description=_("message"))
    def told(self, attempt: Any) -> Any:
        return attempt.reason if attempt.sees_people else OF_STUDENTS

    @admin.display(description=_("Ladok's answer"))
    def masked_answer(self, attempt: Any) -> Any:
        if not attempt.sees_people:
            return OF_STUDENTS
        return format_html("<pre>{}</pre>", answer) if (answer := shown_answer(attempt)) else None

    @admin.display(description=_("page"))
    def page(self, attempt: Any) -> Any:
        if not attempt.sees_people:
            return OF_STUDENTS
        return format_html(
            '<a href="{}">{}</a>', reverse("exports:attempt", args=[attempt.pk]), _("Every person and the history")
        )


@admin.register(Package)
class PackageAdmin(LongListAdmin):
    source_path = "flow__source"
    list_display = ("created_at", "flow", "trigger", "state", "file_count", "missing_count", "size")
    list_filter = ("state", "trigger", "store")
    list_select_related = ("flow", "flow__source", "requested_by")
    search_fields = ("=id", "flow__title")
    date_hierarchy = "created_at"
    fields = (
        "id", "page", "flow", "trigger", "requested_by", "state", "told", "store", "place",
        ("done", "total"), ("file_count", "missing_count", "size"), "manifest_sha256",
        "enqueues", "claims", "created_at", "finished_at", "removed_at",
    )  # fmt: skip
    readonly_fields = ("id", "page", "told")

    @admin.display(description=_("message"))
    def told(self, package: Package) -> Any:
        return package.reason

    @admin.display(description=_("page"))
    def page(self, package: Any) -> Any:
        if not package.sees_people:
            return OF_STUDENTS
        return format_html('<a href="{}">{}</a>', reverse("exports:archive", args=[package.flow_id]), _("Its page"))
