"""API tokens and OAuth clients. Each acts as a member of the source; nobody is given one unseen, and every change is on record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ladokflow.changes import NOTHING, kind_of, value_in_words
from ladokflow.messages import Message, message
from sources.admin.recording import record_in_admin
from sources.admin.secrets import SecretAdmin
from sources.models import ApiToken, Membership, OAuthClient, Scope
from sources.models.api import ApiAccess
from sources.universities.permissions import Rights, beyond, rights_in, scopes_of
from sources.universities.rights import tell_later

CODES = {
    "added": "admin.api_access_added",
    "changed": "admin.api_access_changed",
    "renewed": "admin.api_access_renewed",
    "enabled": "admin.api_access_enabled",
    "disabled": "admin.api_access_disabled",
    "deleted": "admin.api_access_deleted",
}


class AccessForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("What it may do. What its member may not do it may not either, whatever is ticked here."),
    )
    makers: Rights  # those of whoever fills it in

    def clean_expires_at(self) -> Any:
        """What has expired can be edited, and stays as it is."""
        end = self.cleaned_data["expires_at"]
        if end is not None and end <= timezone.now() and "expires_at" in self.changed_data:
            raise ValidationError(_("That is over already."))
        return end

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        membership = cleaned.get("membership") or (self.instance.membership if self.instance.pk else None)
        if membership is not None and (refusal := _refusal(self.makers, membership, cleaned.get("scopes", ()))):
            self.add_error("scopes", str(refusal))
        return cleaned


def _refusal(makers: Rights, membership: Membership, scopes: Iterable[str]) -> Message | None:
    """Nobody does by a token, in somebody else's name, what they may not do themselves."""
    missing = beyond(makers.at(membership.source_id), scopes)
    if not missing:
        return None
    return message("admin.api_access_beyond", scopes=", ".join(missing), source=membership.source.name)


class AccessAdmin(SecretAdmin):
    form = AccessForm
    source_path = "membership__source"
    list_display: tuple[str, ...] = (
        "label",
        "acts_as",
        "scopes_in_words",
        "enabled",
        "expires_at",
        "last_used_at",
        "last_used_from",
    )
    list_filter = ("enabled",)
    search_fields = ("label", "membership__user__username")
    list_select_related = ("membership__source", "membership__user", "created_by")
    readonly_after: tuple[str, ...] = ("membership", "made_by", "created_at", "last_used_at", "last_used_from")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        scopes = "scopes" if self.has_change_permission(request, obj) else "scopes_in_words"
        typed = ("membership", "label", scopes, "expires_at", "enabled")
        return typed if obj is None else (*typed, *self.readonly_after[1:])

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else (*self.readonly_after, "scopes_in_words")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.related_model is Membership:
            members = Membership.objects.filter(source__in=self.own_sources(request), user__is_active=True)
            kwargs["queryset"] = members.select_related("user", "source")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, *args, **kwargs)
        form.makers = rights_in(request)
        return form

    @admin.display(description=_("acts as"), ordering="membership__user__username")
    def acts_as(self, row: ApiAccess) -> str:
        return str(row.membership)

    @admin.display(description=_("made by"), ordering="created_by__username")
    def made_by(self, row: ApiAccess) -> str | None:
        """Without a link: the pages of users are for superusers."""
        return row.created_by.get_username() if row.created_by else None

    @admin.display(description=_("scopes"))
    def scopes_in_words(self, row: ApiAccess) -> str:
        """Those that its member may not use now stand in brackets."""
        allowed = scopes_of(row.membership)
        told = [(scope, value_in_words(scope, row._meta.get_field("scopes"))) for scope in row.scopes]
        return ", ".join(label if scope in allowed else f"({label})" for scope, label in told) or NOTHING

    def new_secret(self, row: ApiAccess) -> str:
        return row.renew_secret()

    def refusal(self, request: HttpRequest, row: ApiAccess) -> Message | None:
        return _refusal(rights_in(request), row.membership, row.scopes)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def tell(self, request: HttpRequest, row: ApiAccess, done: str, **params: Any) -> None:
        facts = {"kind": kind_of(type(row)), "access": row.label, "email": row.membership.user.get_username()}
        entry = record_in_admin(request, row.source, CODES[done], **facts, **params)
        if done in ("added", "changed", "renewed", "enabled"):  # by which somebody may come to do more
            tell_later(entry)


@admin.register(ApiToken)
class ApiTokenAdmin(AccessAdmin):
    pass


@admin.register(OAuthClient)
class OAuthClientAdmin(AccessAdmin):
    list_display = ("label", "client_id", *AccessAdmin.list_display[1:])
    readonly_after = ("membership", "client_id", *AccessAdmin.readonly_after[1:])
