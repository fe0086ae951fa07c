"""The audit log, to read and to take away."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ladokflow.messages import Message
from ladokflow.spreadsheets import csv_file
from sources.admin.long_list import LongListAdmin
from sources.admin.recording import record_in_admin
from sources.audit import name_people, without_people
from sources.models import AuditEntry, Source


@admin.register(AuditEntry)
class AuditEntryAdmin(LongListAdmin):
    list_display = ("at", "who", "what", "flow", "source", "address")
    list_filter = (("at", admin.DateFieldListFilter),)
    list_select_related = ("source", "flow", "actor")
    search_fields = ("=attempt_id", "actor__username", "flow__title", "=flow__codes__code")
    search_help_text = _("Who (user name), the title or a Ladok code of a flow, or the id of an attempt")
    date_hierarchy = "at"
    list_per_page = 50
    fields = ("at", "who", "what", "source", "flow", "attempt_id", "address")
    readonly_fields = ("who", "what")
    actions = ("download",)

    def prepared(self, rows: list[Any]) -> list[Any]:
        return name_people(rows)

    @admin.display(description=_("who"), ordering="actor__username")
    def who(self, entry: AuditEntry) -> str:
        return entry.actor.get_username() if entry.actor else str(_("A schedule or a worker"))

    @admin.display(description=_("what"))
    def what(self, entry: Any) -> Message | None:
        is_shown = entry.sees_people and not (entry.flow and entry.flow.purged_at)
        return Message.from_json(entry.message) if is_shown else without_people(entry)

    @admin.action(description=_("Download the selected entries (CSV)"), permissions=["view"])
    def download(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        headings = (_("when"), _("who"), _("what"), _("flow"), _("source"), _("attempt"), _("from"))
        entries = name_people(queryset.select_related("source", "flow", "actor"))
        rows = [
            (
                timezone.localtime(entry.at).isoformat(timespec="seconds"),
                self.who(entry),
                str(self.what(entry)),
                str(entry.flow or ""),
                entry.source.name,
                str(entry.attempt_id or ""),
                entry.address or "",
            )
            for entry in entries
        ]
        # That the log was taken away is itself on record, at each source it tells of.
        for source in Source.objects.filter(pk__in={entry.source_id for entry in entries}):
            count = sum(entry.source_id == source.pk for entry in entries)
            record_in_admin(request, source, "admin.log_downloaded", count=count)
        return csv_file("ladokflow-audit", headings, rows)
