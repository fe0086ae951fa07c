"""Credentials: a secret is typed, never read. Every change is on record."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ladokflow.messages import message
from sources.admin.forms import CredentialForm
from sources.admin.recording import changed_fields, record_in_admin
from sources.admin.scope import ScopedAdmin
from sources.models import Credential


@admin.register(Credential)
class CredentialAdmin(ScopedAdmin):
    form = CredentialForm
    change_form_template = "admin/sources/credential/change_form.html"
    list_display = ("label", "source", "system", "kind", "client_id", "enabled", "is_in_use", "created_at")
    list_filter = ("system", "enabled")
    search_fields = ("label", "client_id", "source__name")
    fields = ("source", "system", "kind", "label", "client_id", "secret", "enabled")
    actions = ("enable", "disable")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Credential]:
        newest = Credential.objects.filter(source=OuterRef("source"), system=OuterRef("system"), enabled=True).order_by(
            "-created_at", "-pk"
        )
        return super().get_queryset(request).annotate(used_pk=Subquery(newest.values("pk")[:1]))

    def get_readonly_fields(self, request: HttpRequest, obj: Credential | None = None) -> tuple[str, ...]:
        return () if obj is None else ("source", "system")

    @admin.display(description=_("in use"), boolean=True)
    def is_in_use(self, credential: Any) -> bool:
        """The newest enabled one of its system is the one LadokFlow signs in with."""
        return credential.used_pk == credential.pk

    # --- Saving

    def save_model(self, request: HttpRequest, obj: Credential, form: CredentialForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            record_in_admin(request, obj.source, "admin.credential_added", credential=str(obj))
        elif form.changed_data:
            record_in_admin(
                request, obj.source, "admin.credential_changed", credential=str(obj), fields=changed_fields(form)
            )
        self._warn_if_none_enabled(request, obj)

    def delete_model(self, request: HttpRequest, obj: Credential) -> None:
        record_in_admin(request, obj.source, "admin.credential_deleted", credential=str(obj))
        super().delete_model(request, obj)
        self._warn_if_none_enabled(request, obj)

    def _warn_if_none_enabled(self, request: HttpRequest, changed: Credential) -> None:
        if not Credential.objects.filter(source=changed.source, system=changed.system, enabled=True).exists():
            messages.warning(request, str(message("admin.none_enabled", system=changed.get_system_display())))

    # --- Enabling and disabling

    @admin.action(description=_("Enable the selected credentials"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Credential]) -> None:
        count = self._switch(request, queryset, enabled=True)
        text = ngettext("%(count)s credential is enabled.", "%(count)s credentials are enabled.", count)
        messages.success(request, text % {"count": count})

    @admin.action(description=_("Disable the selected credentials"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Credential]) -> None:
        count = self._switch(request, queryset, enabled=False)
        text = ngettext("%(count)s credential is disabled.", "%(count)s credentials are disabled.", count)
        messages.success(request, text % {"count": count})

    def _switch(self, request: HttpRequest, queryset: QuerySet[Credential], *, enabled: bool) -> int:
        """How many were the other way before."""
        code = "admin.credential_enabled" if enabled else "admin.credential_disabled"
        count = 0
        if enabled:
            for credential in queryset.exclude(former_host=""):
                facts = {"system": credential.get_system_display(), "label": credential.label}
                refusal = message("sources.credential_of_another_host", former=credential.former_host, **facts)
                messages.error(request, str(refusal))
            queryset = queryset.filter(former_host="")
        for credential in queryset.select_related("source"):
            if Credential.objects.filter(pk=credential.pk, enabled=not enabled).update(enabled=enabled):
                count += 1
                record_in_admin(request, credential.source, code, credential=str(credential))
        for credential in queryset.select_related("source"):
            self._warn_if_none_enabled(request, credential)
        return count
