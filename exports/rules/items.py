"""What has been sent: a person's newest item under each code, and what an item holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models.functions import Coalesce

from exports.models import ExportItem
from ladokflow.ladok.base import GradeLine
from ladokflow.messages import Message, Trait
from sources.models import Flow, Participant, Registration

IDENTIFIERS = ("organisation_id", "unique_exam_id", "external_user_id", "national_id")


@dataclass(frozen=True)
class Item:
    """The person's newest item that is not superseded."""

    pk: int
    state: str
    grade: str
    is_alternative: bool
    points: Decimal | None
    generation: int
    message: Mapping[str, Any]
    attempt_id: Any
    code_id: int
    code: str  # Ladok's
    normal_code: str  # the same for a code that was taken off and put back, which has another row
    http_status: int | None
    place: int = 0  # as `ExportItem.place`
    may_be_in_ladok: bool = False
    replaces_exported: bool = False
    organisation_id: str = ""
    unique_exam_id: str = ""
    external_user_id: str = ""
    at: dt.datetime | None = None  # when it was sent, or asked for

    @property
    def line(self) -> GradeLine:
        """Without the national id: it is encrypted, and the others tell who it was."""
        return GradeLine(
            self.grade,
            self.is_alternative,
            self.points,
            self.organisation_id,
            self.unique_exam_id,
            self.external_user_id,
        )

    @cached_property
    def reason(self) -> Message | None:
        return Message.from_json(self.message)

    def _says(self, trait: Trait) -> bool:
        return self.reason is not None and self.reason.has(trait)

    @property
    def next_generation(self) -> int:
        """One higher for each definite answer of Ladok's about the person.

        A repeat of the same content must keep its idempotency key while the outcome is unknown. Once Ladok has answered,
        the same grade is new content: a receiver that keeps its answers would only repeat the old one.
        """
        return self.generation + int(self.state == ExportItem.State.EXPORTED or self.is_rejected)

    @property
    def is_rejected(self) -> bool:
        """Whether Ladok has said of this very person that it does not take the grade: which may be there from before all the same."""
        is_answered = self.http_status is not None and 200 <= self.http_status < 300
        return is_answered and (self.state == ExportItem.State.FAILED or self._says(Trait.RETRY_REFUSED))

    @property
    def is_there_already(self) -> bool:
        """As `ExportItem.is_there_already`."""
        return self.state == ExportItem.State.FAILED and self._says(Trait.ALREADY_IN_LADOK)

    @property
    def leaves_in_doubt(self) -> bool:
        """Whether a grade of the person's may be in Ladok without anybody knowing, when this item is set aside."""
        return self.state == ExportItem.State.UNKNOWN or (
            self.state == ExportItem.State.FAILED and self.may_be_in_ladok
        )

    @property
    def may_be_there(self) -> bool:
        """Whether a grade of the person's is in Ladok under the item's code, or may be."""
        return self.state != ExportItem.State.FAILED or self.may_be_in_ladok or self.replaces_exported

    @property
    def leaves_exported(self) -> bool:
        """Whether a grade of the person's is known to be in Ladok, and is what comes next to be written over."""
        return self.state == ExportItem.State.EXPORTED or self.replaces_exported


def newest_items(flow: Flow) -> dict[int, list[Item]]:
    """By participant: the newest item for each Ladok code, the newest of all last."""
    rows = (
        ExportItem.objects.filter(participant__flow=flow)
        .exclude(state=ExportItem.State.SUPERSEDED)
        .order_by("pk")
        .values_list(
            "participant_id", "pk", "state", "grade", "is_alternative", "points", "generation", "message",
            "attempt_id", "attempt__code_id", "attempt__code__code", "attempt__code__normal_code", "attempt__http_status", "place", "may_be_in_ladok",
            "replaces_exported", "organisation_id", "unique_exam_id", "external_user_id",
            Coalesce("attempt__sending_at", "attempt__created_at"),
        )
    )  # fmt: skip
    newest: dict[int, dict[str, Item]] = {}
    for participant_id, *values in rows:
        item = Item(*values)
        of_person = newest.setdefault(participant_id, {})
        of_person.pop(item.normal_code, None)
        of_person[item.normal_code] = item
    return {participant_id: list(of_person.values()) for participant_id, of_person in newest.items()}


def identifiers_of(row: Participant | Registration | ExportItem | GradeLine) -> dict[str, str]:
    """What Ladok knows the person by, by column: the same in each of the tables."""
    return {name: getattr(row, name) for name in IDENTIFIERS}


def item_line(item: ExportItem) -> GradeLine:
    """What an item holds: what is sent is this, and never what the participant has become since."""
    return GradeLine(
        grade=item.grade,
        is_alternative=item.is_alternative,
        points=item.points,
        mark=item.mark,
        **identifiers_of(item),
    )
