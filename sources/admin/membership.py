"""Who belongs to a source, and as what."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ladokflow.addresses import address_of
from ladokflow.dates import moment_in_words
from ladokflow.messages import Refused
from sources.admin.forms import MembershipForm
from sources.admin.recording import changed_fields, record_in_admin
from sources.admin.scope import ScopedAdmin
from sources.identity import invitations
from sources.models import Membership
from sources.universities.members import person_at, remove, update_admin_access
from sources.universities.permissions import GIVEN, rights_of
from sources.universities.rights import tell_later

# What somebody may do, and who they are in WISEflow and Ladok: another licence admin says so, or a superuser; nobody of themselves.
RIGHTS = ("role", "organisation_id", *GIVEN)


def _held(column: str) -> Any:
    """A column of the list: whether the member may do it, by the role or because it was given."""

    @admin.display(
        description=Membership._meta.get_field(column).verbose_name,  # type: ignore[union-attr]
        boolean=True,
        ordering=column,
    )
    def held(membership: Membership) -> bool:
        return GIVEN[column] in rights_of(membership)

    held.__name__ = column
    return held


@admin.register(Membership)
class MembershipAdmin(ScopedAdmin):
    form = MembershipForm
    list_display = ("user", "source", "role", "organisation_id", *map(_held, GIVEN), "sign_in")
    list_filter = ("role", *GIVEN)
    search_fields = ("user__username", "user__email", "user__first_name", "user__last_name", "organisation_id")
    actions = ("invite", "withdraw")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).prefetch_related("invitations", "user__identities")

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        person = "email" if obj is None else "person"
        return ("source", person, "role", "organisation_id", *GIVEN, "gets_summary", "language")

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        return ("source", "person", *RIGHTS) if self._is_own(request, obj) else ("source", "person")

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, *args, **kwargs)
        form.maker = request.user
        return form

    @admin.display(description=_("user"))
    def person(self, membership: Membership) -> str:
        """Without a link: the pages of users are for superusers."""
        return membership.user.get_username()

    @admin.display(description=_("sign-in"))
    def sign_in(self, membership: Any) -> str:
        """How far the person has come: from not invited to having signed in."""
        if membership.user.last_login:
            return str(_("Has signed in"))
        if invitations.can_sign_in(membership.user):
            return str(_("Can sign in"))
        invitation = next(iter(membership.invitations.all()), None)
        if invitation is None or invitation.withdrawn_at:
            return str(_("Not invited"))
        if not invitation.is_open:
            return str(_("The invitation has expired"))
        if invitation.could_not_be_sent:
            return str(_("The letter could not be sent"))
        until = moment_in_words(invitation.expires_at, membership.source.tz)
        return str(_("Invited, until %(until)s") % {"until": until})

    @admin.action(description=_("Send an invitation by e-mail"), permissions=["change"])
    def invite(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        """Anew, where there is one: the former link leads nowhere then."""
        self._tell(request, [self._invite(request, membership) for membership in queryset])

    @admin.action(description=_("Withdraw the invitation"), permissions=["change"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        who: dict[str, Any] = {"by": request.user, "address": address_of(request)}
        count = sum(invitations.withdraw(membership, **who) for membership in queryset)
        text = ngettext("%(count)s invitation is withdrawn.", "%(count)s invitations are withdrawn.", count)
        messages.success(request, text % {"count": count})

    def _invite(self, request: HttpRequest, membership: Membership) -> bool:
        try:
            invitations.invite(membership, by=request.user, address=address_of(request))
        except Refused as refused:
            messages.warning(request, str(refused.message))
            return False
        return True

    @staticmethod
    def _tell(request: HttpRequest, sent: list[bool]) -> None:
        if count := sum(sent):
            text = ngettext("%(count)s invitation is on its way.", "%(count)s invitations are on their way.", count)
            messages.success(request, text % {"count": count})

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        """Nobody shuts themselves out: another licence admin, or a superuser, does that."""
        return super().has_delete_permission(request, obj) and not (obj is not None and self._is_own(request, obj))

    @staticmethod
    def _is_own(request: HttpRequest, obj: Membership) -> bool:
        return obj.user_id == request.user.pk

    def save_model(self, request: HttpRequest, obj: Membership, form: MembershipForm, change: bool) -> None:
        if not change:
            obj.user_id = person_at(form.cleaned_data["email"]).pk
        super().save_model(request, obj, form, change)
        update_admin_access(obj.user_id)
        who = obj.user.get_username()
        if not change:
            if not invitations.can_sign_in(obj.user):
                self._tell(request, [self._invite(request, obj)])
            given = changed_fields(form, RIGHTS)
            tell_later(record_in_admin(request, obj.source, "admin.member_added_with", email=who, fields=given))
        elif form.changed_data:
            changed = changed_fields(form)
            entry = record_in_admin(request, obj.source, "admin.member_changed", email=who, fields=changed)
            if not set(RIGHTS).isdisjoint(form.changed_data):
                tell_later(entry)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        tell_later(record_in_admin(request, obj.source, "admin.member_removed", email=obj.user.get_username()))
        remove(obj, by=request.user, address=address_of(request))
