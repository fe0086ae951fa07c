"""Whether it is the same person: what Ladok says of a registration in doubt, before a manager, and the answer.

    the same        what Ladok says now is the registration's from then on, and the grade may go
    somebody else   whom the registration is of is no longer on Ladok's list, and nothing is sent for them

An answer is of what was shown, and of nothing else: when Ladok's row changes again, it is asked again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from ladokflow.fingerprints import fingerprint
from ladokflow.ladok.base import PERSON_FIELDS, Kind, Person
from ladokflow.messages import Refused, Text, by_row, message
from ladokflow.privacy import mask
from sources import audit
from sources.models import Flow, FlowSource, IdentityAnswer, Registration
from sources.signals import identity_answered
from sources.sync.claims import claim_of, person_of
from sources.sync.identifiers import normal
from sources.sync.registrations import CLEAR, OF_PERSON

logger = logging.getLogger(__name__)

SHOWN = tuple(row for row in PERSON_FIELDS if row.kind in (Kind.IDENTIFIER, Kind.TEXT))


@dataclass(frozen=True)
class Line:
    """One field, as people may see it. What Ladok has nothing of is no difference."""

    label: Text
    before: str
    now: str
    is_other: bool


@dataclass(frozen=True)
class Question:
    """What Ladok said of a registration before, and says now. `seen` is to come back with the answer."""

    registration: Registration
    lines: tuple[Line, ...]
    seen: str


def questions(flow: Flow) -> list[Question]:
    """Those that a manager can answer; one query."""
    rows = Registration.objects.asked_about().filter(code__flow=flow).select_related("participant", "code")
    return [_question(row) for row in rows.order_by("participant__last_name", "participant__first_name", "pk")]


def _question(row: Registration) -> Question:
    before, now = _before(row), person_of(row.claim)
    lines = []
    for each in SHOWN:
        was, has = str(getattr(before, each.name)), str(getattr(now, each.name))
        is_other = bool(was and has) and normal(each.name, was) != normal(each.name, has)
        shown = (mask(was), mask(has)) if each.is_masked else (was, has)
        lines.append(Line(each.label, *shown, is_other))
    return Question(row, tuple(lines), _seen(row))


def _before(row: Registration) -> Person:
    names = {each.name: getattr(row.participant, each.name) for each in PERSON_FIELDS if each.kind is Kind.TEXT}
    return Person(**names, **{name: getattr(row, name) for name in OF_PERSON})


def _seen(row: Registration) -> str:
    return fingerprint("sources.identity", [row.pk, claim_of(_before(row)), row.claim, row.doubt, row.is_listed]).whole


def answer(
    *,
    flow: Flow,
    registration_pk: int,
    is_same: bool,
    seen: str,
    by: AbstractBaseUser,
    address: str | None = None,
) -> Registration:
    """Write down what a manager says, and what follows from it. `seen` is what was shown (`Question.seen`).

    Refused, with nothing changed, where it is not asked any more, or not as it was shown.
    """
    with transaction.atomic():
        # In the order in which a synchronisation takes them.
        locked = Flow.objects.select_related("source").select_for_update(of=("self",), no_key=True).get(pk=flow.pk)
        codes = list(FlowSource.objects.select_for_update().filter(flow=locked, removed_at__isnull=True).order_by("pk"))
        rows = Registration.objects.select_related("participant", "code")
        row = rows.filter(pk=registration_pk, code__in=codes).first()
        if row is None or not row.claim or _seen(row) != seen:
            raise Refused(message("sources.identity.seen_otherwise"))
        IdentityAnswer.objects.create(
            registration=row, is_same=is_same, said_of=row.claim, known_as=claim_of(_before(row)), by_id=by.pk
        )
        now = person_of(row.claim)
        changes = (
            {**{name: getattr(now, name) for name in OF_PERSON}, "is_listed": True, "gone_at": None}
            if is_same
            else {"is_listed": False, "gone_at": row.gone_at or timezone.now()}
        )
        Registration.objects.filter(pk=row.pk).update(**changes, **CLEAR)
        code = "sources.audit.same_person" if is_same else "sources.audit.other_person"
        said = message(code, name=by_row(row.participant_id), code=row.code.code)
        audit.record(message=said, source=locked.source, flow=locked, actor=by, address=address)
    logger.info("flow.identity.answered flow=%s registration=%s same=%s", flow.pk, row.pk, is_same)
    _tell(flow)
    return row


def _tell(flow: Flow) -> None:
    """Whoever listens: what they do with it does not undo the answer."""
    fresh = Flow.objects.select_related("source").get(pk=flow.pk)
    for receiver, result in identity_answered.send_robust(sender=Flow, flow=fresh):
        if isinstance(result, Exception):
            name = getattr(receiver, "__name__", type(receiver).__name__)
            logger.error("flow.identity.listener_failed flow=%s receiver=%s", flow.pk, name, exc_info=result)
