"""The audit log: who did what, and when."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import replace

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.utils.translation import gettext

from ladokflow.messages import Message, Trait, by_row
from sources.models import AuditEntry, Flow, Participant, Source


def name_people(entries: Iterable[AuditEntry]) -> list[AuditEntry]:
    """The entries, with whom they name by the row named in words: one question for all of them."""
    shown = list(entries)
    keys = {key for entry in shown if (key := _person(entry)) is not None}
    names = dict(Participant.objects.filter(pk__in=keys).values_list("pk", "organisation_id")) if keys else {}
    for entry in shown:
        key = _person(entry)
        if key is not None:
            who = names.get(key) or gettext("a student who is no longer here")
            params = entry.message["params"].items()
            told = {name: who if value == by_row(key) else value for name, value in params}
            entry.message = {**entry.message, "params": told}
    return shown


def _person(entry: AuditEntry) -> int | None:
    """Whatever another version has written is no reason not to show the log."""
    told = Message.from_json(entry.message)
    found = [value.get("person") for value in (told.params if told else {}).values() if isinstance(value, dict)]
    return next((key for key in found if isinstance(key, int)), None)


def without_people(entry: AuditEntry) -> Message | None:
    """As the entry tells it to whom students are not shown, and of a flow whose students have been emptied."""
    told = Message.from_json(entry.message)
    if told is None or not told.has(Trait.NAMES_STUDENT):
        return told
    hidden = {"person": gettext("a student"), "name": gettext("a student"), "reason": ""}
    return replace(told, params={**told.params, **{name: hidden[name] for name in hidden if name in told.params}})


def record(
    *,
    message: Message,
    source: Source,
    flow: Flow | None = None,
    attempt_id: uuid.UUID | None = None,
    actor: AbstractBaseUser | AnonymousUser | None = None,
    address: str | None = None,
) -> AuditEntry:
    """Write one entry. Call it in the transaction that does what it tells of.

    `actor` is None for a schedule. `address` is where the request came from, if there was one.
    """
    return AuditEntry.objects.create(
        source=source,
        flow=flow,
        attempt_id=attempt_id,
        actor_id=actor.pk if actor is not None else None,
        address=address or None,
        message=message.to_json(),
    )
