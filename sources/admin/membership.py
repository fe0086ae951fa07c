"""Who belongs to a source, and as what."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from sources.admin.api import record_deleted_with
from sources.admin.forms import MembershipForm
from sources.admin.recording import changed_fields, record_in_admin
from sources.admin.scope import ScopedAdmin
from sources.models import Membership
from sources.universities.members import person_at, update_admin_access
from sources.universities.rights import tell_later

# What somebody may do, and who they are in WISEflow and Ladok: another licence admin says so, or a superuser.
RIGHTS = ("role", "organisation_id", "can_export")


@admin.register(Membership)
class MembershipAdmin(ScopedAdmin):
    form = MembershipForm
    list_display = ("user", "source", "role", "organisation_id", "can_export")
    list_filter = ("role", "can_export")
    search_fields = ("user__username", "user__email", "user__first_name", "user__last_name", "organisation_id")

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        person = "email" if obj is None else "person"
        return ("source", person, "role", "organisation_id", "can_export", "gets_summary", "language")

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        return ("source", "person", *RIGHTS) if self._is_own(request, obj) else ("source", "person")

    @admin.display(description=_("user"))
    def person(self, membership: Membership) -> str:
        """Without a link: the pages of users are for superusers."""
        return membership.user.get_username()

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        """Nobody shuts themselves out: another licence admin, or a superuser, does that."""
        return super().has_delete_permission(request, obj) and not (obj is not None and self._is_own(request, obj))

    @staticmethod
    def _is_own(request: HttpRequest, obj: Membership) -> bool:
        return obj.user_id == request.user.pk and not request.user.is_superuser

    def save_model(self, request: HttpRequest, obj: Membership, form: MembershipForm, change: bool) -> None:
        if not change:
            obj.user_id = person_at(form.cleaned_data["email"]).pk
        super().save_model(request, obj, form, change)
        update_admin_access(obj.user_id)
        who = obj.user.get_username()
        if not change:
            given = changed_fields(form, RIGHTS)
            tell_later(record_in_admin(request, obj.source, "admin.member_added_with", email=who, fields=given))
        elif form.changed_data:
            changed = changed_fields(form)
            entry = record_in_admin(request, obj.source, "admin.member_changed", email=who, fields=changed)
            if not set(RIGHTS).isdisjoint(form.changed_data):
                tell_later(entry)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        tell_later(record_in_admin(request, obj.source, "admin.member_removed", email=obj.user.get_username()))
        record_deleted_with(request, obj)
        super().delete_model(request, obj)
        update_admin_access(obj.user_id)
