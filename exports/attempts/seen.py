"""What the pages and commands of exports show, as fingerprints of it: what a person has seen is what is done.

Only what somebody is shown, and what tells it from another thing that looks the same, is in a fingerprint: what changes by
itself every few minutes, as when the grades were last read, would have people look again for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.db.models import Exists, OuterRef, Subquery, UUIDField

from exports.models import ExportAttempt, ExportItem
from exports.rules.candidates import Candidate
from exports.rules.items import IDENTIFIERS
from exports.rules.values import Asking
from ladokflow.fingerprints import Fingerprint, fingerprint
from ladokflow.sql import Column, how_many, is_so
from sources.models import Flow, FlowSource
from sources.models.flow import FlowQuerySet


def fingerprint_of_selection(
    flow: Flow, sent: Sequence[Candidate], asking: Asking, managers: Sequence[str], unread: Sequence[FlowSource]
) -> Fingerprint:
    """Of an export that has not been started; its parts are the people, by `key_of`."""
    facts = [flow.pk, asking, managers, [[code.pk, code.list_read_at] for code in unread]]
    return fingerprint("exports.selection", facts, {key_of(*person.key): _person(person) for person in sent})


def key_of(participant: int, place: int) -> str:
    return f"{participant}-{place}"


def participant_of(key: str) -> int:
    """The participant whom a part is of; 0 for a key that is none of ours."""
    number = key.partition("-")[0]
    return int(number) if number.isdecimal() and len(number) < 19 else 0


def _person(person: Candidate) -> dict[str, Any]:
    line = vars(person.facts.line)
    if person.choices:
        # The code is chosen in the form itself, and with it what Ladok calls the person there.
        line = {name: value for name, value in line.items() if name not in IDENTIFIERS}
    item, elsewhere = person.item, person.facts.sent_elsewhere
    return {
        "name": str(person.participant),
        "known_as": person.participant.organisation_id,
        "line": line,
        "codes": [code.pk for code in person.choices or (person.code,) if code is not None],
        "last": [item.pk, item.state, item.may_be_in_ladok, item.replaces_exported] if item is not None else None,
        "elsewhere": asdict(elsewhere) if elsewhere is not None else None,
    }


# --- A flow in a list ----------------------------------------------------------------------------------------------


def with_standing(flows: FlowQuerySet) -> FlowQuerySet:
    """For each flow: if an export is under way, the newest attempt, and how many outcomes are unknown. However many people a flow has: of
    these few, there is an index."""
    return flows.annotate(**STANDING)


_attempts = ExportAttempt.objects.filter(flow=OuterRef("pk"))
_unknown = ExportItem.objects.filter(attempt__flow=OuterRef("pk"), state=ExportItem.State.UNKNOWN)
STANDING = {
    "is_under_way": is_so(Exists(_attempts.filter(state__in=ExportAttempt.OPEN))),
    "newest_attempt": Column(Subquery(_attempts.order_by("-created_at").values("pk")[:1]), UUIDField()),
    "unknown_count": how_many(_unknown, of="attempt__flow"),
}
