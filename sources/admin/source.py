"""Sources: their addresses and rules, the test of their connections, and the body of their exports."""

import json
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from ladokflow.addresses import address_of
from ladokflow.fingerprints import fingerprint
from ladokflow.ladok.bodies import (
    PARTICIPANTS_PRESET,
    SAMPLE_FLOW,
    SAMPLE_LINES,
    SAMPLE_MANAGERS,
    neutral_document,
)
from ladokflow.queue import enqueue
from sources.admin.forms import ExportBodyForm, SourceForm
from sources.admin.licence import LicencePages
from sources.admin.recording import changed_fields, record_in_admin, told_value
from sources.admin.webhook import WebhookPages
from sources.models import Credential, Source
from sources.universities.credentials import test_of
from sources.universities.moved_hosts import hosts, leave_credentials_behind


@admin.register(Source)
class SourceAdmin(WebhookPages, LicencePages):
    form = SourceForm
    change_form_template = "admin/sources/source/change_form.html"
    list_display = ("name", "slug", "sync_at", "enabled_credentials", "members")
    search_fields = ("name", "slug")
    ordering = ("name",)  # with its counts a row has none of its model's
    fieldsets = (
        (None, {"fields": ("name", "slug", "university", "timezone")}),
        (_("Students' data"), {"fields": ("retention_days", "protects_identity")}),
        (_("Addresses"), {"fields": ("ladok_url", "exam_page", "wiseflow_url", "flow_page")}),
        (_("Paths of Ladok"), {"fields": SourceForm.PATH_FIELDS, "classes": ("collapse",)}),
        (
            _("What comes in"),
            {"fields": ("sync_at", "brake_people", "brake_percent")},
        ),
        (
            _("What goes back"),
            {
                "fields": (
                    "grade_form",
                    "export_method",
                    "accepts_manual_participants",
                    "can_read_back",
                    "settling_minutes",
                    "allows_overwriting",
                    "already_patterns",
                    "exports_when_marking_ends",
                )
            },
        ),
        (_("Statistics"), {"fields": ("departments",)}),
        (_("Archive packages"), {"fields": ("archives_after_days", "archive_days")}),
    )

    # --- Who

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                enabled_credential_count=Count("credentials", filter=Q(credentials__enabled=True), distinct=True),
                member_count=Count("memberships", distinct=True),
            )
        )

    source_path = "pk"

    def source_pk_of(self, row: Source) -> Any:
        return row.pk

    def get_list_filter(self, request: HttpRequest) -> tuple[str, ...]:
        return ()

    def get_readonly_fields(self, request: HttpRequest, obj: Source | None = None) -> tuple[str, ...]:
        """Flows and addresses hang on these: they are set once, when the source is made."""
        return () if obj is None else ("slug", "university")

    # --- The list

    @admin.display(description=_("enabled credentials"), ordering="enabled_credential_count")
    def enabled_credentials(self, source: Any) -> int:
        return source.enabled_credential_count

    @admin.display(description=_("members"), ordering="member_count")
    def members(self, source: Any) -> int:
        return source.member_count

    # --- Saving

    def save_model(self, request: HttpRequest, obj: Source, form: SourceForm, change: bool) -> None:
        before = hosts(Source.objects.select_for_update().get(pk=obj.pk)) if change else hosts(obj)
        super().save_model(request, obj, form, change)
        left = leave_credentials_behind(obj, before, actor=request.user, address=address_of(request))
        for reminder in left:
            messages.warning(request, str(reminder))
        if not change:
            record_in_admin(request, obj, "admin.source_added", name=obj.name)
        if obj.protects_identity and "protects_identity" in form.changed_data:
            enqueue("sources.tasks.hide_names", obj.pk)
        if change and form.changed_data:
            record_in_admin(request, obj, "admin.source_changed", fields=changed_fields(form))

    # --- Pages of its own

    def get_urls(self) -> list[Any]:
        pages = [
            path(
                "<path:object_id>/test-connection/",
                self.admin_site.admin_view(require_POST(self.connection_view)),
                name="sources_source_connection",
            ),
            path(
                "<path:object_id>/export-body/",
                self.admin_site.admin_view(self.export_body_view),
                name="sources_source_export_body",
            ),
        ]
        return pages + super().get_urls()

    def connection_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Tries both systems with the credential that is in use, and tells what works in words. Changes nothing."""
        source = self.own_source(request, object_id)
        wanted = request.POST.get("system", "")
        systems = [wanted] if wanted in Credential.System.values else Credential.System.values
        results = [(Credential.System(system).label, test_of(source, system)) for system in systems]
        return self.page(
            request,
            source,
            "connection",
            title=_("Test of the connection"),
            results=results,
            is_fine=all(check.ok for _system, checks in results for check in checks),
        )

    def export_body_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Preview, then save: what is saved is exactly what was seen."""
        source = self.own_source(request, object_id)
        start = source.export_body
        if request.method == "GET" and request.GET.get("preset") == "participants":
            start = PARTICIPANTS_PRESET
        form = ExportBodyForm(request.POST or None, source=source, initial={"expression": start})
        shown = fingerprint("admin.export_body", [source.pk, source.export_body])
        is_ready = False
        if request.method == "POST" and form.is_valid():
            is_ready = form.has_been_previewed
            if is_ready and "save" in request.POST:
                if self.is_stale(request, source, shown):
                    return HttpResponseRedirect(request.path)
                return self._save_export_body(request, source, form.cleaned_data["expression"])
            # The page shows the preview of what was typed, and only now offers to save that.
            expression = form.cleaned_data["expression"]
            sample = form.sample
            form = ExportBodyForm(
                source=source, initial={"expression": expression, "previewed": ExportBodyForm.mark(expression)}
            )
            form.sample = sample
            is_ready = True
        return self.page(
            request,
            source,
            "export_body",
            title=_("Export body"),
            form=form,
            is_ready=is_ready,
            seen=request.POST.get("seen", str(shown)),
            sample=_pretty(form.sample) if is_ready else "",
            neutral=_pretty(neutral_document(SAMPLE_FLOW, SAMPLE_MANAGERS, SAMPLE_LINES)),
            preset=PARTICIPANTS_PRESET,
        )

    def _save_export_body(self, request: HttpRequest, source: Source, expression: str) -> HttpResponse:
        if expression != source.export_body:
            with transaction.atomic():
                Source.objects.filter(pk=source.pk).update(export_body=expression)
                self.log_change(request, source, [{"changed": {"fields": ["export_body"]}}])
                values = {"before": told_value(source.export_body), "after": told_value(expression)}
                record_in_admin(request, source, "admin.export_body_replaced", **values)
        messages.success(request, _("The export body is saved."))
        return HttpResponseRedirect(reverse("admin:sources_source_change", args=[source.pk]))


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
