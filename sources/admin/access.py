"""The access log, to read: who has looked at which students, and who has taken them along."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sources.admin.long_list import LongListAdmin
from sources.admin.scope import OF_STUDENTS
from sources.models import AccessEntry
from sources.universities.permissions import Right, rights_in


@admin.register(AccessEntry)
class AccessEntryAdmin(LongListAdmin):
    list_display = ("at", "who", "kind", "flow", "student", "source", "address")
    list_filter = ("kind", ("at", admin.DateFieldListFilter))
    list_select_related = ("source", "flow", "user")
    search_fields = ("user__username", "flow__title", "=flow__codes__code", "=participant__organisation_id")
    search_help_text = gettext_lazy(
        "Who (user name), the title or a Ladok code of a flow, or a student's whole organisation id"
    )
    date_hierarchy = "at"
    list_per_page = 50
    fields = ("at", "who", "kind", "source", "flow", "student", "address")
    readonly_fields = ("who", "student")

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).prefetch_related("participant")

    def get_search_fields(self, request: Any) -> Any:
        """An operator sees no student, and finds none: that there is a row would be an answer."""
        fields = super().get_search_fields(request)
        return fields[:-1] if rights_in(request).is_everywhere(Right.INSPECT) else fields

    def get_changelist_instance(self, request: Any) -> Any:
        found = super().get_changelist_instance(request)
        if rights_in(request).is_everywhere(Right.INSPECT):
            found.search_help_text = _("Who (user name), or the title or a Ladok code of a flow")
        return found

    @admin.display(description=gettext_lazy("who"), ordering="user__username")
    def who(self, entry: AccessEntry) -> str:
        return entry.user.get_username()

    @admin.display(description=gettext_lazy("student"))
    def student(self, entry: Any) -> str:
        if entry.participant_id is None:
            return _("Those of the flow") if entry.flow_id else "–"
        if not entry.sees_people:
            return str(OF_STUDENTS)
        return str(entry.participant or _("A student who is no longer here"))
