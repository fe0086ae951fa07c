"""What the commands about exports have in common: who asks, for which flow, and how the outcome is printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.management.base import CommandParser

from exports.attempts import transitions
from exports.attempts.send import send_attempt
from exports.grades.collect import collect_grades
from exports.models import ExportAttempt
from exports.rules.states import of_its_code
from ladokflow.messages import Refused, message
from sources.command import PlainCommand, wait_until
from sources.models import Flow
from sources.models.flow import ExportState

State = ExportAttempt.State

WAIT_SECONDS = 300.0
# Of several attempts, the state that tells most is told.
WORST_FIRST = (State.FAILED, State.SENDING, State.QUEUED, State.EXPORTED)


class SendingCommand(PlainCommand):
    """Base of `export` and `retry`: they differ only in what they start."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--flow", type=int, required=True, metavar="ID")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="The manager who does it.")
        parser.add_argument(
            "--wait", action="store_true", help="Send at once, without the queue, and wait for the outcome."
        )
        self.add_json(parser)

    def start(self, flow: Flow, user: AbstractBaseUser, *, enqueue: bool) -> list[ExportAttempt]:
        raise NotImplementedError

    def work(self, **options: Any) -> None:
        flow, user = find_flow_of(options["flow"], options["by"])
        collect_grades(flow)
        attempts = self.start(flow, user, enqueue=not options["wait"])
        if options["wait"]:
            attempts = [send_and_wait(attempt) for attempt in attempts]
        found = outcome(attempts)
        if options["wait"] and found["state"] == State.EXPORTED:
            found["message"] = _with_what_is_left(found["message"], flow)
        if options["json"]:
            self.print_json(found)
        else:
            counts = "{sent} sent, {exported} exported, {failed} failed, {unknown} unknown".format(**found)
            self.stdout.write(f"{found['state']}: {counts}. {found['message']}")
        failure = failure_of(found, waited=options["wait"])
        if failure:
            self.fail(failure)


def _with_what_is_left(told: str, flow: Flow) -> str:
    """The attempts are through; who was not in them must not be taken for exported."""
    flow.refresh_from_db()
    is_done = flow.export_state == ExportState.EXPORTED
    return told if is_done or not flow.export_reason else f"{told} {flow.export_reason}"


def find_flow_of(pk: int, email: str) -> tuple[Flow, AbstractBaseUser]:
    """The flow and the person. What the person is no member of does not exist for them."""
    for user in get_user_model()._default_manager.filter(email__iexact=email.strip(), is_active=True).order_by("pk"):
        flow = Flow.objects.visible_to(user).select_related("source").filter(pk=pk).first()
        if flow is not None:
            return flow, user
    raise Refused(message("export.no_flow", flow=pk, email=email))


def send_and_wait(attempt: ExportAttempt) -> ExportAttempt:
    """Send it here and now; should a worker have got it, wait for the worker."""
    send_attempt(attempt.pk, seconds=transitions.CLAIM_LEASE_SECONDS)
    return wait_until(
        lambda: ExportAttempt.objects.get(pk=attempt.pk),
        lambda row: row.state not in ExportAttempt.OPEN,
        seconds=WAIT_SECONDS,
    )


def failure_of(found: Mapping[str, Any], *, waited: bool) -> str:
    """Why the command has not done what was asked; empty where it has. Who waited asked for the grades to be in Ladok."""
    if found["state"] == State.FAILED or (waited and found["state"] != State.EXPORTED):
        return str(found["message"]) or f"The export has not ended: it is {found['state']}."
    return ""


def shown_state(attempt: ExportAttempt) -> str:
    """What others are told: `claimed` is a step of ours on the way to sending."""
    return str(State.SENDING if attempt.state == State.CLAIMED else attempt.state)


def outcome(attempts: Sequence[ExportAttempt]) -> dict[str, Any]:
    """Several attempts, one for each Ladok code, told as one."""
    states = [shown_state(attempt) for attempt in attempts]
    reasons = [of_its_code(attempt.flow, attempt.code.code, attempt.reason) for attempt in attempts]
    return {
        "attempt": str(attempts[0].pk),
        "attempts": [str(attempt.pk) for attempt in attempts],
        "state": min(states, key=WORST_FIRST.index),
        "sent": sum(attempt.sent_count for attempt in attempts),
        "exported": sum(attempt.exported_count for attempt in attempts),
        "failed": sum(attempt.failed_count for attempt in attempts),
        "unknown": sum(attempt.unknown_count for attempt in attempts),
        "message": " ".join(dict.fromkeys(str(reason) for reason in reasons if reason)),
    }
