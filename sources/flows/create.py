"""Making a flow in WISEflow from one or more Ladok codes.

    created -> referenced -> metadata -> dates -> scale -> people -> staff -> rooms -> settings -> activated -> done

Each step is safe to run again and is written down when it is done (`Flow.setup_step`), so that a worker that dies is
followed by one that goes on. The one call that must not be made twice is the first: it carries a mark at the end of the
subtitle, by which a flow that a crash has left behind is found again. The step "metadata" takes the mark away.

A flow that is taken over (`adoption.py`) is there already. Before anything of it is written, what would be is held against what a
manager has confirmed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ladokflow.http import RemoteError
from ladokflow.leases import LeaseLost
from ladokflow.memo import remembering
from ladokflow.messages import Message, Refused, Text, message
from ladokflow.wiseflow.client import WiseflowClient
from sources.flows.adoption import may_have_been_exported, require_as_confirmed
from sources.flows.change import write_wanted
from sources.flows.scales import insist
from sources.flows.steps import BEGUN, activate, find_twin, make
from sources.models import Flow, SyncRun
from sources.people import knowing_people_of_flow
from sources.sync.apply.apply import Applied
from sources.sync.apply.references import refer
from sources.sync.gather import Gathered, fetch_exams, flow_info, live_codes, recognise, unexpected
from sources.sync.lease import Lease
from sources.sync.plan.changes import Plan
from sources.sync.record import record_failure
from sources.sync.reply import answer
from sources.sync.run import Finish, begin_run, synchronise, tell_synced
from sources.universities.clients import wiseflow_for

logger = logging.getLogger(__name__)

MAX_CLAIMS = 5


@dataclass(frozen=True)
class Step:
    slug: str
    label: Text


# `Flow.setup_step` holds the slug of the last one that is done; "" before the first, BEGUN while the first is made.
STEPS = (
    Step("created", _("Flow in WISEflow")),
    Step("referenced", _("Connected to the Ladok code")),
    Step("metadata", _("Title and subtitle")),
    Step("dates", _("Dates")),
    Step("scale", _("Grading scale")),
    Step("people", _("Students")),
    Step("staff", _("Managers and assessors")),
    Step("rooms", _("Rooms")),
    Step("settings", _("Settings in WISEflow")),
    Step("activated", _("Activation")),
    Step("done", _("Finished")),
)


def create_flow(flow_pk: int) -> Flow:
    """Do the steps that are left. Does nothing where another worker is at it, or there is nothing to do.

    Never raises for what Ladok or WISEflow do: the flow is then STOPPED, with the reason in `setup_message`.
    """
    lease = Lease.take(
        flow_pk,
        only_if=Q(setup_state__in=[Flow.Setup.QUEUED, Flow.Setup.CREATING]),
        setup_state=Flow.Setup.CREATING,
        setup_claims=F("setup_claims") + 1,
        enqueues=0,
    )
    flow = Flow.objects.select_related("source").get(pk=flow_pk)
    if lease is None:
        return flow
    try:
        with lease.beating(), remembering(), knowing_people_of_flow(flow):
            run = _run_of(flow, lease)
            if run is not None:
                _create(flow, run, lease)
    except LeaseLost:
        logger.warning("flow.creation.lease_lost flow=%s", flow_pk)
        run = None
    flow = Flow.objects.select_related("source").get(pk=flow_pk)
    if run is not None and flow.setup_state == Flow.Setup.READY:
        tell_synced(SyncRun.objects.get(pk=run.pk))
    return flow


def _run_of(flow: Flow, lease: Lease) -> SyncRun | None:
    """The first synchronisation, of which the creation is made up; after a crash, the one that was begun."""
    run = SyncRun.objects.filter(flow=flow, state__in=SyncRun.OPEN).first()
    trigger = SyncRun.Trigger.ADOPTION if flow.adoption else SyncRun.Trigger.CREATION
    if run is None:
        run = SyncRun.objects.create(
            flow=flow, trigger=trigger, requested_by_id=flow.created_by_id, enqueued_at=timezone.now()
        )
    run, taken = begin_run(run, lease)
    return run if taken else None


def _create(flow: Flow, run: SyncRun, lease: Lease) -> None:
    applied = Applied()
    try:
        if flow.setup_claims > MAX_CLAIMS:
            raise Refused(message("sources.creation_gave_up", times=flow.setup_claims - 1))
        _do_steps(flow, run, lease, applied)
        logger.info("flow.creation.done flow=%s wiseflow=%s", flow.pk, flow.wiseflow_id)
        return
    except (RemoteError, Refused) as error:
        reason = error.message
    except LeaseLost:
        raise
    except Exception as error:
        reason, reference = unexpected(error)
        logger.exception("flow.creation.error flow=%s reference=%s", flow.pk, reference)
    logger.info("flow.creation.stopped flow=%s reason=%s", flow.pk, reason.code)
    record_failure(
        flow,
        lease,
        run,
        reason,
        changes=applied.done,
        problems=applied.problems,
        setup_state=Flow.Setup.STOPPED,
        setup_message=reason.to_json(),
    )


def _do_steps(flow: Flow, run: SyncRun, lease: Lease, applied: Applied) -> None:
    exams = fetch_exams(flow, live_codes(flow))

    def done(step: str) -> None:
        lease.write(setup_step=step)

    with wiseflow_for(flow, lease.look) as client:
        recognise(flow, client)
        if flow.adoption_seen:
            require_as_confirmed(flow, client, exams)
            lease.write(adoption_seen="")
        was_begun = flow.setup_step == BEGUN
        if flow.wiseflow_id is None:
            insist(flow.source, client, exams, flow.scale_choices)
            applied.problems += make(flow, lease, client, exams[0])
        applied.problems += refer(flow, lease, client)
        done("referenced")

        def finish(gathered: Gathered, planned: Plan) -> Finish:
            applied.problems += write_wanted(flow, flow.wiseflow_settings, client, lease)
            done("settings")
            if flow.activates:
                applied.problems += activate(flow, lease, client)
            done("activated")
            if was_begun:
                applied.problems += find_twin(flow, client)
            applied.problems += answer(gathered, client, is_done=True)
            made, fields = _made(flow, client)
            return Finish(
                state=flow_info(flow, client).state,
                fields={"setup_state": Flow.Setup.READY, "setup_step": "done", "setup_message": {}} | fields,
                audit=made,
            )

        synchronise(flow, run, lease, client, into=applied, finish=finish, exams=exams, on_section=done)


def _made(flow: Flow, client: WiseflowClient) -> tuple[Message, dict[str, Any]]:
    """What the audit log says of it, and what is known of grades that were exported before."""
    if not flow.adoption:
        return message("sources.audit.flow_created", wiseflow=flow.wiseflow_id), {}
    if may_have_been_exported(flow, client):
        return message("sources.audit.flow_adopted", wiseflow=flow.wiseflow_id), {}
    ungraded = message("sources.audit.flow_adopted_ungraded", wiseflow=flow.wiseflow_id)
    return ungraded, {"adoption": Flow.Adoption.SAID}
