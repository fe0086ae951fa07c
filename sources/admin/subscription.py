"""Outgoing webhooks, and what has become of each call."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ladokflow.changes import value_in_words
from ladokflow.messages import Message
from sources.admin.forms import ADDRESS
from sources.admin.long_list import LongListAdmin
from sources.admin.recording import record_in_admin
from sources.admin.secrets import SecretAdmin
from sources.models import Delivery, Event, Subscription
from sources.models.source import check_address
from sources.models.subscription import EVENTS, new_secret
from sources.subscriptions.announcement import put_down

CODES = {
    "added": "admin.subscription_added",
    "changed": "admin.subscription_changed",
    "renewed": "admin.subscription_renewed",
    "enabled": "admin.subscription_enabled",
    "disabled": "admin.subscription_disabled",
    "deleted": "admin.subscription_deleted",
    "tested": "admin.subscription_tested",
}


class SubscriptionForm(forms.ModelForm):
    url = forms.URLField(label=_("Address"), validators=[check_address], **ADDRESS)
    events = forms.MultipleChoiceField(
        label=_("Events"),
        choices=[(event.value, event.label) for event in EVENTS],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("What is told. Nobody is named in it: the receiver asks over the API for what it is to know."),
    )


@admin.register(Subscription)
class SubscriptionAdmin(SecretAdmin):
    form = SubscriptionForm
    list_display = ("label", "source", "url", "events_in_words", "enabled", "created_at")
    list_filter = ("enabled",)
    search_fields = ("label", "url")
    actions = ("enable", "disable", "test")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("source", "events_in_words")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        events = "events" if self.has_change_permission(request, obj) else "events_in_words"
        return ("source", "label", "url", events, "enabled")

    @admin.display(description=_("events"))
    def events_in_words(self, row: Subscription) -> str:
        return value_in_words(row.events, row._meta.get_field("events"))

    def new_secret(self, row: Subscription) -> str:
        row.secret = new_secret()
        return row.secret

    def tell(self, request: HttpRequest, row: Subscription, done: str, **params: Any) -> None:
        record_in_admin(request, row.source, CODES[done], name=row.label, **params)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The deliveries, which nobody deletes alone, go with it."""
        deleted, counts, needed, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, needed - {str(Delivery._meta.verbose_name)}, protected

    @admin.action(description=_("Send a test call to the selected ones"), permissions=["change"])
    def test(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        rows = list(queryset.filter(enabled=True).select_related("source"))
        with transaction.atomic():
            for row in rows:
                put_down(row, Event.TEST, None)
                self.tell(request, row, "tested")
        text = ngettext(
            "%(count)s test call is on its way. The list of deliveries tells what comes of it.",
            "%(count)s test calls are on their way. The list of deliveries tells what comes of them.",
            len(rows),
        )
        messages.success(request, text % {"count": len(rows)})


@admin.register(Delivery)
class DeliveryAdmin(LongListAdmin):
    source_path = "subscription__source"
    list_display = ("created_at", "subscription", "event", "flow", "tries", "is_delivered", "told")
    list_filter = ("event", "is_delivered")
    search_fields = ("subscription__label", "=flow__title")
    list_select_related = ("subscription__source", "flow")
    fields = (
        "created_at", "subscription", "event", "flow", "payload", "tries", "due_at", "ended_at", "is_delivered",
        "http_status", "told",
    )  # fmt: skip
    readonly_fields = ("told",)

    @admin.display(description=_("outcome"))
    def told(self, delivery: Delivery) -> Message | None:
        return delivery.reason
