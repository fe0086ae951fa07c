"""What a university's own sign-in makes of people: scopes and rules for licence admins; whose sign-in is whose, for superusers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest

from ladokflow.addresses import address_of
from ladokflow.changes import kind_of
from ladokflow.messages import message
from sources.admin.base import OurAdmin
from sources.admin.recording import changed_fields, record_in_admin
from sources.admin.scope import ByTable, ScopedAdmin
from sources.identity.federated import unlink
from sources.models import FederatedIdentity, Membership, MembershipRule, SignInScope, Source
from sources.universities.permissions import Rights, rights_in, rights_of
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
        told = record_in_admin(
            request, obj.source, "identity.scope_removed", scope=obj.scope, kind=kind_of(SignInScope)
        )
        tell_later(told)
        super().delete_model(request, obj)


class MembershipRuleForm(ModelForm):
    """A rule names nobody: it may come to be its maker's own. By hand nobody raises themselves, so it gives no more than its maker has."""

    makers: Rights  # those of whoever fills it in

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        source: Source | None = cleaned.get("source") or (self.instance.source if self.instance.pk else None)
        if source is None or "role" not in cleaned:
            return cleaned
        given = Membership(role=cleaned["role"], can_export=cleaned.get("can_export", False))
        if rights_of(given) - self.makers.at(source.pk):
            self.add_error(None, str(message("identity.rule_beyond", source=source.name)))
        return cleaned


@admin.register(MembershipRule)
class MembershipRuleAdmin(_AtItsSource):
    """A rule gives rights: as when somebody gives them by hand, the other licence admins are told."""

    form = MembershipRuleForm
    list_display = ("value", "attribute", "issuer", "source", "role", "can_export")
    list_filter = ("role", "can_export")
    search_fields = ("issuer", "attribute", "value")

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, *args, **kwargs)
        form.makers = rights_in(request)
        return form

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
        named = {"rule": str(obj), "kind": kind_of(MembershipRule)}
        tell_later(record_in_admin(request, obj.source, "identity.rule_removed", **named))
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
        "assurances",
        "created_at",
        "used_at",
    )
    readonly_fields = ("assurances",)

    @admin.display(description=FederatedIdentity._meta.get_field("assurance").verbose_name)
    def assurances(self, identity: FederatedIdentity) -> str:
        return ", ".join(identity.assurance)

    def delete_model(self, request: HttpRequest, obj: FederatedIdentity) -> None:
        unlink(obj, by=request.user, address=address_of(request))
