"""The list of exams that becomes a flow each, as a form: pasted or uploaded, and what all the flows are made with."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from sources.flows.exam_list import Row, rows_in
from sources.flows.tables import as_text
from sources.models import FlowPreset, Source
from sources.pages.settings_form import TABLE_FILES, ask_scales, chosen_scales, with_file


class ExamListForm(forms.Form):
    """`table` holds what is to be checked; `good`, which is sent along, the rows that have been found in order; `waiting` is the mark of the
    rows of an earlier list that `table` began with."""

    submission_key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    good = forms.CharField(required=False, max_length=200_000, strip=False, widget=forms.HiddenInput)
    waiting = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    table = forms.CharField(
        label=_("The list"),
        required=False,
        max_length=200_000,
        strip=False,
        help_text=_(
            "Copy the rows out of the spreadsheet, with the heading if there is one: exam code, assessor, reviewer. Several people in a cell "
            "have commas between them; each by organisation id, or by the e-mail address or name of a member."
        ),
        widget=forms.Textarea(
            attrs={
                "rows": 10,
                "spellcheck": "false",
                "autocapitalize": "none",
                "class": "mono input--table",
                "wrap": "off",
                "autofocus": True,
            }
        ),
    )
    file = forms.FileField(
        label=_("Or a file with the list"),
        required=False,
        widget=forms.FileInput(attrs={"accept": TABLE_FILES}),
        help_text=_("A workbook (.xlsx) or CSV. It takes the place of what stands in the field above."),
    )
    preset = forms.ModelChoiceField(
        label=_("Preset"),
        queryset=FlowPreset.objects.none(),
        required=False,
        empty_label=_("The usual settings"),
        help_text=_("For all the flows. Its people are on each of them, besides those of the list."),
    )

    def __init__(
        self,
        data: Any = None,
        files: Any = None,
        *,
        source: Source,
        unmatched: Sequence[str] = (),
        scales: Iterable[tuple[str, str]] = (),
        **kwargs: Any,
    ) -> None:
        """`unmatched`: Ladok's scales for which one of `scales`, pairs of id and name, has to be chosen."""
        data, self._file_error = with_file(data, files, upload="file", field="table")
        super().__init__(data, files, **kwargs)
        presets = source.presets.all()
        cast(forms.ModelChoiceField, self.fields["preset"]).queryset = presets
        self.has_presets = presets.exists()
        self.unmatched = list(unmatched)
        ask_scales(self, self.unmatched, scales)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self._file_error:
            self.add_error("file", self._file_error)
        return cleaned

    def ask_to_correct(self, count: int) -> None:
        """Have the field stand for the rows that are to be corrected."""
        table = self["table"]
        table.label, table.help_text = gettext("Rows to correct"), ""
        table.field.widget.attrs["rows"] = min(max(count + 2, 4), 12)
        del table.field.widget.attrs["autofocus"]

    @property
    def scale_fields(self) -> list[forms.BoundField]:
        return [self[f"scale-{number}"] for number in range(len(self.unmatched))]

    def scale_choices(self) -> dict[str, str]:
        return chosen_scales(self, self.unmatched)


def table_of(rows: Iterable[Row]) -> str:
    """The rows under a heading in the reader's language, to be read once more; empty without any."""
    cells = [row.cells for row in rows]
    heading = gettext("Exam code"), gettext("Assessor"), gettext("Reviewer"), gettext("Line")
    return as_text([heading, *cells]) if cells else ""


def kept_under(source: Source) -> str:
    """Where the session keeps the rows that were left to be corrected."""
    return f"exam-list-{source.slug}"


def count_kept(session: Mapping[str, Any], source: Source) -> int:
    """How many rows wait there."""
    return len(rows_in(session.get(kept_under(source), ""))[0])
