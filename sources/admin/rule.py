"""Rules by which flows are made by themselves."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from sources.admin.recording import changed_fields, record_in_admin
from sources.admin.scope import ScopedAdmin
from sources.models import FlowPreset, FlowRule, Membership, Source


@admin.register(FlowRule)
class FlowRuleAdmin(ScopedAdmin):
    list_display = ("name", "source", "is_on", "manager", "days_before", "looked_at")
    search_fields = ("name",)
    fieldsets = (
        (None, {"fields": ("source", "name", "is_on", "what_it_would_make")}),
        (_("Which exams"), {"fields": ("courses", "words", "first_day")}),
        (_("How flows are made"), {"fields": ("manager", "preset", "days_before", "most_at_once")}),
    )

    @admin.display(description=_("dry run"))
    def what_it_would_make(self, rule: FlowRule) -> SafeString | str:
        if rule.pk is None:
            return gettext("When the rule is saved, this tells which flows it would make.")
        address = reverse("flows:rule", args=[rule.source.slug, rule.pk])
        return format_html('<a href="{}">{}</a>', address, gettext("What it would make"))

    def get_readonly_fields(self, request: HttpRequest, obj: FlowRule | None = None) -> tuple[str, ...]:
        """A rule stays at its source: so do its exams."""
        return ("what_it_would_make",) if obj is None else ("source", "what_it_would_make")

    def get_fieldsets(self, request: HttpRequest, obj: FlowRule | None = None) -> Any:
        """The dry run is a page for the source's members, which an operator need not be."""
        is_shown = obj is None or Source.objects.visible_to(request.user).filter(pk=obj.source_id).exists()
        return [
            (title, {"fields": [name for name in part["fields"] if is_shown or name != "what_it_would_make"]})
            for title, part in super().get_fieldsets(request, obj)
        ]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        own = self.own_sources(request)
        if db_field.name == "manager":
            members = Membership.objects.filter(source__in=own).values("user_id")
            kwargs["queryset"] = get_user_model().objects.filter(pk__in=members, is_active=True).order_by("username")
        elif db_field.related_model is FlowPreset:
            kwargs["queryset"] = FlowPreset.objects.filter(source__in=own)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: FlowRule, form: ModelForm[FlowRule], change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            record_in_admin(request, obj.source, "admin.rule_added", name=obj.name)
        elif form.changed_data:
            record_in_admin(request, obj.source, "admin.rule_changed", name=obj.name, fields=changed_fields(form))

    def delete_model(self, request: HttpRequest, obj: FlowRule) -> None:
        record_in_admin(request, obj.source, "admin.rule_deleted", name=obj.name)
        super().delete_model(request, obj)
