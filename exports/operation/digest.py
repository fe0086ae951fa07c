"""One e-mail to each manager with all that needs her: exports that failed, grades that have to be looked into, synchronisations that
ask or failed at night.

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
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext, ngettext

from exports.models import DigestEntry, DigestReader, ExportAttempt, ExportItem, Finding
from exports.pages.findings import Found, found_in
from exports.pages.lists import with_newer
from ladokflow import leases
from ladokflow.choices import with_trait
from ladokflow.mail import letter
from ladokflow.messages import Message, Trait
from sources.models import Flow, Membership, SyncRun
from sources.models.flow import ExportState
from sources.sync.failures import managers_to_tell, runs_to_tell

logger = logging.getLogger(__name__)

GATHER = dt.timedelta(minutes=3)  # what happens so soon after the first thing goes with it
DISTANCE = dt.timedelta(minutes=30)  # between two e-mails to the same person
LEASE = dt.timedelta(minutes=10)  # longer than a live worker can last
WINDOW = dt.timedelta(days=7)  # what is older is told to nobody any more
REMIND = dt.timedelta(days=1)  # that grades are in Ladok twice is told again, until somebody has dealt with it

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
        return min(at for thing in self.all if (at := thing.finished_at))


def send_digests(now: dt.datetime | None = None) -> int:
    """Send what is to be told; how many e-mails. Call it every few minutes."""
    now = now or timezone.now()
    ready = [news for news in _gather(now).values() if news.first_at <= now - GATHER]
    return sum(_send(news, now) for news in ready)


def _gather(now: dt.datetime) -> dict[int, News]:
    """For each person's key, what still stands and has not been told her."""
    since = now - WINDOW
    failed = Q(state=ExportAttempt.State.FAILED, finished_at__gte=since, flow__export_state=ExportState.FAILED)
    found = Finding.objects.open().filter(item__attempt=OuterRef("pk"))
    attempts: list[Any] = list(
        ExportAttempt.objects.annotate(is_found=Exists(found), is_twice=Exists(found.filter(kind=Finding.Kind.TWICE)))
        .filter(failed | Q(is_found=True), finished_at__isnull=False)
        .defer("answer")
        .select_related("flow__source")
        .prefetch_related("flow__codes")
        .order_by("-created_at")
    )
    runs = runs_to_tell(since=since, now=now)
    things: list[Thing] = [*attempts, *runs]
    managers = managers_to_tell({thing.flow_id: thing.flow for thing in things}.values())
    told_of = _told({member.user_id for members in managers.values() for member in members}, since)
    news_by_user: dict[int, News] = {}
    for thing in things:
        for member in managers[thing.flow_id]:
            told_at = told_of.get(member.user_id, {}).get((_kind(thing), thing.pk))
            if told_at and not (getattr(thing, "is_twice", False) and told_at <= now - REMIND):
                continue
            news = news_by_user.setdefault(member.user_id, News(member))
            if isinstance(thing, ExportAttempt):
                news.attempts.append(thing)
            else:
                news.runs.append(thing)
    return news_by_user


def _kind(thing: Thing) -> str:
    return "attempt" if isinstance(thing, ExportAttempt) else "run"


def _told(people: Iterable[int], since: dt.datetime) -> dict[int, dict[Key, dt.datetime]]:
    told_of: dict[int, dict[Key, dt.datetime]] = {}
    rows = DigestEntry.objects.filter(user_id__in=list(people), told_at__gte=since)
    for user_id, attempt_id, run_id, told_at in rows.values_list("user_id", "attempt_id", "run_id", "told_at"):
        key = ("attempt", attempt_id) if attempt_id else ("run", run_id)
        told_of.setdefault(user_id, {})[key] = told_at
    return told_of


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
        entries = [DigestEntry(user_id=news.member.user_id, attempt=each, told_at=now) for each in news.attempts]
        entries += [DigestEntry(user_id=news.member.user_id, run=each, told_at=now) for each in news.runs]
        DigestEntry.objects.filter(user_id=news.member.user_id, attempt__in=news.attempts).delete()  # of a reminder
        DigestEntry.objects.bulk_create(entries, ignore_conflicts=True)
        DigestReader.objects.filter(user_id=news.member.user_id).update(lease_until=None, sent_at=now)
    logger.info("export.digest.sent user=%s things=%s", news.member.user_id, len(entries))
    return True


def _take(user_id: int, now: dt.datetime) -> bool:
    """The right to write to this person: nobody else is doing it, and the last e-mail is not too fresh."""
    DigestReader.objects.get_or_create(user_id=user_id)
    free = Q(lease_until__isnull=True) | leases.is_over("lease_until", LEASE, now=now)
    # A clock that has been set back since must not keep anybody waiting.
    rested = Q(sent_at__isnull=True) | Q(sent_at__lte=now - DISTANCE) | Q(sent_at__gt=now)
    return bool(DigestReader.objects.filter(free, rested, user_id=user_id).update(lease_until=now + LEASE))


