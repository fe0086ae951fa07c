"""Credentials: a secret is typed, never read; a new one is tested before it takes over. Every change is on record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from ladokflow.addresses import address_of
from ladokflow.messages import Refused, message
from sources.admin.forms import CredentialForm
from sources.admin.recording import changed_fields, record_in_admin
from sources.admin.scope import ScopedAdmin
from sources.models import Credential, Membership
from sources.universities import credentials
from sources.universities.permissions import require_here


@admin.register(Credential)
class CredentialAdmin(ScopedAdmin):
    form = CredentialForm
    change_form_template = "admin/sources/credential/change_form.html"
    list_display = ("label", "source", "system", "state", "is_in_use", "ends", "last_used_at", "tested_at")
    list_filter = ("system", "enabled")
    search_fields = ("label", "client_id", "source__name")
    fieldsets = (
        (None, {"fields": ("source", "system", "kind", "label", "client_id", "secret", "expires_on", "owner")}),
        (_("Status"), {"fields": ("state", "last_used_at", "tested_at", "test_result")}),
    )
    actions = ("enable", "disable")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Credential]:
        rows: Any = super().get_queryset(request)
        return rows.with_used().select_related("source", "former")

    def get_readonly_fields(self, request: HttpRequest, obj: Credential | None = None) -> tuple[str, ...]:
        told = ("state", "last_used_at", "tested_at", "test_result")
        return told if obj is None else ("source", "system", *told)

    def get_fieldsets(self, request: HttpRequest, obj: Credential | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets[:1] if obj is None else fieldsets

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "owner":
            members = Membership.objects.filter(source__in=self.own_sources(request)).values("user_id")
            kwargs["queryset"] = get_user_model().objects.filter(pk__in=members, is_active=True).order_by("username")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Credential | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context["address_of_new"] = _address_of_new(obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    # --- What is shown

    @admin.display(description=_("in use"), boolean=True)
    def is_in_use(self, credential: Any) -> bool:
        """The newest enabled one of its system is the one LadokFlow signs in with."""
        return credential.used_pk == credential.pk

    @admin.display(description=_("expires"), ordering="expires_at", empty_value="–")
    def ends(self, credential: Credential) -> dt.date | None:
        return credential.expires_on

    @admin.display(description=_("state"))
    def state(self, credential: Any) -> str:
        if credential.used_pk == credential.pk:
            return gettext("In use")
        if credential.former_host:
            return gettext("Given for another host")
        if credential.enabled:
            return gettext("Enabled, but a newer one is in use")
        if credential.is_proven:
            return gettext("Off, and ready to take over")
        return gettext("Off, and not tested") if credential.tested_at is None else gettext("Off, its test did not pass")

    @admin.display(description=_("what the test told"), empty_value="–")
    def test_result(self, credential: Credential) -> str | None:
        if credential.tested_at is None:
            return None
        accepted = gettext("It was accepted.") if credential.has_passed else gettext("It was not accepted.")
        return " ".join([accepted, *map(str, credential.test_messages)])

    # --- Saving

    def save_model(self, request: HttpRequest, obj: Credential, form: CredentialForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            record_in_admin(request, obj.source, "admin.credential_added", credential=str(obj))
        elif form.changed_data:
            record_in_admin(
                request, obj.source, "admin.credential_changed", credential=str(obj), fields=changed_fields(form)
            )
        if change:
            self._warn_if_none_enabled(request, obj)
        else:
            told = gettext(
                "It is off until its test has passed. Choose “Test connection” on its page, and then switch over to it."
            )
            messages.info(request, told)

    def response_add(self, request: HttpRequest, obj: Credential, post_url_continue: str | None = None) -> HttpResponse:
        """What comes next is its test."""
        return (
            HttpResponseRedirect(_page_of(obj))
            if "_addanother" not in request.POST
            else super().response_add(request, obj)
        )

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What is in use is not deleted: something else takes over first, or it is disabled."""
        deleted, counts, needed, protected = super().get_deleted_objects(objs, request)
        used = [
            str(each)
            for each in self.get_queryset(request).filter(pk__in=[row.pk for row in objs])
            if self.is_in_use(each)
        ]
        return deleted, counts, needed, [*protected, *used]

    def delete_model(self, request: HttpRequest, obj: Credential) -> None:
        record_in_admin(request, obj.source, "admin.credential_deleted", credential=str(obj))
        super().delete_model(request, obj)
        self._warn_if_none_enabled(request, obj)

    def _warn_if_none_enabled(self, request: HttpRequest, changed: Credential) -> None:
        if not Credential.objects.filter(source=changed.source, system=changed.system, enabled=True).exists():
            messages.warning(request, str(message("admin.none_enabled", system=changed.get_system_display())))

    # --- Testing and switching over

    def get_urls(self) -> list[Any]:
        def page(name: str, view: Callable[[HttpRequest, str], HttpResponse]) -> Any:
            address = f"<path:object_id>/{name}/"
            return path(address, self.admin_site.admin_view(require_POST(view)), name=f"sources_credential_{name}")

        pages = [page("test", self.test_view), page("switch", self.switch_view), page("back", self.back_view)]
        return pages + super().get_urls()

    def _own(self, request: HttpRequest, object_id: str) -> Any:
        credential: Any = self.get_object(request, object_id)
        require_here(request, credential.source)
        return credential

    def test_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Signs in with this very credential, in use or not, and changes nothing over there."""
        credential = self._own(request, object_id)
        checks = credentials.test(credential)
        credential = self._own(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Test of the credential"),
            "opts": self.opts,
            "credential": credential,
            "checks": checks,
            "is_in_use": self.is_in_use(credential),
        }
        return TemplateResponse(request, "admin/sources/credential/tested.html", context)

    def switch_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        credential = self._own(request, object_id)
        try:
            former = self._switch(request, credential)
        except Refused as refused:
            messages.error(request, str(refused.message))
        else:
            words = {"label": credential.label, "former": former.label if former else ""}
            told = gettext("“%(label)s” is in use.") % words
            if former is not None:
                told = gettext("“%(label)s” is in use. “%(former)s” stands by: you can go back to it here.") % words
            messages.success(request, told)
        return HttpResponseRedirect(_page_of(credential))

    def back_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        credential = self._own(request, object_id)
        try:
            former = credentials.go_back(credential, actor=request.user, address=address_of(request))
        except Refused as refused:
            messages.error(request, str(refused.message))
            return HttpResponseRedirect(_page_of(credential))
        messages.success(request, gettext("“%(label)s” is in use again.") % {"label": former.label})
        return HttpResponseRedirect(_page_of(former))

    @staticmethod
    def _switch(request: HttpRequest, credential: Credential) -> Credential | None:
        return credentials.switch_to(credential, actor=request.user, address=address_of(request))

    @admin.action(description=_("Put the selected credential in use"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Credential]) -> None:
        for credential in queryset.select_related("source"):
            try:
                self._switch(request, credential)
            except Refused as refused:
                messages.error(request, str(refused.message))
            else:
                messages.success(request, gettext("“%(label)s” is in use.") % {"label": credential.label})

    @admin.action(description=_("Disable the selected credentials"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Credential]) -> None:
        rows = list(queryset.select_related("source"))
        count = 0
        for credential in rows:
            if Credential.objects.filter(pk=credential.pk, enabled=True).update(enabled=False):
                count += 1
                record_in_admin(request, credential.source, "admin.credential_disabled", credential=str(credential))
        text = ngettext("%(count)s credential is disabled.", "%(count)s credentials are disabled.", count)
        messages.success(request, text % {"count": count})
        for credential in rows:
            self._warn_if_none_enabled(request, credential)


def _page_of(credential: Credential) -> str:
    return reverse("admin:sources_credential_change", args=[credential.pk])


def _address_of_new(credential: Credential) -> str:
    """The form of one that is to take over: it begins as this one is, without its secret."""
    like = {name: getattr(credential, name) for name in ("system", "kind", "client_id")}
    begun = {"source": credential.source_id, "owner": credential.owner_id or "", **like}
    return f"{reverse('admin:sources_credential_add')}?{urlencode(begun)}"
