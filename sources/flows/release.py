"""Letting a flow go: it is no longer ours, its codes are free, and what was exported of it stays to be read.

    deleted   made here by mistake and never activated: it is removed in WISEflow, too
    gone      WISEflow does not have it (any more): only we let it go
    kept      it stays in WISEflow as it is, without our references

What was sent from it is known wherever the code comes to: the rows of its codes and items stay. `REFUSALS` and `TOLD` are for whoever stands above to
say why it cannot be let go yet, and what else a manager is to read first.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from ladokflow.fingerprints import Fingerprint, NotAsShown, fingerprint, require_seen
from ladokflow.http import RemoteError
from ladokflow.leases import LeaseLost
from ladokflow.messages import Message, Refused, Trait, message
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import WiseflowError
from sources import audit
from sources.flows.codes import tell_codes_changed
from sources.flows.steps import BEGUN
from sources.models import Flow, FlowSource, SyncRun
from sources.sync.gather import flow_info
from sources.sync.lease import Lease
from sources.sync.plan.values import SETUP
from sources.universities.clients import wiseflow_for

logger = logging.getLogger(__name__)

Way = Flow.Release
STEP = "released"  # `Flow.setup_step`

REFUSALS: list[Callable[[Flow], Message | None]] = []
TOLD: list[Callable[[Flow], Iterable[Message]]] = []


@dataclass(frozen=True)
class Standing:
    """How WISEflow has the flow. `state` is None where it is not there, or could not be asked for (`failure`)."""

    state: int | None = None
    failure: Message | None = None

    @property
    def ways(self) -> tuple[Way, ...]:
        if self.failure is not None:
            return (Way.KEPT,)
        if self.state is None:
            return (Way.GONE,)
        return (Way.DELETED, Way.KEPT) if self.state == SETUP else (Way.KEPT,)


@dataclass(frozen=True)
class Release:
    """What letting go in one of the ways does."""

    way: Way
    consequences: tuple[Message, ...]
    facts: tuple[Any, ...]

    @property
    def fingerprint(self) -> Fingerprint:
        told = [consequence.to_json() for consequence in self.consequences]
        return fingerprint("sources.release", [self.way, told, self.facts])


def standing_of(flow: Flow) -> Standing:
    """As WISEflow has it now."""
    if flow.wiseflow_id is None:
        return Standing()
    try:
        with wiseflow_for(flow) as client:
            return _standing(flow, client)
    except RemoteError as error:
        return Standing(failure=error.message)


def _standing(flow: Flow, client: WiseflowClient) -> Standing:
    try:
        return Standing(flow_info(flow, client).state)
    except Refused as refused:
        return Standing() if refused.message.has(Trait.GONE) else Standing(failure=refused.message)


def refusal_of(flow: Flow) -> Message | None:
    """Why it cannot be let go now."""
    if flow.is_released:
        return message("sources.release.done_already")
    if flow.purged_at is not None:
        return message("sources.purged")
    if flow.setup_state not in (Flow.Setup.READY, Flow.Setup.STOPPED):
        return message("sources.release.being_made")
    return next((refusal for check in REFUSALS if (refusal := check(flow)) is not None), None)


def releases_of(flow: Flow, standing: Standing) -> list[Release]:
    """The ways to let it go, each with what it does. One that others have made is not deleted from here."""
    ways = [way for way in standing.ways if way is not Way.DELETED or not flow.adoption]
    return [_release(flow, standing, way) for way in ways]


def _release(flow: Flow, standing: Standing, way: Way) -> Release:
    codes = list(flow.codes.filter(removed_at__isnull=True).order_by("position"))
    people = flow.participants.count()
    told = [message(f"sources.release.{way}", number=flow.wiseflow_id or "–", count=people)]
    if flow.wiseflow_id is None:
        in_doubt = flow.setup_step == BEGUN
        told = [message("sources.release.unmade_in_doubt" if in_doubt else "sources.release.unmade")]
    if way is Way.KEPT:
        told += [_of_references(flow, standing)] if codes else []
    if codes:
        told.append(message("sources.release.codes_free", codes=", ".join(code.code for code in codes)))
    told += [each for tell in TOLD for each in tell(flow)]
    export = (flow.export_state, flow.graded_count, flow.exported_count, flow.failed_count)
    return Release(way, tuple(told), (flow.pk, standing.state, [code.pk for code in codes], *export))


def _of_references(flow: Flow, standing: Standing) -> Message:
    code = "sources.release.references_stay" if standing.failure is not None else "sources.release.references_go"
    return message(code, number=flow.wiseflow_id)


def release(
    *, flow: Flow, way: Way, by: AbstractBaseUser, seen: str | None = None, address: str | None = None
) -> Release:
    """Let the flow go. WISEflow is looked at right before anything is written there.

    `seen`: the fingerprint of the `Release` that a manager has read; NotAsShown where it would be another by now. Refused where it
    cannot be let go, RemoteError where WISEflow does not do what it is asked for: nothing is let go then.
    """
    lease = _lease(flow)
    try:
        with lease.beating():
            return _let_go(flow.pk, way, lease, by, seen, address)
    except LeaseLost:
        raise Refused(message("sources.flow_busy")) from None
    finally:
        with contextlib.suppress(LeaseLost):  # it went with what was written down
            lease.release()


def _lease(flow: Flow) -> Lease:
    is_open = Q(setup_state__in=[Flow.Setup.READY, Flow.Setup.STOPPED], released_at__isnull=True)
    lease = Lease.take(flow.pk, only_if=is_open)
    if lease is None:
        fresh = Flow.objects.get(pk=flow.pk)
        raise Refused(refusal_of(fresh) or message("sources.flow_busy"))
    return lease


def _let_go(
    flow_pk: int, way: Way, lease: Lease, by: AbstractBaseUser, seen: str | None, address: str | None
) -> Release:
    flow = Flow.objects.select_related("source").get(pk=flow_pk)
    standing = standing_of(flow)
    done = _as_seen(flow, standing, way, seen)
    problems: list[Message] = []
    if way is Way.DELETED:
        _delete(flow, lease)
    elif way is Way.KEPT and standing.failure is None:
        problems = _take_references_off(flow, lease)
    with transaction.atomic():
        # Whoever starts an export takes the flow's lock, too: one that has begun meanwhile is seen here.
        locked = Flow.objects.select_related("source").select_for_update(of=("self",), no_key=True).get(pk=flow_pk)
        if (refusal := refusal_of(locked)) is not None:
            raise Refused(refusal)
        _write_down(locked, way, lease, by, problems, address)
    tell_codes_changed(flow)
    logger.info("flow.released flow=%s as=%s", flow_pk, way)
    return done


def _as_seen(flow: Flow, standing: Standing, way: Way, seen: str | None) -> Release:
    if (refusal := refusal_of(flow)) is not None:
        raise Refused(refusal)
    found = next((each for each in releases_of(flow, standing) if each.way == way), None)
    if found is None:
        if seen is None:
            raise Refused(message("sources.release.not_this_way"))
        raise NotAsShown
    require_seen(seen, found.fingerprint)
    return found


def _delete(flow: Flow, lease: Lease) -> None:
    """The look and the deletion stand beside each other: nobody activates a flow in between without being seen."""
    number = flow.wiseflow_id or 0
    with wiseflow_for(flow, lease.look) as client:
        lease.renew()
        if _standing(flow, client).state != SETUP:
            raise NotAsShown
        try:
            client.delete_flow(number)
        except WiseflowError:
            # It may have been done all the same.
            if _standing(flow, client) != Standing():
                raise


def _take_references_off(flow: Flow, lease: Lease) -> list[Message]:
    """Only those that we have put there. What WISEflow does not let go of, as in the archive, is told."""
    problems = []
    with wiseflow_for(flow, lease.look) as client:
        for code in flow.codes.filter(external_source_id__isnull=False):
            lease.keep()
            try:
                client.delete_external_source(flow.wiseflow_id or 0, code.external_source_id or 0)
            except WiseflowError as error:
                if not error.is_about_one:
                    raise
                problems.append(message("sources.reference_stays", code=code.code))
    return problems


def _write_down(
    flow: Flow, way: Way, lease: Lease, by: AbstractBaseUser, problems: Iterable[Message], address: str | None
) -> None:
    now = timezone.now()
    name = by.get_full_name() or by.get_username()  # type: ignore[attr-defined] # a user of ours has a name
    facts = {"number": flow.wiseflow_id or "–", "at": f"{now.astimezone(flow.source.tz):%Y-%m-%d %H:%M}", "by": name}
    told = message(f"sources.released.{way}", **facts)
    lease.release(
        released_at=now,
        released_as=way,
        setup_state=Flow.Setup.STOPPED,
        setup_step=STEP,
        setup_message=told.to_json(),
        adoption_seen="",
        wiseflow_id=None,  # another flow of ours may have it from now on
        export_ended_at=Coalesce(F("export_ended_at"), now),
        instant_export=False,
        exports_when_marking_ends=False,
        sync_message={},
        asked=[],
    )
    codes = ", ".join(flow.codes.filter(removed_at__isnull=True).values_list("code", flat=True))
    FlowSource.objects.filter(flow=flow).update(external_source_id=None)
    FlowSource.objects.filter(flow=flow, removed_at__isnull=True).update(removed_at=now)
    waiting = SyncRun.objects.filter(flow=flow, state__in=SyncRun.OPEN)
    waiting.update(state=SyncRun.State.FAILED, finished_at=now, message=told.to_json(), enqueues=0)
    for line in (message(f"sources.audit.released_{way}", number=facts["number"], codes=codes or "–"), *problems):
        audit.record(message=line, source=flow.source, flow=flow, actor=by, address=address)
