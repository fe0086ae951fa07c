"""Who is told that a credential will soon stop working: 90, 30 and 7 days before, and when it has."""

from __future__ import annotations

import datetime as dt
import logging

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext

from ladokflow.mail import letter
from ladokflow.messages import Message, message
from sources.models import Credential, Membership

logger = logging.getLogger(__name__)

DAYS_BEFORE = (90, 30, 7, 0)


def told_of(credential: Credential, now: dt.datetime, within: int = DAYS_BEFORE[0]) -> Message | None:
    """What there is to tell of one that is in use and stops working within so many days, or has stopped."""
    ends, last_day = credential.expires_at, credential.expires_on
    if ends is None or last_day is None or ends >= now + dt.timedelta(days=within):
        return None
    code = "sources.credential_expired" if ends <= now else "sources.credential_expires"
    return message(code, system=credential.get_system_display(), at=last_day.isoformat())


def tell_of_expiring(now: dt.datetime | None = None) -> int:
    """Write to those who can do something, once for each of `DAYS_BEFORE`; how many credentials. Call it every hour.

    That it was told is written after the mail server has taken the e-mails: a worker that dies in between leads to a second copy.
    """
    now = now or timezone.now()
    soon = now + dt.timedelta(days=DAYS_BEFORE[0])
    rows = Credential.objects.in_use().filter(expires_at__lt=soon).defer("secret").select_related("source", "owner")
    return sum(_tell(row, now) for row in rows)


def _tell(credential: Credential, now: dt.datetime) -> bool:
    step = _step(credential, now)
    if credential.expiry_told is not None and credential.expiry_told <= step:
        return False
    told = told_of(credential, now)
    if told is None:
        return False
    for address, language in _readers(credential).items():
        with translation.override(language or settings.LANGUAGE_CODE):
            _letter(credential, told, address).send()
    Credential.objects.filter(pk=credential.pk, expires_at=credential.expires_at).update(expiry_told=step)
    logger.info("source.credential.expiry_told credential=%s days=%s", credential.pk, step)
    return True


def _step(credential: Credential, now: dt.datetime) -> int:
    """The least of DAYS_BEFORE that it is within."""
    left = (credential.expires_at or now) - now
    return min(days for days in DAYS_BEFORE if left <= dt.timedelta(days=days))


def _readers(credential: Credential) -> dict[str, str]:
    """Address -> language, of the source's licence admins and of the owner."""
    members = Membership.objects.filter(source=credential.source_id, user__is_active=True).exclude(user__email="")
    told = Q(role=Membership.Role.LICENCE_ADMIN) | Q(user=credential.owner_id)
    return dict(members.filter(told).values_list("user__email", "language"))


def _letter(credential: Credential, told: Message, address: str) -> EmailMessage:
    facts = {"label": credential.label, "source": credential.source.name}
    return letter(
        address,
        gettext("LadokFlow: the credential “%(label)s” of %(source)s") % facts,
        [
            f"{told.what} {told.effect}",
            told.todo,
            f"{settings.PUBLIC_URL}{reverse('admin:sources_credential_change', args=[credential.pk])}",
        ],
    )
