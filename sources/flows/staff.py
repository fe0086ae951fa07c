"""Those who work with a flow and whom WISEflow does not know: a manager is asked about each of them, and says what is to be done.

Nobody becomes a user in WISEflow of whom that was not confirmed, by organisation id and role.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ladokflow.http import RemoteError
from ladokflow.identifiers import normal
from ladokflow.ladok.base import Exam
from ladokflow.messages import Message, Refused, message
from sources import audit
from sources.flows.places import ids_of
from sources.flows.request import save_list
from sources.models import Flow, Source, StaffAccount, SyncRun
from sources.sync.lease import alone_with
from sources.sync.run import request_sync
from sources.sync.staff import StaffRow, find_staff, name_staff, staff_of
from sources.universities.clients import wiseflow_for
from sources.universities.licence import Licence

logger = logging.getLogger(__name__)


class Answer(models.TextChoices):
    CORRECT = "correct", _("Correct the organisation id")
    LEAVE_OUT = "leave_out", _("Leave the person out")
    CREATE = "create", _("Have an account made in WISEflow")
    LATER = "later", _("Keep the person: it is asked again when a flow is made")


# Of a flow, and of a preset: which makes nothing in WISEflow
OF_FLOW = (Answer.CORRECT, Answer.LEAVE_OUT, Answer.CREATE)
OF_PRESET = (Answer.CORRECT, Answer.LEAVE_OUT, Answer.LATER)
MARK = {Answer.CREATE: "is_new", Answer.LATER: "is_awaited"}


@dataclass(frozen=True)
class Question:
    """Somebody whom WISEflow does not know. `roles` are all the person's on the flow."""

    organisation_id: str
    name: str
    roles: tuple[str, ...]
    is_ambiguous: bool = False


@dataclass(frozen=True)
class Answered:
    """What a manager said of a question. It is of that person in these roles, and of nobody else."""

    organisation_id: str
    roles: tuple[str, ...]
    answer: str
    correction: str = ""  # an organisation id, or a member's e-mail address

    def is_about(self, staff: Iterable[StaffRow]) -> bool:
        return bool(self.roles) and self.roles == roles_of(staff, self.organisation_id)


def roles_of(staff: Iterable[StaffRow], organisation_id: str) -> tuple[str, ...]:
    return tuple(
        sorted(row["role"] for row in staff if normal(row.get("organisation_id", "")) == normal(organisation_id))
    )


def questions_about(source: Source, staff: Sequence[StaffRow]) -> list[Question]:
    """Who of `staff` (named, as `Flow.staff`) WISEflow does not know, and of whom nobody has said that they become users.

    RemoteError where WISEflow cannot be asked.
    """
    if not staff:
        return []
    with wiseflow_for(source) as client:
        found = find_staff(Licence(client, source), staff)
    questions = {
        person.key: Question(
            person.organisation_id, person.name, roles_of(staff, person.organisation_id), person.is_ambiguous
        )
        for person in found
        if person.is_unknown
    }
    return list(questions.values())


def students_among(staff: Iterable[StaffRow], exams: Iterable[Exam], *, maker: str) -> list[Message]:
    """Those of `staff` (named) who are students of the exams, each once; `maker` (an organisation id) has been told already."""
    codes_of: dict[str, list[str]] = {}
    for exam in exams:
        for who in ids_of(exam):
            codes_of.setdefault(who, []).append(exam.code)
    told: dict[str, Message] = {}
    for person in staff:
        key = normal(person["organisation_id"])
        if key in codes_of and key != normal(maker):
            told.setdefault(key, message("sources.named_is_student", who=_who(person), codes=", ".join(codes_of[key])))
    return list(told.values())


def _who(person: StaffRow) -> str:
    name = f"{person.get('first_name', '')} {person.get('last_name', '')}".strip()
    return f"{name} ({person['organisation_id']})" if name else str(person["organisation_id"])


def answered(
    staff: Sequence[StaffRow], answers: Iterable[Answered], members: Mapping[str, str]
) -> tuple[list[dict[str, Any]], list[Answered]]:
    """The staff with what was said done to it, and those answers that were about somebody of it.

    `members`: e-mail address (in its normal form) to organisation id. One answer may lead to the next: whom somebody was
    corrected to.
    """
    rows = [dict(row) for row in staff]
    used: list[Answered] = []
    for one in answers:
        if not one.is_about(rows):
            continue
        used.append(one)
        is_meant = [normal(row.get("organisation_id", "")) == normal(one.organisation_id) for row in rows]
        if one.answer == Answer.LEAVE_OUT:
            rows = [row for row, is_it in zip(rows, is_meant, strict=True) if not is_it]
        elif one.answer == Answer.CORRECT:
            other = _named(one.correction, members)
            rows = [{"role": row["role"], **other} if is_it else row for row, is_it in zip(rows, is_meant, strict=True)]
        else:
            mark = MARK[Answer(one.answer)]
            rows = [row | {mark: True} if is_it else row for row, is_it in zip(rows, is_meant, strict=True)]
    return rows, used


def answered_each(
    groups: Sequence[Sequence[StaffRow]], answers: Iterable[Answered], members: Mapping[str, str]
) -> tuple[list[list[dict[str, Any]]], list[Answered]]:
    """As `answered`, for the staff of several flows: an answer is about somebody in all the roles that she has on any of them."""
    done = [[dict(row) for row in group] for group in groups]
    used: list[Answered] = []
    for one in answers:
        everybody = {(row["role"], normal(row.get("organisation_id", ""))): row for group in done for row in group}
        if not one.is_about(everybody.values()):
            continue
        used.append(one)
        for n, group in enumerate(done):
            here = replace(one, roles=roles_of(group, one.organisation_id))
            done[n], _used = answered(group, [here], members)
    return done, used


