"""What a preparation goes by that people and synchronisations may change while it asks Ladok and WISEflow.

Both take their time, and no lock is held meanwhile. The mark looks at these grounds once more under the flow's lock: where they are
others by then, the attempt is prepared anew, and the rules say what follows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Count, Max

from exports.models import ExportAttempt, ExportItem
from exports.rules.facts import sender_of, source_facts
from exports.rules.values import Sender, SourceFacts
from sources.models import IdentityAnswer
from sources.sync.registrations import Recorded
from sources.universities.clients import way_to_ladok

OF_FLOW = (
    "setup_state", "wiseflow_id", "former_host", "released_at", "adoption", "export_ended_at", "instant_export",
    "grade_decided_by", "grade_goes_to", "said_form", "said_of", "synced_at", "papers_read_at",
)  # fmt: skip
OF_CODE = ("removed_at", "list_read_at", "list_doubt")
# What rules ask of a grade that has been sent
OF_ITEM = ("state", "may_be_in_ladok", "replaces_exported")
Way = tuple[Any, ...]  # as of `way_to_ladok`


@dataclass(frozen=True)
class Grounds:
    """`grade_form`: how the licence gives out grades. `way`: that to Ladok. `answered`: the newest word of a manager on whose
    a registration of the code is. `sent`: how many grades there are under the code of which the same is known, also from other flows
    that have had it: one may hold the same person's next."""

    flow: tuple[Any, ...]
    code: tuple[Any, ...]
    source: SourceFacts
    sender: Sender | None
    grade_form: str
    way: Way
    answered: int | None
    sent: tuple[tuple[Any, ...], ...]

    @property
    def sent_count(self) -> int:
        return sum(count for *_, count in self.sent)


class GroundsChanged(Exception):
    """What was prepared goes by something that is otherwise now."""


def grounds_of(attempt: ExportAttempt, way: Way = ()) -> Grounds:
    """As of the attempt's flow and code, which the caller has just read, and the way to Ladok; the rest is read here."""
    flow, code = attempt.flow, attempt.code
    answers = IdentityAnswer.objects.filter(registration__code=code)
    items = ExportItem.objects.filter(attempt__code__source=flow.source_id, attempt__code__normal_code=code.normal_code)
    return Grounds(
        flow=tuple(getattr(flow, name) for name in OF_FLOW),
        code=tuple(getattr(code, name) for name in OF_CODE),
        source=source_facts(flow.source),
        sender=sender_of(flow, attempt.requested_by),
        grade_form=flow.source.grade_form,
        way=way,
        answered=answers.aggregate(newest=Max("pk"))["newest"],
        sent=tuple(items.order_by(*OF_ITEM).values_list(*OF_ITEM).annotate(count=Count("*"))),
    )


def of_a_list_read(grounds: Grounds, recorded: Recorded) -> Grounds | None:
    """What these are once the code's list has been read, where it has said nothing new and nobody else has read it since; else None."""
    code = dict(zip(OF_CODE, grounds.code, strict=True))
    if recorded.is_changed or recorded.read_before != code["list_read_at"]:
        return None
    return replace(grounds, code=tuple((code | {"list_read_at": recorded.read_at}).values()))


def insist_on(attempt: ExportAttempt, grounds: Grounds) -> None:
    """GroundsChanged where these are no longer the attempt's, RemoteError where there is no way to Ladok any more. Sure only
    under the flow's lock."""
    attempt = read_anew(attempt)
    if grounds_of(attempt, way_to_ladok(attempt.flow.source)) != grounds:
        raise GroundsChanged


def read_anew(attempt: ExportAttempt) -> ExportAttempt:
    rows = ExportAttempt.objects.select_related("flow__source", "code", "requested_by").defer("answer", "order")
    return rows.get(pk=attempt.pk)
