"""Who is told when somebody is given rights at a source, or has them taken away: nobody does it unseen."""

from __future__ import annotations

import logging
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from ladokflow.changes import table_of
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
    for reader in _readers(entry):
        with translation.override(reader.language or settings.LANGUAGE_CODE):
            _letter(entry, reader).send()
    logger.info("source.rights.told entry=%s", entry_pk)


class Reader(NamedTuple):
    address: str
    language: str
    can_take_back: bool


def _readers(entry: AuditEntry) -> list[Reader]:
    members = Membership.objects.filter(source=entry.source, user__is_active=True).exclude(user=entry.actor_id)
    languages = dict(members.values_list("user__email", "language"))
    people = get_user_model().objects.filter(is_active=True).exclude(pk=entry.actor_id or 0)
    admins = set(members.filter(role=Membership.Role.LICENCE_ADMIN).values_list("user__email", flat=True))
    operators = set(people.filter(is_superuser=True).values_list("email", flat=True))
    about = people.filter(username=entry.message["params"].get("email", "")).values_list("email", flat=True)
    told = dict.fromkeys([*(admins or operators), *about])
    return [Reader(one, languages.get(one, ""), one in admins | operators) for one in told if one]


def _letter(entry: AuditEntry, reader: Reader) -> EmailMessage:
    who = entry.actor.get_username() if entry.actor else gettext("A schedule or a worker")
    at = moment_in_words(entry.at, entry.source.tz)
    return letter(
        reader.address,
        gettext("LadokFlow: rights at %(source)s have been changed") % {"source": entry.source.name},
        [
            gettext("%(who)s did this at %(at)s:") % {"who": who, "at": at},
            str(Message.from_json(entry.message)),
            "",
            *(_way_back(entry) if reader.can_take_back else [_whom_to_tell(entry)]),
        ],
    )


def _way_back(entry: AuditEntry) -> list[str]:
    return [
        gettext(
            "If this is not as it should be, take it back in the administration, and tell those who run LadokFlow:"
        ),
        f"{settings.PUBLIC_URL}{reverse(f'admin:sources_{_table(entry)}_changelist')}",
    ]


def _whom_to_tell(entry: AuditEntry) -> str:
    """Whoever it is about may not open the administration, or not this."""
    return gettext("If this is not as it should be, tell a licence admin of %(source)s.") % {
        "source": entry.source.name
    }


def _table(entry: AuditEntry) -> str:
    """Where it is taken back."""
    named = table_of(entry.message["params"].get("kind"))
    return str((named or Membership)._meta.model_name)
