"""What a university's own sign-in makes of people: scopes and rules for licence admins; whose sign-in is whose, for superusers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest

from ladokflow.addresses import address_of
from ladokflow.changes import kind_of
from sources.admin.base import OurAdmin
from sources.admin.recording import changed_fields, record_in_admin
from sources.admin.scope import ByTable, ScopedAdmin
from sources.identity.federated import unlink
from sources.models import FederatedIdentity, MembershipRule, SignInScope
from sources.universities.rights import tell_later

FIELDS = ("issuer", "attribute", "value", "role", "can_export")


class _AtItsSource(ScopedAdmin):
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("source",)


@admin.register(SignInScope)
class SignInScopeAdmin(_AtItsSource):
    list_display = ("scope", "source")
    search_fields = ("scope",)

    def save_model(self, request: HttpRequest, obj: SignInScope, form: ModelForm[SignInScope], change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            told = record_in_admin(
                request, obj.source, "identity.scope_added", scope=obj.scope, kind=kind_of(SignInScope)
            )
            tell_later(told)
        elif form.changed_data:
            fields = changed_fields(form)
            told = record_in_admin(
                request, obj.source, "identity.scope_changed", fields=fields, kind=kind_of(SignInScope)
            )
            tell_later(told)

    def delete_model(self, request: HttpRequest, obj: SignInScope) -> None:
        record_in_admin(request, obj.source, "identity.scope_removed", scope=obj.scope)
        super().delete_model(request, obj)


@admin.register(MembershipRule)
class MembershipRuleAdmin(_AtItsSource):
    """A rule gives rights: as when somebody gives them by hand, the other licence admins are told."""

    list_display = ("value", "attribute", "issuer", "source", "role", "can_export")
    list_filter = ("role", "can_export")
    search_fields = ("issuer", "attribute", "value")

    def save_model(
        self, request: HttpRequest, obj: MembershipRule, form: ModelForm[MembershipRule], change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        named = {"rule": str(obj), "kind": kind_of(MembershipRule)}
        if not change:
            fields = changed_fields(form, FIELDS)
            tell_later(record_in_admin(request, obj.source, "identity.rule_added", fields=fields, **named))
        elif form.changed_data:
            fields = changed_fields(form)
            tell_later(record_in_admin(request, obj.source, "identity.rule_changed", fields=fields, **named))

    def delete_model(self, request: HttpRequest, obj: MembershipRule) -> None:
        record_in_admin(request, obj.source, "identity.rule_removed", rule=str(obj))
        super().delete_model(request, obj)


@admin.register(FederatedIdentity)
class FederatedIdentityAdmin(ByTable, OurAdmin):
    """A person may have places at several universities, so it is for those who run the house. One that is wrong is deleted."""

    list_display = ("user", "principal_name", "issuer", "used_at")
    list_select_related = ("user",)
    list_filter = ("protocol",)
    search_fields = ("user__username", "principal_name", "subject", "issuer")
    fields = (
        "user",
        "protocol",
        "issuer",
        "subject",
        "principal_name",
        "local_id",
        "assurance",
        "created_at",
        "used_at",
    )

    def delete_model(self, request: HttpRequest, obj: FederatedIdentity) -> None:
        unlink(obj, by=request.user, address=address_of(request))
