"""Flow presets: named settings for new flows, which the wizard offers to the source's managers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from sources.admin.recording import changed_fields, record_in_admin
from sources.admin.scope import ScopedAdmin
from sources.models import FlowPreset, Source
from sources.pages.settings_form import PeopleField, SettingsForm, people_by_field, staff_of


class FlowPresetForm(forms.ModelForm):
    assessors = PeopleField(label=_("Assessors"))
    reviewers = PeopleField(label=_("Reviewers"))
    managers = PeopleField(
        label=_("More managers"),
        help_text=_("Whoever makes the flow is a manager of it as well. One person per line, as above."),
    )
    invigilators = PeopleField(label=_("Invigilators"))
    authors = PeopleField(label=_("Authors"))

    class Meta:
        model = FlowPreset
        fields = ("source", "name", *SettingsForm.PRESET)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial.update(people_by_field(self.instance.staff, SettingsForm.STAFF))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        source = cleaned.get("source") or (self.instance.source if self.instance.pk else None)
        if source is not None and all(name in cleaned for name in SettingsForm.STAFF):
            emails = source.memberships.values_list("user__email", flat=True)
            self.instance.staff = staff_of(cleaned, emails, SettingsForm.STAFF)
        return cleaned


@admin.register(FlowPreset)
class FlowPresetAdmin(ScopedAdmin):
    form = FlowPresetForm
    list_display = ("name", "source", "flow_type", "assessor_allocation", "grade_decided_by", "activates")
    search_fields = ("name",)
    fieldsets = (
        (None, {"fields": ("source", "name", "flow_type", "template_flow_id", "activates")}),
        (_("People"), {"fields": (*SettingsForm.STAFF, "assessor_allocation")}),
        (_("Grades to Ladok"), {"fields": ("grade_decided_by", "exports_when_marking_ends", "instant_export")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: FlowPreset | None = None) -> tuple[str, ...]:
        """A preset stays at its source: its people are that source's."""
        return () if obj is None else ("source",)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial = super().get_changeform_initial_data(request)
        own = list(Source.objects.administered_by(request.user)[:2])
        return {"source": own[0].pk, **initial} if len(own) == 1 else initial

    def save_model(self, request: HttpRequest, obj: FlowPreset, form: FlowPresetForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            record_in_admin(request, obj.source, "admin.preset_added", name=obj.name)
        elif form.changed_data:
            record_in_admin(request, obj.source, "admin.preset_changed", name=obj.name, fields=changed_fields(form))

    def delete_model(self, request: HttpRequest, obj: FlowPreset) -> None:
        record_in_admin(request, obj.source, "admin.preset_deleted", name=obj.name)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[FlowPreset]) -> None:
        for preset in queryset:
            self.delete_model(request, preset)
