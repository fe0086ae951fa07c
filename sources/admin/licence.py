"""The page of a source where Ladok's grading scales and our words for people's ids meet WISEflow's: chosen from the licence's own lists."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

from ladokflow.changes import change, changes
from ladokflow.fingerprints import fingerprint
from ladokflow.identifiers import normal
from sources.admin.recording import record_in_admin
from sources.admin.source_pages import SourcePages
from sources.models import Source
from sources.universities.clients import lists_of, scales_in_use
from sources.universities.licence import DATA_TYPES, Lists, choice_of, choices

EMPTY_ROWS = 3
MOST_SCALES = 200
LONGEST_SCALE = 200
BY_NAME = _("The one with the same name")
FOUND = _("The one with a usual name")
WORDS = {
    "organisation_id": _("organisation id"),
    "national_id": _("national id"),
    "external_user_id": _("Ladok's id of the student"),
}


class LicenceForm(forms.Form):
    """A row for each of Ladok's scales, and our words for a person's ids. What is stored and is not on the licence can be kept."""

    def __init__(self, source: Source, lists: Lists, data: Any = None) -> None:
        super().__init__(data)
        self.source, self.lists = source, lists
        stored = {str(name): str(source.grading_scales[name]) for name in sorted(source.grading_scales, key=normal)}
        used = [name for name in scales_in_use(source) if normal(name) not in map(normal, stored)]
        self.rows = self._rows([*stored.items(), *((name, "") for name in used)])
        for kind in DATA_TYPES:
            now = str(source.user_data_types.get(kind, ""))
            self.fields[kind] = self._choice(now, lists.data_types, WORDS[kind], FOUND)

    def _rows(self, known: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """The names of each row's two fields."""
        rows = []
        count = max(len(known) + EMPTY_ROWS, self._posted_rows())
        for number in range(count):
            ladok, wiseflow = known[number] if number < len(known) else ("", "")
            self.fields[f"ladok_{number}"] = forms.CharField(
                label=_("Ladok's scale"), required=False, initial=ladok, max_length=LONGEST_SCALE
            )
            self.fields[f"wiseflow_{number}"] = self._choice(
                wiseflow, self.lists.scales, _("WISEflow's scale"), BY_NAME
            )
            rows.append((f"ladok_{number}", f"wiseflow_{number}"))
        return rows

    def _posted_rows(self) -> int:
        numbers = [
            int(name[6:])
            for name in self.data
            if name.startswith("ladok_") and name[6:].isascii() and name[6:].isdigit()
        ]
        return min(max(numbers, default=-1) + 1, MOST_SCALES)

    @staticmethod
    def _choice(stored: str, rows: Any, label: Any, otherwise: Any) -> forms.ChoiceField:
        now, offered = choice_of(stored, rows), choices(rows)
        if now and now not in dict(offered):
            offered = [(now, _("%(name)s (not on the licence)") % {"name": now}), *offered]
        return forms.ChoiceField(label=label, required=False, initial=now, choices=[("", otherwise), *offered])

    @property
    def bound_rows(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[ladok], self[wiseflow]) for ladok, wiseflow in self.rows]

    @property
    def type_fields(self) -> list[forms.BoundField]:
        return [self[kind] for kind in DATA_TYPES]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.lists.failure is not None:
            raise ValidationError(
                _("Nothing has been saved: WISEflow cannot be read now, so nothing can be chosen from it.")
            )
        seen: set[str] = set()
        for ladok, wiseflow in self.rows:
            name = cleaned.get(ladok, "")
            if not name and cleaned.get(wiseflow):
                self.add_error(ladok, _("Write which of Ladok's scales it is."))
            if name and normal(name) in seen:
                self.add_error(ladok, _("This scale stands in another row already."))
            seen.add(normal(name))
        return cleaned

    @property
    def grading_scales(self) -> dict[str, str]:
        """What was the same before is kept as it was written, by name or id."""
        chosen = {self.cleaned_data[ladok]: self.cleaned_data[wiseflow] for ladok, wiseflow in self.rows}
        return {
            name: self._as_stored(self.source.grading_scales.get(name), scale, self.lists.scales)
            for name, scale in chosen.items()
            if name and scale
        }

    @property
    def user_data_types(self) -> dict[str, str]:
        chosen = {kind: self.cleaned_data[kind] for kind in DATA_TYPES}
        return {
            kind: self._as_stored(self.source.user_data_types.get(kind), name, self.lists.data_types)
            for kind, name in chosen.items()
            if name
        }

    @staticmethod
    def _as_stored(stored: Any, chosen: str, rows: Any) -> Any:
        return stored if stored and choice_of(str(stored), rows) == chosen else chosen


class LicencePages(SourcePages):
    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.licence_view)
        return [path("<path:object_id>/licence/", view, name="sources_source_licence"), *super().get_urls()]

    def licence_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        source = self.own_source(request, object_id)
        form = LicenceForm(source, lists_of(source), request.POST if request.method == "POST" else None)
        shown = fingerprint("admin.licence", [source.pk, source.grading_scales, source.user_data_types])
        if form.is_valid():
            if self.is_stale(request, source, shown):
                return HttpResponseRedirect(request.path)
            _save(request, source, form)
            messages.success(request, _("The settings are saved."))
            return HttpResponseRedirect(reverse("admin:sources_source_change", args=[source.pk]))
        return self.page(
            request,
            source,
            "licence",
            title=_("Scales and ids in WISEflow"),
            form=form,
            failure=form.lists.failure,
            seen=request.POST.get("seen", str(shown)),
        )


def _save(request: HttpRequest, source: Source, form: LicenceForm) -> None:
    values = {"grading_scales": form.grading_scales, "user_data_types": form.user_data_types}
    changed = {name: value for name, value in values.items() if value != getattr(source, name)}
    if not changed:
        return
    told = changes(Source, [change(name, getattr(source, name), value) for name, value in changed.items()])
    with transaction.atomic():
        Source.objects.filter(pk=source.pk).update(**changed)
        record_in_admin(request, source, "admin.source_changed", fields=told)
