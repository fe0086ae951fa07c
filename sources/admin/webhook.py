"""The webhook's page at its source, and the calls it has made, to read."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

from ladokflow.addresses import address_of
from ladokflow.fingerprints import fingerprint
from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused
from sources.admin.forms import SecretInput
from sources.admin.long_list import LongListAdmin
from sources.admin.recording import changed_fields, record_in_admin
from sources.admin.source_pages import SourcePages
from sources.models import Source, Webhook, WebhookEvent
from sources.webhooks import register

SIGNATURE = ("header", "encoding", "prefix")
# What the buttons are about: also that the secret is another, which no page shows
SHOWN = (*SIGNATURE, "secret", "wiseflow_id", "signed_with")
NEWEST = 10


class WebhookForm(forms.ModelForm):
    """How a call is signed. The secret is one's own only where WISEflow has made it."""

    secret = forms.CharField(
        label=_("secret from WISEflow"),
        required=False,
        widget=SecretInput,
        help_text=_(
            "Leave empty: LadokFlow makes the secret when it registers. Only where the webhook was made in WISEflow itself, "
            "type the secret that was given there. It is stored encrypted and never shown."
        ),
    )

    class Meta:
        model = Webhook
        fields = (*SIGNATURE, "secret")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept_secret = self.instance.secret
        self.initial.pop("secret", None)
        cast(forms.CharField, self.fields["prefix"]).strip = False  # "Signature " ends with a space

    def clean_secret(self) -> str:
        return self.cleaned_data["secret"] or self.kept_secret


class WebhookPages(SourcePages):
    """What the administration of a source has for its webhook."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.webhook_view)
        page = path("<path:object_id>/webhook/", view, name="sources_source_webhook")
        return [page, *super().get_urls()]

    def webhook_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Shows how it is; each button does one thing, is on record, and leads back here."""
        source = self.own_source(request, object_id)
        hook = Webhook.objects.filter(source=source).first() or Webhook(source=source)
        form = WebhookForm(instance=hook)
        shown = fingerprint("admin.webhook", [source.pk, *(getattr(hook, name) for name in SHOWN)])
        if request.method == "POST":
            hook = register.webhook_of(source)
            form = WebhookForm(request.POST, instance=hook) if "save" in request.POST else form
            if "save" not in request.POST or form.is_valid():
                if not self.is_stale(request, source, shown):
                    _do(request, source, hook, form)
                return HttpResponseRedirect(reverse("admin:sources_source_webhook", args=[source.pk]))
            hook = register.webhook_of(source)
        return self.page(
            request,
            source,
            "webhook",
            title=_("Webhook"),
            hook=hook,
            url=register.url_of(source),
            form=form,
            seen=request.POST.get("seen", str(shown)),
            events=source.webhook_events.defer("payload")[:NEWEST],
        )


def _do(request: HttpRequest, source: Source, hook: Webhook, form: WebhookForm) -> None:
    who: dict[str, Any] = {"source": source, "by": request.user, "address": address_of(request)}
    try:
        if "register" in request.POST:
            register.register(**who)
            messages.success(request, _("The webhook is registered in WISEflow. Test it now."))
        elif "test" in request.POST:
            register.ask_for_test(**who)
        elif "remove" in request.POST:
            register.remove(**who)
            messages.success(request, _("The webhook is removed. WISEflow no longer calls."))
        elif "adopt" in request.POST and hook.signed_with:
            _adopt(request, source, hook)
        elif "save" in request.POST:
            _save(request, source, form)
    except (Refused, RemoteError) as error:
        messages.error(request, str(error.message))


def _save(request: HttpRequest, source: Source, form: WebhookForm) -> None:
    changed = [
        name for name in form.changed_data if name != "secret" or form.cleaned_data["secret"] != form.kept_secret
    ]
    with transaction.atomic():
        # Only these columns: a call may be writing its own at the same time.
        Webhook.objects.filter(pk=form.instance.pk).update(
            **{name: form.cleaned_data[name] for name in changed}, signed_with={}
        )
        if changed:
            record_in_admin(request, source, "sources.audit.webhook_changed", fields=changed_fields(form, changed))
    messages.success(request, _("The settings are saved."))


def _adopt(request: HttpRequest, source: Source, hook: Webhook) -> None:
    """Take what was found out from a call that our own secret had signed."""
    with transaction.atomic():
        Webhook.objects.filter(pk=hook.pk).update(
            **{name: hook.signed_with[name] for name in SIGNATURE}, signed_with={}, tested_at=None
        )
        record_in_admin(request, source, "sources.audit.webhook_changed", fields=", ".join(SIGNATURE))
    messages.success(request, _("The settings are saved. Test the webhook again."))


@admin.register(WebhookEvent)
class WebhookEventAdmin(LongListAdmin):
    """Without the payload: what a call says is a hint only, and nobody knows what WISEflow will put into it."""

    list_display = ("received_at", "source", "event", "wiseflow_flow_id", "handled_at", "told")
    list_filter = ("event",)
    search_fields = ("=wiseflow_flow_id", "=call_id")
    fields = ("received_at", "source", "event", "wiseflow_flow_id", "call_id", "handled_at", "told")
    readonly_fields = ("told",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("payload")

    @admin.display(description=_("outcome"))
    def told(self, event: WebhookEvent) -> Message | None:
        return event.reason
