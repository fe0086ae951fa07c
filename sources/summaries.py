"""After a night's synchronisations: one e-mail to each manager with a line for every flow that failed or asks.

Nothing is sent when all went well. A row per person and night, claimed with a lease before sending, keeps two workers from
sending the same; a mail that could not be sent is tried again until the next night. Only a worker that dies between the
mail server's answer and the next statement leads to a second copy.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext, ngettext

from sources.models import Flow, Membership, NightSummary, Source, SyncRun
from sources.syncing import due_at, flows_of_the_night

logger = logging.getLogger(__name__)

LEASE = dt.timedelta(minutes=10)
LATEST = dt.timedelta(hours=5)  # a flow that is still under way then is not waited for


def send_summaries(now: dt.datetime | None = None) -> int:
    """Send what is to be told of each source's last night; how many e-mails. Call it every few minutes."""
    now = now or timezone.now()
    sent = 0
    for source in Source.objects.all():
        night_at = due_at(source, now)
        if not _is_over(source, night_at, now):
            continue
        for member, flows in _by_person(source, _flows_to_tell_of(source, night_at)):
            sent += _send_once(source, member, night_at, flows)
    return sent


def _is_over(source: Source, night_at: dt.datetime, now: dt.datetime) -> bool:
    if now - night_at > LATEST:
        return True
    under_way = SyncRun.objects.filter(flow__source=source, created_at__gte=night_at, state__in=SyncRun.OPEN)
    return not under_way.exists() and not flows_of_the_night(source, night_at).exists()


def _flows_to_tell_of(source: Source, night_at: dt.datetime) -> list[Flow]:
    """Flows whose synchronisation failed or asks, and that nobody has put right since."""
    failed = SyncRun.objects.filter(
        flow__source=source, trigger=SyncRun.Trigger.NIGHT, created_at__gte=night_at, state=SyncRun.State.FAILED
    )
    flows = Flow.objects.filter(source=source, pk__in=failed.values("flow_id")).exclude(sync_message={})
    return list(flows.prefetch_related("codes").order_by("title", "pk"))


def _by_person(source: Source, flows: Sequence[Flow]) -> list[tuple[Membership, list[Flow]]]:
    """The members who made the flows or are their managers, each with their flows. Others must not learn of them."""
    if not flows:
        return []
    members = Membership.objects.filter(source=source, gets_summary=True, user__is_active=True).exclude(user__email="")
    found = []
    for member in members.select_related("user").order_by("pk"):
        addresses = {member.user.email.casefold(), member.user.get_username().casefold()}
        own = [flow for flow in flows if flow.created_by_id == member.user_id or addresses & _managers(flow)]
        if own:
            found.append((member, own))
    return found


def _managers(flow: Flow) -> set[str]:
    people = (one for one in flow.staff if one.get("role") == "manager")
    return {email.casefold() for one in people if (email := str(one.get("email") or ""))}


def _send_once(source: Source, member: Membership, night_at: dt.datetime, flows: Sequence[Flow]) -> int:
    row, _ = NightSummary.objects.get_or_create(source=source, user_id=member.user_id, night_at=night_at)
    now = timezone.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    if not NightSummary.objects.filter(free, pk=row.pk, sent_at__isnull=True).update(lease_until=now + LEASE):
        return 0
    with translation.override(member.language or settings.LANGUAGE_CODE):
        mail = write(source, member, flows)
    try:
        mail.send()
    except Exception:
        # Whatever the mail server says: the others are told all the same, and this one is tried again after the lease.
        logger.exception("source.summary.not_sent source=%s summary=%s", source.pk, row.pk)
        return 0
    NightSummary.objects.filter(pk=row.pk).update(sent_at=timezone.now(), lease_until=None)
    logger.info("source.summary.sent source=%s summary=%s flows=%s", source.pk, row.pk, len(flows))
    return 1


def write(source: Source, member: Membership, flows: Sequence[Flow]) -> EmailMessage:
    """The e-mail, in the active language: a line for each flow."""
    count = len(flows)
    subject = ngettext(
        "%(source)s: %(count)s flow was not synchronised last night",
        "%(source)s: %(count)s flows were not synchronised last night",
        count,
    ) % {"source": " ".join(source.name.split()), "count": count}
    body = [
        gettext("These flows were not synchronised with Ladok. The others were."),
        "",
        *(_line(flow) for flow in flows),
        "",
        gettext("You get this because you are a manager of the flows. Your licence admin can switch it off."),
    ]
    return EmailMessage(subject=subject, body="\n".join(body), to=[member.user.email])


def _line(flow: Flow) -> str:
    codes = ", ".join(code.code for code in flow.codes.all() if code.removed_at is None)
    reason = flow.sync_reason
    told = f"{reason.what} {reason.todo}".strip() if reason is not None else ""
    address = f"{settings.PUBLIC_URL}{reverse('flows:detail', args=[flow.pk])}"
    return " ".join(f"- {flow.title} ({codes}): {told} {address}".split())