def told_before(moment: dt.datetime) -> QuerySet[DigestEntry]:
    """What can be forgotten of what was told before then; never what would be told again."""
    return DigestEntry.objects.filter(told_at__lt=min(moment, timezone.now() - 2 * WINDOW))


# --- The words ---------------------------------------------------------------------------------------------------


def write(news: News) -> EmailMessage:
    """The e-mail, in the active language: a line for each flow."""
    flows = {thing.flow_id for thing in news.all}
    subject = ngettext("LadokFlow: %(count)s flow needs you", "LadokFlow: %(count)s flows need you", len(flows))
    body: list[str] = []
    found = found_in(Flow.objects.filter(pk__in={each.flow_id for each in news.attempts}))
    if found:
        body += [gettext("Grades to look into:"), *_found_lines(found), ""]
    failed = [each for each in news.attempts if each.state == "failed" and each.flow.export_state == ExportState.FAILED]
    if failed:
        body += [gettext("Exports that failed:"), *_export_lines(failed), ""]
    if news.runs:
        body += [gettext("Synchronisations that ask for an answer, or failed:"), *_run_lines(news.runs), ""]
    body += [
        gettext("You get this because you are a manager of the flows. Switch it off under My settings:"),
        f"{settings.PUBLIC_URL}{reverse('preferences')}",
    ]
    return letter(news.member.user.email, subject % {"count": len(flows)}, body)


def _export_lines(attempts: Sequence[ExportAttempt]) -> list[str]:
    """One for each flow, with what is not in Ladok now, whichever attempt it failed in."""
    newest = {each.flow_id: each for each in reversed(attempts)}
    unsettled = ExportItem.objects.filter(attempt__flow_id__in=newest, state__in=ExportItem.UNSETTLED)
    rows = with_newer(unsettled).filter(has_newer=False).order_by()
    counts = _per_flow(rows)
    there = _per_flow(rows.filter(with_trait("message", Trait.ALREADY_IN_LADOK)))
    lines = []
    for flow_id, attempt in newest.items():
        failed = counts.get((flow_id, ExportItem.State.FAILED), 0)
        unknown = counts.get((flow_id, ExportItem.State.UNKNOWN), 0)
        address = reverse("exports:attempt", args=[attempt.pk])
        already = there.get((flow_id, ExportItem.State.FAILED), 0)
        lines.append(_line(attempt.flow, _what_failed(failed - already, already, unknown), address))
    return sorted(lines)


def _found_lines(found: Sequence[Found]) -> list[str]:
    return [
        _line(each.flow, " ".join(each.sentences), reverse("exports:findings", args=[each.flow.pk])) for each in found
    ]


def _per_flow(items: QuerySet[Any]) -> dict[tuple[int, str], int]:
    """How many there are of each flow in each state."""
    rows = items.values_list("attempt__flow_id", "state").annotate(Count("pk"))
    return {(flow_id, state): count for flow_id, state, count in rows}


def _what_failed(failed: int, already: int, unknown: int) -> str:
    """`already`: those of which Ladok says that it has them."""
    sentences = []
    if failed:
        sentences.append(
            ngettext(
                "%(count)s grade was not registered in Ladok.", "%(count)s grades were not registered in Ladok.", failed
            )
            % {"count": failed}
        )
    if already:
        sentences.append(
            ngettext(
                "Ladok says that it has %(count)s grade already: look there, and mark it as exported.",
                "Ladok says that it has %(count)s grades already: look there, and mark them as exported.",
                already,
            )
            % {"count": already}
        )
    if unknown:
        sentences.append(
            ngettext(
                "The outcome of %(count)s grade is unknown: it may be in Ladok, so look there before you send it again.",
                "The outcome of %(count)s grades is unknown: they may be in Ladok, so look there before you send them again.",
                unknown,
            )
            % {"count": unknown}
        )
    return " ".join(sentences) or gettext("The flow's page tells why.")


def _run_lines(runs: Sequence[SyncRun]) -> list[str]:
    newest = {each.flow_id: each for each in reversed(runs)}
    return sorted(
        _line(run.flow, _why(run.flow.sync_reason), reverse("flows:detail", args=[run.flow_id]))
        for run in newest.values()
    )


def _why(reason: Message | None) -> str:
    """The reason, but for one with words of another system in it: that stands on the flow's page."""
    if reason is None or not set(reason.params) <= HARMLESS:
        return gettext("The flow's page tells why.")
    return f"{reason.what} {reason.todo}"


def _line(flow: Flow, sentence: str, address: str) -> str:
    codes = ", ".join(code.code for code in flow.codes.all() if code.removed_at is None)
    text = f"- {flow.title} ({codes}), {flow.source.name}: {sentence} {settings.PUBLIC_URL}{address}"
    return " ".join(text.split())
