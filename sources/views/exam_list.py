"""Making a flow of each exam of a list: pasting it, what there is of each row, and having the rows made that are in order.

Nothing is kept between the steps but what the page carries. Rows that were left when the others were made wait in the session, to be
corrected.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from ladokflow.http import RemoteError
from ladokflow.identifiers import normal
from ladokflow.messages import Message, Refused, message
from ladokflow.requests import HtmxRequest
from sources.flows.batch import request_batch
from sources.flows.exam_list import MOST_ROWS, Checked, Row, check, read_exam_list
from sources.flows.presets import choices_of
from sources.flows.scales import unmatched_scales
from sources.flows.staff import questions_about
from sources.models import FlowBatch, FlowPreset, Source
from sources.pages.exam_list_form import ExamListForm, table_of
from sources.pages.settings_form import members_of, names_of
from sources.pages.staff_form import Questions
from sources.sync.staff import StaffRow, name_staff
from sources.views.wizard import source_for
from sources.views.wizard_settings import MOST_SCALES, of_licence

Staffs = list[list[dict[str, Any]]]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def exam_list(request: HtmxRequest, slug: str) -> HttpResponse:
    """The form; what there is of each row, with the button that makes those in order."""
    return ExamListPage(request, source_for(request, slug)).answer()


class ExamListPage:
    def __init__(self, request: HtmxRequest, source: Source) -> None:
        self.request = request
        self.source = source
        self.kept = f"exam-list-{source.slug}"  # in the session
        self.members = members_of(source)
        self.questions = Questions(request.POST)

    def answer(self) -> HttpResponse:
        request = self.request
        if request.method != "POST":
            return self._paste(ExamListForm(source=self.source, initial={"table": request.session.get(self.kept, "")}))
        step = request.POST.get("step", "")
        unmatched = request.POST.getlist("unmatched")[:MOST_SCALES] if step == "make" else []
        form = self._bound(unmatched)
        if not form.is_valid() and not unmatched:
            return self._paste(form)
        good, written = form.cleaned_data.get("good", ""), form.cleaned_data.get("table", "")
        try:
            if step == "make":
                return self._make(form, read_exam_list(good)[0], left=written)
            rows = read_exam_list(good)[0] if good.strip() else []
            if step == "edit":
                return self._paste(self._unbound(form, table=_below(table_of(rows), written)))
            corrected, unread = read_exam_list(written) if written.strip() or not rows else ([], [])
            if len(rows) + len(corrected) > MOST_ROWS:
                raise Refused(message("sources.exam_list.too_many", most=MOST_ROWS))
            return self._show(form, [*rows, *corrected], unread=unread)
        except (RemoteError, Refused) as error:
            return self._paste(self._unbound(form, table=_below(good, written)), error.message)

    def _bound(self, unmatched: Sequence[str]) -> ExamListForm:
        scales = of_licence(self.source)[1] if unmatched else []
        post, files = self.request.POST, self.request.FILES
        return ExamListForm(post, files, source=self.source, unmatched=unmatched, scales=scales)

    def _unbound(self, form: ExamListForm, unmatched: Sequence[str] = (), **filled: str) -> ExamListForm:
        scales = of_licence(self.source)[1] if unmatched else []
        kept = {name: form.cleaned_data.get(name) for name in ("preset", "submission_key")}
        return ExamListForm(source=self.source, unmatched=unmatched, scales=scales, initial=kept | filled)

    def _paste(self, form: ExamListForm, failure: Message | None = None) -> HttpResponse:
        context = {"source": self.source, "form": form, "failure": failure, "most": MOST_ROWS}
        return render(self.request, "sources/exam_list.html", context)

    # --- Checked ----------------------------------------------------------------------------------------------------

    def _check(self, rows: Sequence[Row], *, asks_ladok: bool) -> list[Checked]:
        maker = self.source.memberships.get(user_id=self.request.user.pk).organisation_id
        facts: dict[str, Any] = {"members": self.members, "names": names_of(self.source), "maker": maker}
        return check(self.source, rows, asks_ladok=asks_ladok, **facts)

    def _show(self, form: ExamListForm, rows: Sequence[Row], *, unread: Sequence[str] = ()) -> HttpResponse:
        """What there is of each row, and what is to be said before those in order can be made."""
        checked = self._check(rows, asks_ladok=True)
        good = [row for row in checked if row.is_good]
        wrong = [row for row in checked if not row.is_good]
        unmatched = unmatched_scales(self.source, [row.exam for row in good if row.exam is not None])
        tables = {
            "good": table_of(replace(row.row, code=row.code) for row in good),  # as Ladok spells it
            "table": table_of(row.row for row in wrong),
        }
        failure = None
        try:
            if good and self.questions.is_valid():
                self._staff(form.cleaned_data.get("preset"), good)
        except (RemoteError, Refused) as error:
            failure = error.message
        return self._page(self._unbound(form, unmatched, **tables), good, wrong, failure=failure, unread=unread)

    def _show_again(self, form: ExamListForm, rows: Sequence[Row], left: Sequence[Row]) -> HttpResponse:
        """The same, as it was sent to make the rows: something is wrong with it, or not answered. `left` are the other rows."""
        checked = self._check([*rows, *left], asks_ladok=True)
        return self._page(form, checked[: len(rows)], checked[len(rows) :])

    def _page(
        self,
        form: ExamListForm,
        good: Sequence[Checked],
        wrong: Sequence[Checked],
        *,
        failure: Message | None = None,
        unread: Sequence[str] = (),
    ) -> HttpResponse:
        form.ask_to_correct(len(wrong))
        asked = {normal(each.who) for each in self.questions.forms}
        context = {
            "source": self.source,
            "form": form,
            "questions": self.questions,
            "failure": failure,
            "unread": unread,
            "wrong": wrong,
            "good": [(row, [who for who in _who(row) if normal(who) in asked]) for row in good],
            "count": len(good) + len(wrong),
        }
        return render(self.request, "sources/exam_list_check.html", context)

    def _staff(self, preset: FlowPreset | None, good: Sequence[Checked]) -> tuple[Staffs, bool]:
        """Who works with all the flows, and with each, as was answered; and whether nothing is left to ask."""
        common = name_staff(self.source, self.request.user, choices_of(preset).get("staff", ()))
        staffs = self.questions.done_to_each([common, *(row.staff for row in good)], self.members)
        everybody: list[StaffRow] = [person for staff in staffs for person in staff]
        questions = questions_about(self.source, name_staff(self.source, self.request.user, everybody))
        self.questions.ask(questions)
        return staffs, not questions

    # --- Made -------------------------------------------------------------------------------------------------------

    def _make(self, form: ExamListForm, rows: Sequence[Row], *, left: str) -> HttpResponse:
        """A flow of each of these rows, which the page has shown as good; `left` are the others."""
        key = uuid.uuid5(form.cleaned_data.get("submission_key") or uuid.uuid4(), form.cleaned_data.get("good", ""))
        if FlowBatch.objects.visible_to(self.request.user).filter(pk=key).exists():
            return redirect("flows:batch", key)  # sent a second time
        others = read_exam_list(left)[0] if left.strip() else []
        good = self._check(rows, asks_ladok=False)
        if not all(row.is_good for row in good):  # somebody else was faster
            return self._show(form, [*rows, *others])
        if not all([form.is_valid(), self.questions.is_valid()]):
            return self._show_again(form, rows, others)
        preset = form.cleaned_data["preset"]
        (common, *staffs), is_answered = self._staff(preset, good)
        if not is_answered:
            return self._show_again(form, rows, others)
        batch = request_batch(
            source=self.source,
            codes=[row.code for row in good],
            requested_by=self.request.user,
            submission_key=key,
            staff_of={row.code: staff for row, staff in zip(good, staffs, strict=True)},
            **choices_of(preset) | {"staff": common, "scale_choices": form.scale_choices()},
        )
        self._keep(left, len(others))
        return redirect("flows:batch", batch.pk)

    def _keep(self, left: str, count: int) -> None:
        if not count:
            self.request.session.pop(self.kept, None)
            return
        self.request.session[self.kept] = left
        text = ngettext(
            "%(count)s row was left out. It waits for its correction under New flow, Paste a list.",
            "%(count)s rows were left out. They wait for their correction under New flow, Paste a list.",
            count,
        )
        messages.info(self.request, text % {"count": count})


def _below(good: str, written: str) -> str:
    """The one list below the other: with one heading, where both have ours."""
    heading, _, rest = written.partition("\n")
    return good + (rest if good and heading.strip() == good.partition("\n")[0].strip() else written)


def _who(row: Checked) -> list[str]:
    return [str(person.get("organisation_id", "")) for person in row.staff]
