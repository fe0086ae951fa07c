"""What has a secret that LadokFlow makes: it is shown once, on a page of its own, when it is made or renewed; and it is switched on and off."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from ladokflow.fields import decrypted, encrypted
from ladokflow.fingerprints import Fingerprint, NotAsShown, fingerprint, require_seen
from ladokflow.messages import Message
from sources.admin.base import changed_meanwhile, secrets_of
from sources.admin.recording import changed_fields
from sources.admin.scope import ScopedAdmin
from sources.universities.permissions import require_here

WAITING = "secret_made"  # in the session


class SecretAdmin(ScopedAdmin):
    """Subclasses say how a row gets its secret (`new_secret`), and how it is told what was done (`tell`)."""

    change_form_template = "admin/sources/secret_change_form.html"
    actions: tuple[str, ...] = ("enable", "disable")

    def new_secret(self, row: Any) -> str:
        """The secret in clear; the row holds what is stored of it, and is to be saved."""
        raise NotImplementedError

    def tell(self, request: HttpRequest, row: Any, done: str, **params: Any) -> None:
        """Write down that it was added, changed, renewed, enabled, disabled or deleted, and tell whom it concerns."""
        raise NotImplementedError

    def refusal(self, request: HttpRequest, row: Any) -> Message | None:
        """Why this person may not make it work, or have its secret; None where they may."""
        return None

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = context.get("original")
        context["refusal"] = None if row is None else self.refusal(request, row)
        return super().render_change_form(request, context, *args, **kwargs)

    # --- Saving

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            vars(request)["secret_made"] = self.new_secret(obj)
        super().save_model(request, obj, form, change)
        if not change or form.changed_data:
            self.tell(request, obj, "changed" if change else "added", fields=changed_fields(form))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.tell(request, obj, "deleted")
        super().delete_model(request, obj)

    # --- The secret, once

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.secret_view))
        return [path("<path:object_id>/secret/", view, name=self._page("secret")), *super().get_urls()]

    def response_add(self, request: HttpRequest, obj: Model, post_url_continue: str | None = None) -> HttpResponse:
        return self._show_once(request, obj, vars(request)["secret_made"])

    def secret_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Shows the one that has just been made, this once; otherwise asks whether a new one is to be made. Loaded again it makes none."""
        row: Any = self.get_object(request, object_id)
        require_here(request, row.source)
        if refusal := self.refusal(request, row):
            messages.error(request, str(refusal))
            return HttpResponseRedirect(reverse(f"admin:{self._page('change')}", args=[row.pk]))
        shown = self._shown(row)
        if request.method == "POST":
            try:
                require_seen(request.POST.get("seen"), shown)
            except NotAsShown:
                messages.error(request, str(changed_meanwhile(row).message))
                return HttpResponseRedirect(request.path)
            with transaction.atomic():
                secret = self.new_secret(row)
                row.save()
                self.tell(request, row, "renewed")
            return self._show_once(request, row, secret)
        taken = self._taken(request, row)
        title = _("Make a new secret") if taken is None else _("The secret, this once")
        context = {"opts": self.opts, "row": row, "secret": taken, "title": title, "seen": shown}
        return TemplateResponse(
            request, "admin/sources/secret.html", {**self.admin_site.each_context(request), **context}
        )

    def _shown(self, row: Any) -> Fingerprint:
        """By it a new secret is made in place of the one that there was: not of one that somebody else has just made."""
        secrets = [getattr(row, name) for name in sorted(secrets_of(self.model))]
        return fingerprint(f"admin.{self.opts.label_lower}.secret", [row.pk, *secrets])

    def _page(self, verb: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{verb}"

    def _show_once(self, request: HttpRequest, row: Model, secret: str) -> HttpResponse:
        """On a page of its own, for which it waits in the session, encrypted."""
        request.session[WAITING] = [self.opts.label_lower, row.pk, encrypted(secret)]
        return HttpResponseRedirect(reverse(f"admin:{self._page('secret')}", args=[row.pk]))

    def _taken(self, request: HttpRequest, row: Model) -> str | None:
        label, pk, encrypted = request.session.pop(WAITING, ("", None, ""))
        return decrypted(encrypted) if (label, pk) == (self.opts.label_lower, row.pk) else None

    # --- Enabling and disabling

    @admin.action(description=_("Enable the selected ones"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        count = self._switch(request, queryset, enabled=True)
        text = ngettext("%(count)s is enabled.", "%(count)s are enabled.", count)
        messages.success(request, text % {"count": count})

    # Whoever may take it away may also shut it off.
    @admin.action(description=_("Disable the selected ones"), permissions=["delete"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        count = self._switch(request, queryset, enabled=False)
        text = ngettext("%(count)s is disabled.", "%(count)s are disabled.", count)
        messages.success(request, text % {"count": count})

    def _switch(self, request: HttpRequest, queryset: QuerySet[Any], *, enabled: bool) -> int:
        """How many were the other way before."""
        count = 0
        for row in queryset:
            if enabled and (refusal := self.refusal(request, row)):
                messages.error(request, str(refusal))
            elif self.model._default_manager.filter(pk=row.pk, enabled=not enabled).update(enabled=enabled):
                count += 1
                self.tell(request, row, "enabled" if enabled else "disabled")
        return count
