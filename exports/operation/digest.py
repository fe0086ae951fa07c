"""One e-mail to each manager with all that needs her: exports that failed, synchronisations that ask or failed at night.

What happens within some minutes comes together, and the next e-mail keeps some distance. Whether a thing has been told
is known per person and thing, and is written after the mail server has taken the e-mail: a worker that dies in between
leads to a second copy, never to silence. A lease per person keeps two workers from sending the same at once.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext, ngettext

from exports.models import DigestEntry, DigestReader, ExportAttempt, ExportItem
from exports.pages.lists import with_newer
from ladokflow.messages import Message
from sources.models import Flow, Membership, SyncRun
from sources.models.flow import ExportState
from sources.sync.failures import managers_to_tell, runs_to_tell

logger = logging.getLogger(__name__)

GATHER = dt.timedelta(minutes=3)  # what happens so soon after the first thing goes with it
DISTANCE = dt.timedelta(minutes=30)  # between two e-mails to the same person
LEASE = dt.timedelta(minutes=10)  # longer than a live worker can last
WINDOW = dt.timedelta(days=7)  # what is older is told to nobody any more

# Parameters of messages that hold no words of another system, which may name a student.
HARMLESS = {"system", "host", "status", "seconds", "code", "before", "now", "count", "people", "times"}

Key = tuple[str, uuid.UUID]
Thing = ExportAttempt | SyncRun


@dataclass
class News:
    """What there is to tell one person."""

    member: Membership
    attempts: list[ExportAttempt] = field(default_factory=list)
    runs: list[SyncRun] = field(default_factory=list)

    @property
    def all(self) -> list[Thing]:
        return [*self.attempts, *self.runs]

    @property
    def first_at(self) -> dt.datetime:
        return min(at for one in self.all if (at := one.finished_at))


def send_digests(now: dt.datetime | None = None) -> int:
    """Send what is to be told; how many e-mails. Call it every few minutes."""
    now = now or timezone.now()
    ready = [news for news in _gather(now).values() if news.first_at <= now - GATHER]
    return sum(_send(news, now) for news in ready)


def _gather(now: dt.datetime) -> dict[int, News]:
    """For each person's key, what still stands and has not been told her."""
    since = now - WINDOW
    failed = ExportAttempt.objects.filter(
        state=ExportAttempt.State.FAILED, finished_at__gte=since, flow__export_state=ExportState.FAILED
    )
    attempts = list(
        failed.defer("answer").select_related("flow__source").prefetch_related("flow__codes").order_by("-created_at")
    )
    runs = runs_to_tell(since=since, now=now)
    things: list[Thing] = [*attempts, *runs]
    managers = managers_to_tell({one.flow_id: one.flow for one in things}.values())
    told = _told({member.user_id for members in managers.values() for member in members}, since)
    found: dict[int, News] = {}
    for one in things:
        for member in managers[one.flow_id]:
            if (_kind(one), one.pk) in told.get(member.user_id, ()):
                continue
            news = found.setdefault(member.user_id, News(member))
            if isinstance(one, ExportAttempt):
                news.attempts.append(one)
            else:
                news.runs.append(one)
    return found


def _kind(one: Thing) -> str:
    return "attempt" if isinstance(one, ExportAttempt) else "run"


def _told(people: Iterable[int], since: dt.datetime) -> dict[int, set[Key]]:
    found: dict[int, set[Key]] = {}
    rows = DigestEntry.objects.filter(user_id__in=list(people), told_at__gte=since)
    for user_id, attempt_id, run_id in rows.values_list("user_id", "attempt_id", "run_id"):
        found.setdefault(user_id, set()).add(("attempt", attempt_id) if attempt_id else ("run", run_id))
    return found


def _send(news: News, now: dt.datetime) -> bool:
    if not _take(news.member.user_id, now):
        return False
    with translation.override(news.member.language or settings.LANGUAGE_CODE):
        mail = write(news)
    try:
        mail.send()
    except Exception:
        # Whatever the mail server says: the others are told all the same, and this one is tried again after the lease.
        logger.exception("export.digest.not_sent user=%s", news.member.user_id)
        return False
    with transaction.atomic():
        entries = [DigestEntry(user_id=news.member.user_id, attempt=one, told_at=now) for one in news.attempts]
        entries += [DigestEntry(user_id=news.member.user_id, run=one, told_at=now) for one in news.runs]
        DigestEntry.objects.bulk_create(entries, ignore_conflicts=True)
        DigestReader.objects.filter(user_id=news.member.user_id).update(lease_until=None, sent_at=now)
    logger.info("export.digest.sent user=%s things=%s", news.member.user_id, len(entries))
    return True


