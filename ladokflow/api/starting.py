"""What can be started or said. Each calls what the page's button calls, by the same rules, in the name of the token's member."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpResponse
from ninja import Body, Header, Router, Status

from exports.attempts.marks import ABSENT, THERE, of_whom, say, seen_of, take_back
from exports.attempts.order import Order
from exports.attempts.ordering import start_or_order
from exports.attempts.start import preview_export
from exports.grades.asking import ask, is_asked
from exports.rules.values import Asking
from ladokflow.api import rows, schemas
from ladokflow.api.callers import Bearer, Call
from ladokflow.api.once import start
from ladokflow.messages import Refused, message
from sources.access import Kind, flow_seen
from sources.models import Flow, Scope, SyncRun
from sources.sync.run import request_sync

router = Router(by_alias=True)
OnceKey = Annotated[
    str | None,
    Header(
        None,
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="A key of your own for this very thing: said again with the same key within a week, nothing is done twice.",
    ),
]
# Without a body
SYNCHRONISE, PREVIEW, EXPORT, RETRY = (
    schemas.SynchroniseIn(),
    schemas.PreviewIn(),
    schemas.ExportIn(),
    schemas.RetryIn(),
)

WORDS = {"in-ladok": THERE, "not-in-ladok": ABSENT, "take-back": None}


@router.post(
    "/flows/{flow}/synchronise",
    response={202: schemas.Run},
    auth=Bearer(Scope.FLOWS_SYNCHRONISE),
    tags=["Synchronisations"],
)
def synchronise(
    request: Call,
    response: HttpResponse,
    flow: schemas.Key,
    key: OnceKey,
    given: Body[schemas.SynchroniseIn] = SYNCHRONISE,
) -> Any:
    """Have the flow synchronised with Ladok. Where that is under way already, it is that one. `seen` confirms what the last one asks."""
    found = rows.flow_of(request.auth, flow)

    def work() -> dict[str, Any]:
        run = request_sync(flow=found, trigger=SyncRun.Trigger.MANAGER, requested_by=request.auth.user, seen=given.seen)
        return rows.told_of_run(run)

    return Status(202, start(request, response, found, key, work, schemas.Run))


@router.post(
    "/flows/{flow}/collect", response={202: schemas.Collecting}, auth=Bearer(Scope.GRADES_COLLECT), tags=["Exports"]
)
def collect(request: Call, response: HttpResponse, flow: schemas.Key, key: OnceKey) -> Any:
    """Have the grades read from WISEflow."""
    found = rows.flow_of(request.auth, flow)

    def work() -> dict[str, Any]:
        if found.setup_state != Flow.Setup.READY:
            raise Refused(message("sources.flow_not_ready"))
        ask(found.pk)
        is_collecting = is_asked(found.pk)
        return {"flow": found.pk, "gradesCollectedAt": found.collected_at, "isCollecting": is_collecting}

    return Status(202, start(request, response, found, key, work, schemas.Collecting))


# --- Exports -------------------------------------------------------------------------------------------------------


@router.post(
    "/flows/{flow}/export-preview",
    response=schemas.ExportPreview,
    auth=Bearer(Scope.GRADES_EXPORT),
    tags=["Exports"],
)
def preview(request: Call, flow: schemas.Key, given: Body[schemas.PreviewIn] = PREVIEW) -> dict[str, Any]:
    """Who would be sent now with which grade, and who not. Changes nothing, and sends nothing."""
    found = rows.flow_of(request.auth, flow)
    only = rows.require_participants(found, given.participants)
    flow_seen(request, found, Kind.FILE)
    shown = preview_export(
        flow=found,
        user=request.auth.user,
        asking=Asking(given.asking),
        only=only,
        send_again=given.send_again,
        leaves_unknown=only is None and not given.include_unknown,
    )
    return {
        "flow": found.pk,
        "fingerprint": shown.fingerprint.whole,
        "send": [
            {
                "participant": line.participant.pk,
                "organisationId": line.participant.organisation_id,
                "code": line.code.code,
                "grade": line.grade,
                "points": line.line.points,
                "mayBeInLadok": line.is_unknown,
            }
            for line in shown.to_send
        ],
        "held": [
            {
                "participant": line.participant.pk,
                "organisationId": line.participant.organisation_id,
                "grade": line.grade,
                "message": str(line.message),
            }
            for line in shown.held_back
        ],
        "message": str(shown.refusal or ""),
    }


@router.post(
    "/flows/{flow}/export", response={202: schemas.Started}, auth=Bearer(Scope.GRADES_EXPORT), tags=["Exports"]
)
def export(
    request: Call,
    response: HttpResponse,
    flow: schemas.Key,
    key: OnceKey,
    given: Body[schemas.ExportIn] = EXPORT,
) -> Any:
    """Send the grades that have not been sent before, as they were last collected."""
    asking = Asking.OVERWRITE if given.overwrite else Asking.FIRST
    return _send(request, response, flow, key, asking, given, leaves_unknown=given.participants is None)


@router.post("/flows/{flow}/retry", response={202: schemas.Started}, auth=Bearer(Scope.GRADES_EXPORT), tags=["Exports"])
def retry(
    request: Call,
    response: HttpResponse,
    flow: schemas.Key,
    key: OnceKey,
    given: Body[schemas.RetryIn] = RETRY,
) -> Any:
    """Send once more what failed."""
    leaves_unknown = given.participants is None and not given.include_unknown
    return _send(request, response, flow, key, Asking.RETRY, given, leaves_unknown=leaves_unknown)


def _send(
    request: Call,
    response: HttpResponse,
    flow: int,
    key: str | None,
    asking: Asking,
    given: schemas.ExportIn | schemas.RetryIn,
    *,
    leaves_unknown: bool,
) -> Any:
    found = rows.flow_of(request.auth, flow)
    order = Order(
        asking=asking,
        only=rows.require_participants(found, given.participants),
        with_last_list=given.with_last_list,
        send_again=given.send_again,
        leaves_unknown=leaves_unknown,
        seen=given.seen,
        address=request.auth.address,
    )

    def work() -> dict[str, Any]:
        attempts = start_or_order(found, order, requested_by=request.auth.user, is_seen_in_parts=False)
        return {"flow": found.pk, "attempts": [rows.told_of_attempt(attempt) for attempt in attempts]}

    return Status(202, start(request, response, found, key, work, schemas.Started))


# --- What Ladok has ------------------------------------------------------------------------------------------------


@router.post("/flows/{flow}/mark", response={202: schemas.Marked}, auth=Bearer(Scope.GRADES_MARK), tags=["Exports"])
def mark(request: Call, response: HttpResponse, flow: schemas.Key, key: OnceKey, given: schemas.MarkIn) -> Any:
    """Say that grades are in Ladok which were not exported from here, or that unknown ones are not there; or take that back."""
    found = rows.flow_of(request.auth, flow)
    only = rows.require_participants(found, given.participants)
    word = WORDS[given.word]

    def work() -> dict[str, Any]:
        items, nobody = of_whom(found, word, is_named=only is not None)
        seen = {item.pk: seen_of(item) for item in (items if only is None else items.filter(participant__in=only))}
        if not seen or (only is not None and len(seen) < len(only)):
            raise Refused(nobody)
        if word is None:
            count = take_back(flow=found, seen=seen, by=request.auth.user, address=request.auth.address)
        else:
            count = say(
                word, flow=found, seen=seen, by=request.auth.user, reason=given.reason, address=request.auth.address
            )
        return {"flow": found.pk, "state": found.export_state, "count": count}

    return Status(202, start(request, response, found, key, work, schemas.Marked))