def answered_pairs(
    pairs: Iterable[Sequence[str]], answers: Iterable[Answered], members: Mapping[str, str]
) -> list[tuple[str, str]]:
    """The pairs of a list of who assesses whom, with the assessors as they were corrected, without those who are left out."""
    rows = [(participant, assessor) for participant, assessor in pairs]
    for one in answers:
        if one.answer == Answer.CORRECT:
            other = _named(one.correction, members)["organisation_id"]
            rows = [(who, other if normal(by) == normal(one.organisation_id) else by) for who, by in rows]
        elif one.answer == Answer.LEAVE_OUT:
            rows = [(who, by) for who, by in rows if normal(by) != normal(one.organisation_id)]
    return rows


def _named(correction: str, members: Mapping[str, str]) -> dict[str, str]:
    member = members.get(normal(correction))
    return {"email": correction, "organisation_id": member} if member else {"organisation_id": correction}


def staff_with(source: Source, requested_by: AbstractBaseUser, new_users: Iterable[str]) -> list[dict[str, Any]]:
    """Who works with a flow of that manager's, with those (organisation ids) who may become users in WISEflow.

    Refused where WISEflow does not know somebody else of them, and where one of `new_users` is none of them. A WISEflow that
    cannot be asked is no reason: the creation asks again before it makes anything.
    """
    new = {normal(one): one for one in new_users}
    staff = name_staff(source, requested_by, ())
    strangers = [one for key, one in new.items() if not roles_of(staff, key)]
    if strangers:
        raise Refused(message("sources.new_user_is_nobody", people=", ".join(strangers)))
    staff = [row | {"is_new": True} if normal(row["organisation_id"]) in new else row for row in staff]
    try:
        questions = questions_about(source, staff)
    except RemoteError:
        return staff
    if questions:
        people = ", ".join(f"{one.name} ({one.organisation_id})" for one in questions)
        raise Refused(message("sources.staff_not_found_here", people=people))
    return staff


# --- On a flow that is there ------------------------------------------------------------------------------------------


def answer_for_flow(
    *,
    flow: Flow,
    answers: Sequence[Answered],
    members: Mapping[str, str],
    by: AbstractBaseUser,
    address: str | None = None,
    enqueue: bool = True,
) -> SyncRun:
    """Do what was said, and ask for the synchronisation that puts the people on the flow.

    Refused where one of the answers is about nobody any more, and while a worker works on the flow.
    """
    if flow.is_marking_over:
        raise Refused(message("sources.marking_over"))
    with alone_with(flow.pk) as fresh:
        rows, used = answered(staff_of(fresh), answers, members)
        if len(used) < len(answers) or not answers:
            raise Refused(message("sources.staff_answered_already"))
        pairs = list(fresh.allocation_lines.values_list("organisation_id", "assessor"))
        changed = answered_pairs(pairs, answers, members)
        if changed != pairs:
            save_list(fresh, changed)
        created = [one.organisation_id for one in answers if one.answer == Answer.CREATE]
        # An account that was made before and is gone may be made once more.
        fresh.staff_accounts.filter(organisation_id__in=created).delete()
        fresh.staff = _each_once(rows, fresh.source)
        fresh.save(update_fields=["staff"])
        people = ", ".join(one.organisation_id for one in answers)
        entry = message("sources.audit.staff_answered", count=len(answers), people=people)
        audit.record(message=entry, source=fresh.source, flow=fresh, actor=by, address=address)
        run = request_sync(flow=fresh, trigger=SyncRun.Trigger.MANAGER, requested_by=by, enqueue=enqueue)
    logger.info("flow.staff.answered flow=%s answers=%s", flow.pk, len(answers))
    return run


def _each_once(rows: Iterable[dict[str, Any]], source: Source) -> list[dict[str, Any]]:
    """Each person once per role; a member by the name that the membership has."""
    once: dict[tuple[str, str], dict[str, Any]] = {}
    users = {normal(row.user.email): row.user for row in source.memberships.select_related("user")}
    for row in rows:
        user = users.get(normal(row.get("email", "")))
        names = {"first_name": user.first_name, "last_name": user.last_name} if user is not None else {}
        once.setdefault((row["role"], normal(row["organisation_id"])), {"email": "", **row, **names})
    return list(once.values())


def confirm_accounts(
    *, flow: Flow, seen: Collection[int], by: AbstractBaseUser, address: str | None = None
) -> list[StaffAccount]:
    """Somebody has looked at these accounts, which the flow had made in WISEflow, and they are right. `seen`: their keys."""
    with transaction.atomic():
        accounts = list(flow.staff_accounts.filter(pk__in=seen, confirmed_at__isnull=True))
        confirmed = [account for account in accounts if _confirm(account, by)]
        if confirmed:
            entry = message("sources.audit.accounts_confirmed", people=", ".join(map(str, confirmed)))
            audit.record(message=entry, source=flow.source, flow=flow, actor=by, address=address)
    return confirmed


def _confirm(account: StaffAccount, by: AbstractBaseUser) -> bool:
    """Whether it was this one who did: two managers may look at the same time."""
    waiting = StaffAccount.objects.filter(pk=account.pk, confirmed_at__isnull=True)
    return waiting.update(confirmed_at=timezone.now(), confirmed_by_id=by.pk) == 1