def _take(user_id: int, now: dt.datetime) -> bool:
    """The right to write to this person: nobody else is doing it, and the last e-mail is not too fresh."""
    DigestReader.objects.get_or_create(user_id=user_id)
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    rested = Q(sent_at__isnull=True) | Q(sent_at__lte=now - DISTANCE)
    return bool(DigestReader.objects.filter(free, rested, user_id=user_id).update(lease_until=now + LEASE))


def prune(before: dt.datetime) -> None:
    """Forget what was told before then; never what would be told again."""
    DigestEntry.objects.filter(told_at__lt=min(before, timezone.now() - 2 * WINDOW)).delete()


# --- The words ---------------------------------------------------------------------------------------------------


def write(news: News) -> EmailMessage:
    """The e-mail, in the active language: a line for each flow."""
    flows = {one.flow_id for one in news.all}
    subject = ngettext("LadokFlow: %(count)s flow needs you", "LadokFlow: %(count)s flows need you", len(flows))
    body: list[str] = []
    if news.attempts:
        body += [gettext("Exports that failed:"), *_export_lines(news.attempts), ""]
    if news.runs:
        body += [gettext("Synchronisations that ask for an answer, or failed:"), *_run_lines(news.runs), ""]
    body += [
        gettext("You get this because you are a manager of the flows. Switch it off under My settings:"),
        f"{settings.PUBLIC_URL}{reverse('preferences')}",
    ]
    return EmailMessage(
        subject=subject % {"count": len(flows)},
        body="\n".join(body),
        to=[news.member.user.email],
        headers={"Auto-Submitted": "auto-generated"},
    )


def _export_lines(attempts: Sequence[ExportAttempt]) -> list[str]:
    """One for each flow, with what is not in Ladok now, whichever attempt it failed in."""
    newest = {one.flow_id: one for one in reversed(attempts)}
    badly = ExportItem.objects.filter(
        attempt__flow_id__in=newest, state__in=[ExportItem.State.FAILED, ExportItem.State.UNKNOWN]
    )
    rows = with_newer(badly).filter(has_newer=False).order_by().values_list("attempt__flow_id", "state")
    counts = {(flow_id, state): count for flow_id, state, count in rows.annotate(Count("pk"))}
    lines = []
    for flow_id, attempt in newest.items():
        failed = counts.get((flow_id, ExportItem.State.FAILED), 0)
        unknown = counts.get((flow_id, ExportItem.State.UNKNOWN), 0)
        address = reverse("exports:attempt", args=[attempt.pk])
        lines.append(_line(attempt.flow, _what_failed(failed, unknown), address))
    return sorted(lines)


def _what_failed(failed: int, unknown: int) -> str:
    told = []
    if failed:
        told.append(
            ngettext(
                "%(count)s grade was not registered in Ladok.", "%(count)s grades were not registered in Ladok.", failed
            )
            % {"count": failed}
        )
    if unknown:
        told.append(
            ngettext(
                "The outcome of %(count)s grade is unknown: it may be in Ladok, so look there before you send it again.",
                "The outcome of %(count)s grades is unknown: they may be in Ladok, so look there before you send them again.",
                unknown,
            )
            % {"count": unknown}
        )
    return " ".join(told) or gettext("The flow's page tells why.")


def _run_lines(runs: Sequence[SyncRun]) -> list[str]:
    newest = {one.flow_id: one for one in reversed(runs)}
    return sorted(
        _line(run.flow, _why(run.flow.sync_reason), reverse("flows:detail", args=[run.flow_id]))
        for run in newest.values()
    )


def _why(reason: Message | None) -> str:
    """The reason, but for one with words of another system in it: that stands on the flow's page."""
    if reason is None or not set(reason.params) <= HARMLESS:
        return gettext("The flow's page tells why.")
    return f"{reason.what} {reason.todo}"


def _line(flow: Flow, told: str, address: str) -> str:
    codes = ", ".join(code.code for code in flow.codes.all() if code.removed_at is None)
    text = f"- {flow.title} ({codes}), {flow.source.name}: {told} {settings.PUBLIC_URL}{address}"
    return " ".join(text.split())
