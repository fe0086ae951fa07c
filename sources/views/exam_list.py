"""Making a flow of each exam of a list: pasting it, what there is of each row, and having the rows made that are in order.

Nothing is kept between the steps but what the page carries. Rows that were left when the others were made wait in the session, to be
corrected.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from ladokflow.fingerprints import fingerprint
from ladokflow.http import RemoteError
from ladokflow.identifiers import normal
from ladokflow.messages import Message, Refused, message
from ladokflow.requests import HtmxRequest
from sources.flows.batch import request_batch
from sources.flows.exam_list import MOST_ROWS, Checked, Row, check, each_once, read_exam_list, rows_in
from sources.flows.presets import choices_of
from sources.flows.scales import unmatched_scales
from sources.flows.staff import questions_about
from sources.models import FlowBatch, FlowPreset, Source
from sources.pages.exam_list_form import ExamListForm, kept_under, table_of
from sources.pages.settings_form import members_of, names_of
from sources.pages.staff_form import Questions
from sources.sync.staff import StaffRow, name_staff
from sources.views.wizard import source_for
from sources.views.wizard_settings import MOST_SCALES, of_licence

MOST_STRANGERS = 50  # whom a page asks about: of more it is the list that is wrong
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
        self.kept = kept_under(source)  # in the session
        self.members = members_of(source)
        self.names = names_of(source)
        self.questions = Questions(request.POST)

    def answer(self) -> HttpResponse:
        if self.request.method != "POST":
            waiting = self.request.session.get(self.kept, "")
            return self._paste(ExamListForm(source=self.source, initial={"table": waiting, "waiting": _mark(waiting)}))
        step = self.request.POST.get("step", "")
        form = self._bound(self.request.POST.getlist("unmatched")[:MOST_SCALES] if step == "make" else [])
        good, written = str(form.data.get("good", "")), str(form.data.get("table", ""))
        if not form.is_valid() and not good.strip():
            return self._paste(form)
        try:
            if not {"good", "submission_key"}.isdisjoint(form.errors):  # of no page of ours
                return self._paste(self._unbound(form, table=_below(good, written)))
            rows = [replace(row, was_good=True) for row in rows_in(good)[0]]
            if step == "edit":
                return self._paste(self._unbound(form, table=_below(table_of(rows), written)))
            corrected, unread = rows_in(written) if rows else read_exam_list(written)
            if step == "make" and rows:
                return self._make(form, rows, corrected)
            if not form.is_valid():
                return self._show_again(form, rows, corrected)
            return self._show(form, each_once([*rows, *corrected]), unread=unread)
        except (RemoteError, Refused) as error:
            return self._paste(self._unbound(form, table=_below(good, written)), error.message)

    def _bound(self, unmatched: Sequence[str]) -> ExamListForm:
        scales = of_licence(self.source)[1] if unmatched else []
        post, files = self.request.POST, self.request.FILES
        return ExamListForm(post, files, source=self.source, unmatched=unmatched, scales=scales)

    def _unbound(self, form: ExamListForm, unmatched: Sequence[str] = (), **filled: str) -> ExamListForm:
        scales = of_licence(self.source)[1] if unmatched else []
        sent = {name: form.cleaned_data.get(name) for name in ("preset", "submission_key", "waiting")}
        kept = {name: value for name, value in sent.items() if value}
        return ExamListForm(source=self.source, unmatched=unmatched, scales=scales, initial=kept | filled)

    def _paste(self, form: ExamListForm, failure: Message | None = None) -> HttpResponse:
        context = {"source": self.source, "form": form, "failure": failure, "most": MOST_ROWS}
        return render(self.request, "sources/exam_list.html", context)

    # --- Checked ----------------------------------------------------------------------------------------------------

    def _check(self, rows: Sequence[Row], *, asks_ladok: bool) -> list[Checked]:
        maker = self.source.memberships.get(user_id=self.request.user.pk).organisation_id
        facts: dict[str, Any] = {"members": self.members, "names": self.names, "maker": maker}
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
        lines = [(row, [who for who in _who(row) if normal(who) in asked], *self._people(row)) for row in good]
        waiting = sum(bool(line[1]) for line in lines)
        context = {
            "source": self.source,
            "form": form,
            "questions": self.questions,
            "failure": failure,
            "unread": unread,
            "wrong": wrong,
            "good": lines,
            "waiting": waiting,
            "in_order": len(good) - waiting,
            "count": len(good) + len(wrong),
        }
        return render(self.request, "sources/exam_list_check.html", context)

    def _people(self, row: Checked) -> Iterator[list[str]]:
        """Its assessors, and its reviewers: who is meant, beside what was written."""
        names = {normal(email): name for email, name in self.names.items()}
        for written, role in ((row.row.assessors, "assessor"), (row.row.reviewers, "reviewer")):
            meant = [person for person in row.staff if person["role"] == role]
            yield [_told(*pair, names) for pair in zip(written, meant, strict=True)] if row.is_good else list(written)

    def _staff(self, preset: FlowPreset | None, good: Sequence[Checked]) -> tuple[Staffs, bool]:
        """Who works with all the flows, and with each, as was answered; and whether nothing is left to ask."""
        common = name_staff(self.source, self.request.user, choices_of(preset).get("staff", ()))
        staffs = self.questions.done_to_each([common, *(row.staff for row in good)], self.members)
        everybody: list[StaffRow] = [person for staff in staffs for person in staff]
        questions = questions_about(self.source, name_staff(self.source, self.request.user, everybody))
        if len(questions) > MOST_STRANGERS:
            people = ", ".join(one.organisation_id for one in questions[:3])
            raise Refused(message("sources.exam_list.strangers", count=len(questions), people=people))
        self.questions.ask(questions)
        return staffs, not questions

    # --- Made -------------------------------------------------------------------------------------------------------

    def _make(self, form: ExamListForm, rows: Sequence[Row], left: Sequence[Row]) -> HttpResponse:
        """A flow of each of these rows, which the page has shown as good; `left` are the others."""
        what = [str(self.request.user.pk), str(form.data.get("preset", "")), str(form.data["good"])]
        key = uuid.uuid5(form.cleaned_data["submission_key"], "\n".join(what))
        if (
            FlowBatch.objects.visible_to(self.request.user).filter(pk=key).exists()
        ):  # a second click, or after looking back
            return redirect("flows:batch", key)
        good = self._check(rows, asks_ladok=False)
        if not all(row.is_good for row in good):  # somebody else was faster
            return self._show(form, each_once([*rows, *left]))
        if not all([form.is_valid(), self.questions.is_valid()]):
            return self._show_again(form, rows, left)
        preset = form.cleaned_data["preset"]
        (common, *staffs), is_answered = self._staff(preset, good)
        if not is_answered:
            return self._show_again(form, rows, left)
        batch = request_batch(
            source=self.source,
            codes=[row.code for row in good],
            requested_by=self.request.user,
            submission_key=key,
            staff_of={row.code: staff for row, staff in zip(good, staffs, strict=True)},
            **choices_of(preset) | {"staff": common, "scale_choices": form.scale_choices()},
        )
        self._keep(form, left)
        return redirect("flows:batch", batch.pk)

    def _keep(self, form: ExamListForm, left: Sequence[Row]) -> None:
        """For its correction: instead of what waited when the list was begun, and below what has been left since in another tab."""
        session, table = self.request.session, table_of(left)
        waiting = session.get(self.kept, "")
        if waiting and _mark(waiting) != form.cleaned_data["waiting"]:
            table = _below(waiting, table)
        if not table:
            session.pop(self.kept, None)
            return
        session[self.kept] = table
        if not left:
            return
        text = ngettext(
            "%(count)s row was not taken in, and waits to be corrected.",
            "%(count)s rows were not taken in, and wait to be corrected.",
            len(left),
        )
        link = format_html('<a href="{}">{}</a>', reverse("flows:from_table", args=[self.source.slug]), _("Correct"))
        messages.info(self.request, format_html("<span>{} {}</span>", text % {"count": len(left)}, link))


def _mark(waiting: str) -> str:
    """Of rows that wait: which of them the form began with."""
    return fingerprint("sources.exam_list.waiting", waiting).whole if waiting else ""


def _told(written: str, person: StaffRow, names: Mapping[str, str]) -> str:
    who = str(person["organisation_id"])
    if normal(who) == normal(written):
        return written
    return f"{names.get(normal(person.get('email', ''))) or written} ({who})"


def _below(good: str, written: str) -> str:
    """The one list below the other: with one heading, where both have ours."""
    heading, _, rest = written.partition("\n")
    return good + (rest if good and heading.strip() == good.partition("\n")[0].strip() else written)


def _who(row: Checked) -> list[str]:
    return [str(person.get("organisation_id", "")) for person in row.staff]
