"""The questions about those who are to work with a flow and whom WISEflow does not know, in whatever form they were named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ladokflow.wiseflow.words import Role
from sources.flows.staff import OF_FLOW, Answer, Answered, Question, answered, answered_each
from sources.pages.settings_form import LONGEST_IDENTIFIER
from sources.sync.staff import StaffRow

MOST_QUESTIONS = 200
ROLES = {role.value: role.label for role in Role}


class QuestionForm(forms.Form):
    """One of them: what is to be done."""

    organisation_id = forms.CharField(widget=forms.HiddenInput, max_length=LONGEST_IDENTIFIER)
    roles = forms.CharField(widget=forms.HiddenInput)
    answer = forms.ChoiceField(
        widget=forms.RadioSelect,
        error_messages={"required": _("Say what is to be done about this person.")},
    )
    correction = forms.CharField(
        required=False,
        max_length=LONGEST_IDENTIFIER,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "none"}),
        help_text=_("Or the e-mail address of a member. Only if you correct it."),
    )

    def __init__(self, *args: Any, answers: Sequence[Answer], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hear_what_is_written()
        cast(forms.ChoiceField, self.fields["answer"]).choices = [(one.value, one.label) for one in answers]
        roles = ", ".join(str(ROLES[role]) for role in self.role_names if role in ROLES)
        self.fields["answer"].label = f"{self.who} ({roles})"
        self.fields["correction"].label = gettext("Right organisation id instead of %(who)s") % {"who": self.who}

    def _hear_what_is_written(self) -> None:
        """A right id that is written, and no answer chosen, says that it is to be corrected."""
        answer, correction = self.add_prefix("answer"), self.add_prefix("correction")
        if self.is_bound and not self.data.get(answer) and str(self.data.get(correction, "")).strip():
            self.data = dict(self.data.items()) | {answer: Answer.CORRECT.value}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        correction = cleaned.get("correction", "")
        if cleaned.get("answer") == Answer.CORRECT and (not correction or any(map(str.isspace, correction))):
            self.add_error("correction", ValidationError(_("Write the right organisation id, or an e-mail address.")))
        return cleaned

    @property
    def who(self) -> str:
        return str(self["organisation_id"].value() or "")

    @property
    def role_names(self) -> tuple[str, ...]:
        return tuple(str(self["roles"].value() or "").split())

    def answered(self) -> Answered:
        chosen = self.cleaned_data
        return Answered(self.who, self.role_names, chosen["answer"], chosen["correction"])


class Questions:
    """All of them, and the answers there are. Those that have been answered are sent along until nothing is left to ask."""

    def __init__(self, data: Any = None, answers: Sequence[Answer] = OF_FLOW) -> None:
        self.of = answers
        sent = str(data.get("questions", "")) if data is not None else ""
        count = min(int(sent), MOST_QUESTIONS) if sent.isdecimal() and len(sent) < 9 else 0
        self.count = count  # of the numbers that are used
        prefixes = [f"person-{number}" for number in range(count)]
        self.forms = [
            QuestionForm(data, prefix=one, answers=answers) for one in prefixes if f"{one}-organisation_id" in data
        ]

    def __bool__(self) -> bool:
        return bool(self.forms)

    def is_valid(self) -> bool:
        return all([form.is_valid() for form in self.forms])  # noqa: C419 - each tells its own faults

    def answers(self) -> list[Answered]:
        return [form.answered() for form in self.forms]

    def done_to(self, staff: Sequence[StaffRow], members: Mapping[str, str]) -> list[dict[str, Any]]:
        """The staff with what was answered done to it; what was about nobody any more is forgotten."""
        rows, used = answered(staff, self.answers(), members)
        self.forms = [form for form in self.forms if form.answered() in used]
        return rows

    def done_to_each(
        self, groups: Sequence[Sequence[StaffRow]], members: Mapping[str, str]
    ) -> list[list[dict[str, Any]]]:
        """As `done_to`, for the staff of several flows."""
        done, used = answered_each(groups, self.answers(), members)
        self.forms = [form for form in self.forms if form.answered() in used]
        return done

    def ask(self, questions: Iterable[Question]) -> None:
        """What is still open: a new question, or what is wrong with the answer it has had."""
        for question in questions:
            asked = next((form for form in self.forms if _is_of(form, question)), None)
            if asked is not None:
                asked.add_error("answer", _why_not(question))
                continue
            is_possible = [one for one in self.of if one != Answer.CREATE or not question.is_ambiguous]
            form = QuestionForm(
                prefix=f"person-{self.count}",
                initial={"organisation_id": question.organisation_id, "roles": " ".join(question.roles)},
                answers=is_possible,
            )
            self.forms.append(form)
            self.count += 1


def _is_of(form: QuestionForm, question: Question) -> bool:
    return (form.who, form.role_names) == (question.organisation_id, question.roles)


def _why_not(question: Question) -> str:
    if question.is_ambiguous:
        return gettext("More than one user in WISEflow has this organisation id. Correct it, or leave the person out.")
    return gettext("WISEflow still has no such user. Whoever makes the flow is a manager of it: have an account made.")
