"""What those who run LadokFlow do with somebody's account: it is on record, and told. Nobody types a password for somebody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext

from ladokflow.mail import letter
from ladokflow.messages import Refused, message
from ladokflow.queue import enqueue
from sources.identity.letters import address_of, language_of, send
from sources.identity.recording import record_everywhere
from sources.models import Source


@dataclass(frozen=True)
class Change:
    """What the queue is given of it: who changed whose account, and which columns. Nobody is named."""

    user_pk: int
    by_pk: int
    names: tuple[str, ...]

    @property
    def key(self) -> str:
        return " ".join([str(self.user_pk), str(self.by_pk), *self.names])

    @classmethod
    def from_key(cls, key: str) -> Change:
        user_pk, by_pk, *names = key.split()
        return cls(int(user_pk), int(by_pk), tuple(names))


@transaction.atomic
def send_password_letter(user: Any, *, by: Any, address: str | None) -> None:
    """The person chooses the password themselves. Refused where no letter would arrive."""
    if not user.is_active or not address_of(user):
        raise Refused(message("identity.no_password_letter", email=user.get_username()))
    record_everywhere(user, "identity.password_letter", actor=by, address=address)
    enqueue("sources.tasks.send_password_letter", user.pk)


def has_changed(user: Any, names: Sequence[str], fields: dict[str, Any], *, by: Any, address: str | None) -> None:
    """Call it in the transaction that changes the columns `names`; `fields` says what they were, and are. Whoever is an operator, or becomes
    or ceases to be one, concerns every source."""
    at = Source.objects.all() if user.is_superuser or "is_superuser" in names else None
    record_everywhere(user, "identity.account_changed", fields=fields, actor=by, address=address, at=at)
    enqueue("sources.tasks.tell_of_account", Change(user.pk, by.pk, tuple(names)).key)


def is_removed(user: Any, *, by: Any, address: str | None) -> None:
    """Call it in the transaction that removes the account, and before."""
    at = Source.objects.all() if user.is_superuser else None
    record_everywhere(user, "identity.account_removed", actor=by, address=address, at=at)


def tell(change: Change) -> None:
    """Called by a worker: the person, and the others who run LadokFlow."""
    people = get_user_model().objects
    user: Any = people.filter(pk=change.user_pk).first()
    by: Any = people.filter(pk=change.by_pk).first()
    if user is None or by is None:
        return
    operators = people.filter(is_superuser=True, is_active=True)
    told = {each.pk: each for each in (user, *operators) if each.pk != by.pk and address_of(each)}
    for reader in told.values():
        with translation.override(language_of(reader.pk)):
            what = ", ".join(str(user._meta.get_field(name).verbose_name) for name in change.names)
            facts = {"who": by.get_username(), "person": user.get_username(), "what": what}
            lines = [
                gettext("%(who)s has changed the account of %(person)s in LadokFlow: %(what)s.") % facts,
                gettext("If this is not as it should be, tell those who run LadokFlow at once."),
            ]
            send(letter(address_of(reader), gettext("LadokFlow: an account has been changed"), lines), reader.pk)
