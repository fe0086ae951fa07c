"""Adding a Ladok code to a flow that is there already, and removing one.

What a removal means depends on the phase, so WISEflow is asked for the phase each time:

    setup           the code's people are removed (by the synchronisation that is asked for)
    participation   they are deactivated
    marking         the flow stops following the code; its people stay
    concluding      their grades cannot be exported any more; with the last code, export of the flow has ended

A row of a removed code stays, with its position: it tells where people came from, and under what a grade was exported.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError
from django.db.models import Max
from django.utils import timezone

from ladokflow.fingerprints import Fingerprint, fingerprint, require_seen
from ladokflow.http import RemoteError
from ladokflow.ladok.base import Exam
from ladokflow.messages import Message, Refused, message
from sources import audit
from sources.flows.exams import fetch_exam, fetch_several, on_a_flow
from sources.flows.places import participants_also_on, say_place, suggested_place
from sources.flows.request import reference_of, taken_by
from sources.flows.scales import choice_for
from sources.models import Flow, FlowSource, Participant, Registration, Source, SyncRun
from sources.signals import codes_changed
from sources.sync.gather import flow_info
from sources.sync.lease import alone_with
from sources.sync.plan.flow_data import TEXT_LENGTH
from sources.sync.plan.participants import is_open_for_people
from sources.sync.plan.values import CONCLUDED, SETUP
from sources.sync.run import request_sync
from sources.universities.clients import wiseflow_for

logger = logging.getLogger(__name__)

SETUP_PHASE, PARTICIPATION_PHASE, MARKING_PHASE, CONCLUDING_PHASE = "setup", "participation", "marking", "concluding"


@dataclass(frozen=True)
class Removal:
    """What removing a code does in a phase. `refusal` says why it cannot be removed; then nothing else holds."""

    code: FlowSource
    phase: str  # one of the four above
    consequences: tuple[Message, ...] = ()
    refusal: Message | None = None
    people: tuple[int, ...] = ()  # keys of the participants who come from this code only
    export: tuple[Any, ...] = ()  # how the flow's export stands
    was_master: bool = False  # title and dates follow another code now

    @property
    def can_be_undone(self) -> bool:
        """Whether adding the code again makes it as it was: it comes after the others, and only while people are taken in."""
        return self.phase in (SETUP_PHASE, PARTICIPATION_PHASE) and not self.was_master

    @property
    def fingerprint(self) -> Fingerprint:
        consequences = [consequence.to_json() for consequence in self.consequences]
        return fingerprint("sources.removal", [self.code.pk, self.phase, consequences, self.people, self.export])


def phase_of(flow: Flow) -> str:
    """As WISEflow has it now. RemoteError where it cannot be asked."""
    if flow.setup_state != Flow.Setup.READY:
        raise Refused(message("sources.flow_not_ready"))
    with wiseflow_for(flow) as client:
        info = flow_info(flow, client)
    state = info.state
    if state == SETUP:
        return SETUP_PHASE
    if state >= CONCLUDED:
        return CONCLUDING_PHASE
    is_open = is_open_for_people(state, flow.flow_type, is_remarking=info.is_remarking)
    return PARTICIPATION_PHASE if is_open else MARKING_PHASE


# --- Adding ------------------------------------------------------------------------------------------------------


class AsksForPlace(Refused):
    """People of the code that is to be added are on another one already: where their grades go is to be said."""

    def __init__(self, message: Message, suggested: Flow.GradeGoesTo) -> None:
        super().__init__(message)
        self.suggested = suggested


def add_code(
    *,
    flow: Flow,
    code: str,
    by: AbstractBaseUser,
    grade_goes_to: str = "",
    asks: bool = False,
    scale: str | None = None,
    address: str | None = None,
    enqueue: bool = True,
) -> FlowSource:
    """Put a code on the flow, after those it has, and ask for the synchronisation that takes its people in.

    Refused where the code is on a flow already, and when the phase takes no participants in. RemoteError where Ladok does
    not know the code, or a system cannot be asked. The synchronisation puts the reference on the flow in WISEflow.

    `grade_goes_to`: where the grade of somebody on several codes goes from now on, as of `say_place`; empty leaves it. With `asks`,
    AsksForPlace where that is not said and there is somebody. `scale`: as `given` of `choice_for`; AsksForScale where it is to be said.
    """
    typed = code.strip()
    if not typed:
        raise Refused(message("sources.no_code"))
    _refuse_taken(flow.source, typed)
    exam = fetch_exam(flow.source, typed)
    _refuse_taken(flow.source, exam.code)
    if phase_of(flow) not in (SETUP_PHASE, PARTICIPATION_PHASE):
        raise Refused(message("sources.code_too_late", code=exam.code))
    scale_choice = choice_for(flow, exam, scale)
    if asks and not grade_goes_to and (count := participants_also_on(flow, exam)):
        raise AsksForPlace(message("sources.code_shared", code=exam.code, count=count), _suggested(flow, exam))
    try:
        with alone_with(flow.pk) as fresh:
            last = fresh.codes.aggregate(last=Max("position"))["last"]
            row = FlowSource.objects.create(
                flow=fresh,
                source_id=fresh.source_id,
                code=exam.code,
                position=0 if last is None else last + 1,
                title=exam.title[:TEXT_LENGTH],
                reference=reference_of(fresh.source, exam.code),
            )
            added = message("sources.audit.code_added", code=row.code)
            audit.record(message=added, source=fresh.source, flow=fresh, actor=by, address=address)
            if grade_goes_to:
                say_place(fresh, grade_goes_to, by=by, address=address)
            if scale_choice:
                Flow.objects.filter(pk=fresh.pk).update(scale_choices=fresh.scale_choices | scale_choice)
                said = message("sources.audit.scale_chosen", code=row.code, scale=exam.grade_scale.strip())
                audit.record(message=said, source=fresh.source, flow=fresh, actor=by, address=address)
            request_sync(flow=fresh, trigger=SyncRun.Trigger.MANAGER, requested_by=by, enqueue=enqueue)
    except IntegrityError:
        # Somebody was faster: the database has one flow per code.
        _refuse_taken(flow.source, exam.code)
        raise
    tell_codes_changed(flow)
    logger.info("flow.code.added flow=%s code=%s", flow.pk, row.pk)
    return row


def _suggested(flow: Flow, exam: Exam) -> Flow.GradeGoesTo:
    """What fits the exam and those that the flow has, as far as Ladok tells of them now."""
    codes = list(flow.codes.filter(removed_at__isnull=True).values_list("code", flat=True))
    others = [each for each in fetch_several(flow.source, codes) if not isinstance(each, RemoteError)]
    return suggested_place(flow.source, [exam, *others])


def _refuse_taken(source: Source, code: str) -> None:
    taken = on_a_flow(source, code)
    if taken is not None:
        raise Refused(taken_by(taken))


# --- Removing ----------------------------------------------------------------------------------------------------


def removal_of(*, flow: Flow, code: FlowSource, phase: str) -> Removal:
    """What removing the code would do now."""
    others = list(flow.codes.filter(removed_at__isnull=True).exclude(pk=code.pk))
    if flow.purged_at is not None:  # what was sent under it is known by nothing else any more
        return Removal(code, phase, refusal=message("sources.purged"))
    if code.flow_id != flow.pk or code.removed_at is not None:
        return Removal(code, phase, refusal=message("sources.code_not_there", code=code.code))
    if not others and phase != CONCLUDING_PHASE:
        return Removal(code, phase, refusal=message("sources.code_is_last", code=code.code))
    listed = Registration.objects.filter(is_listed=True)
    people = Participant.objects.filter(flow=flow, pk__in=listed.filter(code=code).values("participant_id"))
    on_others = listed.filter(code__in=others).values("participant_id")
    staying = people.filter(pk__in=on_others).count()
    going = people.exclude(pk__in=on_others)
    if phase == PARTICIPATION_PHASE:
        going = going.filter(is_active=True, is_activation_manual=False)
    goers = tuple(going.order_by("pk").values_list("pk", flat=True))
    was_master = False
    consequences = [message(f"sources.removal.{phase}", count=len(goers), code=code.code)]
    if staying:
        consequences.append(message("sources.removal.staying", count=staying))
    if phase != CONCLUDING_PHASE:
        consequences.append(message("sources.removal.stops", code=code.code))
        if was_master := code.position < others[0].position:
            consequences.append(message("sources.removal.master", code=others[0].code))
    elif not others:
        consequences.append(message("sources.removal.export_ends"))
    export = (flow.export_state, flow.graded_count, flow.exported_count, flow.failed_count)
    return Removal(code, phase, tuple(consequences), people=goers, export=export, was_master=was_master)


def remove_code(
    *,
    flow: Flow,
    code: FlowSource,
    by: AbstractBaseUser,
    seen: str | None = None,
    address: str | None = None,
    enqueue: bool = True,
) -> Removal:
    """Take the code off the flow, and ask for the synchronisation that does the rest in WISEflow.

    `seen`: the fingerprint of the `Removal` that the manager has read; NotAsShown where it would be another by now. A second click
    is Refused with "sources.code_not_there". RemoteError where WISEflow cannot be asked.
    """
    phase = phase_of(flow)
    with alone_with(flow.pk) as fresh:
        row = FlowSource.objects.get(pk=code.pk)
        removal = removal_of(flow=fresh, code=row, phase=phase)
        if removal.refusal is not None:
            raise Refused(removal.refusal)
        require_seen(seen, removal.fingerprint)
        now = timezone.now()
        FlowSource.objects.filter(pk=row.pk).update(removed_at=now)
        audited = [message("sources.audit.code_removed", code=row.code)]
        is_last = not fresh.codes.filter(removed_at__isnull=True).exists()
        if is_last and Flow.objects.filter(pk=fresh.pk, export_ended_at__isnull=True).update(export_ended_at=now):
            audited.append(message("sources.audit.export_ended"))
        for line in audited:
            audit.record(message=line, source=fresh.source, flow=fresh, actor=by, address=address)
        if not is_last:
            request_sync(flow=fresh, trigger=SyncRun.Trigger.MANAGER, requested_by=by, enqueue=enqueue)
    tell_codes_changed(flow)
    logger.info("flow.code.removed flow=%s code=%s phase=%s", flow.pk, row.pk, phase)
    return removal


def tell_codes_changed(flow: Flow) -> None:
    """Whoever listens: what they do with it does not undo what was done."""
    fresh = Flow.objects.select_related("source").get(pk=flow.pk)
    for receiver, result in codes_changed.send_robust(sender=Flow, flow=fresh):
        if isinstance(result, Exception):
            name = getattr(receiver, "__name__", type(receiver).__name__)
            logger.error("flow.codes.listener_failed flow=%s receiver=%s", flow.pk, name, exc_info=result)
