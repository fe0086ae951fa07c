"""What the commands about exports have in common: who asks, for which flow, and how the outcome is printed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.management.base import CommandParser
from django.db import transaction

from exports.attempts.send import send_attempt
from exports.attempts.start import Preview, choices_of, preview_export
from exports.grades.collect import collect_all_grades
from exports.grades.papers import accept
from exports.grades.word import say_how
from exports.models import CLAIM_LEASE_SECONDS, ExportAttempt, ExportItem
from exports.rules.states import of_its_code
from exports.rules.values import Asking
from ladokflow.fingerprints import NotAsShown
from ladokflow.messages import Refused, message
from ladokflow.wiseflow.scales import Form
from sources.command import PlainCommand, add_seen, one_line, wait_until
from sources.models import Flow
from sources.models.flow import ExportState
from sources.papers.read import read_if_due
from sources.universities.permissions import Needed, require

State = ExportAttempt.State

WAIT_SECONDS = 300.0
PAUSE_SECONDS = 0.2
# Of several attempts, the state that tells most is told.
WORST_FIRST = (State.FAILED, State.SENDING, State.QUEUED, State.EXPORTED)


@dataclass(frozen=True)
class Words:
    """What the options answer of what a flow asks about its grades."""

    form: Form | None
    without_paper: str | None  # why grades are right although nothing was handed in

    def say(self, flow: Flow, by: AbstractBaseUser) -> None:
        if self.form:
            say_how(flow=flow, form=self.form, by=by)
        if self.without_paper:
            accept(flow=flow, people=None, reason=self.without_paper, by=by)


class SendingCommand(PlainCommand):
    """Base of `export` and `retry`: they differ only in what they start, and ask for."""

    asking: Asking

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--flow", type=int, required=True, metavar="ID")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="The manager who does it.")
        parser.add_argument(
            "--wait", action="store_true", help="Send at once, without the queue, and wait for the outcome."
        )
        parser.add_argument(
            "--with-last-list",
            action="store_true",
            help="Where Ladok's list could not be read the last time, send with what was known of it then.",
        )
        parser.add_argument(
            "--send-again",
            action="store_true",
            help="Send also what has been sent for the same person under the same Ladok code from another flow or for another account, or may have been.",
        )
        parser.add_argument(
            "--without-paper",
            metavar="REASON",
            help="Send also passing grades of people who handed in nothing. The reason is kept in the audit log.",
        )
        parser.add_argument(
            "--send-as",
            choices=[str(form) for form in Form],
            help="Where it is not clear which grades WISEflow has given out, or the scale is not the exam's: send them as they are "
            "shown, or as stored values. Kept for exactly what the flow holds now.",
        )
        add_seen(parser, "Send nothing: print who would be sent with which grade, and the fingerprint of it.")
        self.add_json(parser)

    def start(self, flow: Flow, user: AbstractBaseUser, **given: Any) -> list[ExportAttempt]:
        """`given` is for `start_export` and `retry_export` as it stands."""
        raise NotImplementedError

    def work(self, **options: Any) -> None:
        flow, user = find_flow_of(options["flow"], options["by"], self.needed)
        collect_all_grades(flow)
        read_if_due(flow)
        chosen = choices_of(flow, options["to"]) if options.get("to") else None
        said: dict[str, Any] = {"send_again": options["send_again"]} | ({"to": chosen} if chosen else {})
        form = Form(options["send_as"]) if options["send_as"] else None
        words = Words(form, options["without_paper"])
        if options["preview"]:
            self.show(flow, user, words, said, as_json=options["json"])
            return
        given = {"with_last_list": options["with_last_list"], "seen": options["seen"], "enqueue": not options["wait"]}
        try:
            with transaction.atomic():
                words.say(flow, user)
                attempts = self.start(flow, user, **given, **said)
        except NotAsShown:
            self.show(flow, user, words, said, as_json=options["json"])
            raise
        self._tell_doubt(attempts)
        if options["wait"]:
            attempts = [send_and_wait(attempt) for attempt in attempts]
        result = outcome(attempts)
        if options["wait"] and result["state"] == State.EXPORTED:
            result["message"] = _with_what_is_left(result["message"], flow)
        if options["json"]:
            self.print_json(result)
        else:
            counts = "{sent} sent, {exported} exported, {failed} failed, {unknown} unknown".format(**result)
            self.stdout.write(f"{result['state']}: {counts}. {result['message']}")
        failure = failure_of(result, waited=options["wait"])
        if failure:
            self.fail(failure)

    def show(self, flow: Flow, user: AbstractBaseUser, words: Words, said: dict[str, Any], *, as_json: bool) -> None:
        """What would be sent now. Fails, after that, where nothing may be."""
        with transaction.atomic():
            # What is said with the other options is tried, and not kept.
            words.say(Flow.objects.get(pk=flow.pk), user)
            preview = preview_export(flow=Flow.objects.get(pk=flow.pk), user=user, asking=self.asking, **said)
            transaction.set_rollback(True)
        document = shown_preview(preview)
        if as_json:
            self.print_json(document)
        else:
            for person in document["send"]:
                doubt = ", may be in Ladok already" if person["mayBeInLadok"] else ""
                self.stdout.write("{code}: {organisationId} {grade}".format(**person) + doubt)
            for person in document["held"]:
                self.stdout.write("not sent: {organisationId} {grade} {message}".format(**person))
            self.stdout.write(f"{len(document['send'])} to send. Fingerprint: {document['fingerprint']}")
        if preview.refusal:
            self.fail(preview.refusal)

    def _tell_doubt(self, attempts: Sequence[ExportAttempt]) -> None:
        """Beside what the command prints, so that a program that reads it is not disturbed."""
        count = ExportItem.objects.filter(attempt__in=attempts, may_be_in_ladok=True).count()
        if count:
            self.stderr.write(
                f"{count} of these grades may be in Ladok already: it is not known what came of their last sending."
            )


def shown_preview(preview: Preview) -> dict[str, Any]:
    """As in the documentation of the commands."""
    return {
        "flow": preview.flow.pk,
        "fingerprint": preview.fingerprint.whole,
        "send": [
            {
                "organisationId": line.participant.organisation_id,
                "code": line.code.code,
                "grade": line.grade,
                "points": None if line.line.points is None else str(line.line.points),
                "mayBeInLadok": line.is_unknown,
            }
            for line in preview.to_send
        ],
        "held": [
            {
                "organisationId": line.participant.organisation_id,
                "grade": line.grade,
                "message": one_line(line.message),
            }
            for line in preview.held_back
        ],
        "message": str(preview.refusal) if preview.refusal else "",
    }


def _with_what_is_left(text: str, flow: Flow) -> str:
    """The attempts are through; who was not in them must not be taken for exported."""
    flow.refresh_from_db()
    is_done = flow.export_state == ExportState.EXPORTED
    return text if is_done or not flow.export_reason else f"{text} {flow.export_reason}"


def find_flow_of(pk: int, email: str, needed: Needed) -> tuple[Flow, AbstractBaseUser]:
    """The flow and the person. What the person is no member of does not exist for them. Refused where they may not do it."""
    for user in get_user_model()._default_manager.filter(email__iexact=email.strip(), is_active=True).order_by("pk"):
        flow = Flow.objects.visible_to(user).select_related("source").filter(pk=pk).first()
        if flow is not None:
            require(user, needed, flow.source)
            return flow, user
    raise Refused(message("export.no_flow", flow=pk, email=email))


def send_and_wait(attempt: ExportAttempt) -> ExportAttempt:
    """Send it here and now, however long there is something to read for it; should a worker have got it, wait for the worker."""
    while send_attempt(attempt.pk, seconds=CLAIM_LEASE_SECONDS) in (State.QUEUED, State.READING):
        time.sleep(PAUSE_SECONDS)
    return wait_until(
        lambda: ExportAttempt.objects.get(pk=attempt.pk),
        lambda row: row.state not in ExportAttempt.OPEN,
        seconds=WAIT_SECONDS,
    )


def failure_of(result: Mapping[str, Any], *, waited: bool) -> str:
    """Why the command has not done what was asked; empty where it has. Who waited asked for the grades to be in Ladok."""
    if result["state"] == State.FAILED or (waited and result["state"] != State.EXPORTED):
        return str(result["message"]) or f"The export has not ended: it is {result['state']}."
    return ""


def shown_state(attempt: ExportAttempt) -> str:
    """What others are told: `claimed` and `reading` are steps of ours on the way to sending."""
    return str(State.SENDING if attempt.state in (State.CLAIMED, State.READING) else attempt.state)


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
