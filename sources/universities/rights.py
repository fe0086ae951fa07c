"""Who is told when somebody is given rights at a source, or has them taken away: nobody does it unseen."""

from __future__ import annotations

import logging

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from ladokflow.dates import moment_in_words
from ladokflow.mail import letter
from ladokflow.messages import Message
from ladokflow.queue import enqueue
from sources.models import AuditEntry, Membership

logger = logging.getLogger(__name__)


def tell_later(entry: AuditEntry) -> None:
    """Call it in the transaction that has written the entry."""
    enqueue("sources.tasks.tell_of_rights", entry.pk)


def tell(entry_pk: int) -> None:
    """One e-mail each to the source's other licence admins and to whom it is about; to the operators where there is no other."""
    entry = AuditEntry.objects.select_related("source", "actor").get(pk=entry_pk)
    for address, language in _readers(entry).items():
        with translation.override(language or settings.LANGUAGE_CODE):
            _letter(entry, address).send()
    logger.info("source.rights.told entry=%s", entry_pk)


def _readers(entry: AuditEntry) -> dict[str, str]:
    """Address -> language."""
    members = Membership.objects.filter(source=entry.source, user__is_active=True).exclude(user=entry.actor_id)
    admins = members.filter(role=Membership.Role.LICENCE_ADMIN).values_list("user__email", "language")
    people = get_user_model().objects.filter(is_active=True).exclude(pk=entry.actor_id or 0)
    about = people.filter(username=entry.message["params"].get("email", "")).values_list("email", flat=True)
    told = dict(admins) or dict.fromkeys(people.filter(is_superuser=True).values_list("email", flat=True), "")
    languages = dict(members.values_list("user__email", "language"))
    told |= {address: languages.get(address, "") for address in about}
    return {address: language for address, language in told.items() if address}


def _letter(entry: AuditEntry, address: str) -> EmailMessage:
    who = entry.actor.get_username() if entry.actor else gettext("A schedule or a worker")
    at = moment_in_words(entry.at, entry.source.tz)
    return letter(
        address,
        gettext("LadokFlow: rights at %(source)s have been changed") % {"source": entry.source.name},
        [
            gettext("%(who)s did this at %(at)s:") % {"who": who, "at": at},
            str(Message.from_json(entry.message)),
            "",
            gettext(
                "If this is not as it should be, take it back in the administration, and tell those who run LadokFlow:"
            ),
            f"{settings.PUBLIC_URL}{reverse('admin:sources_membership_changelist')}",
        ],
    )
