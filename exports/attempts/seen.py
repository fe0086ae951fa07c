"""What the pages and commands of exports show, as fingerprints of it: what a person has seen is what is done.

Only what somebody is shown, and what tells it from another thing that looks the same, is in a fingerprint: what changes by
itself every few minutes, as when the grades were last read, would have people look again for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from exports.models import ExportAttempt, ExportItem
from exports.rules.candidates import Candidate
from exports.rules.items import IDENTIFIERS
from exports.rules.values import Asking
from ladokflow.fingerprints import Fingerprint, fingerprint
from sources.models import Flow, FlowSource, Registration
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
    """For each flow: if an export is under way, the newest attempt, how many outcomes are unknown and how many of Ladok's
    registrations are in doubt or gone from its list. However many people a flow has: of these few, there are indexes."""
    attempts = ExportAttempt.objects.filter(flow=OuterRef("pk"))
    unknown = ExportItem.objects.filter(attempt__flow=OuterRef("pk"), state=ExportItem.State.UNKNOWN)
    uncertain = Registration.objects.filter(code__flow=OuterRef("pk")).filter(~Q(doubt={}) | Q(is_listed=False))
    return flows.annotate(
        is_under_way=Exists(attempts.filter(state__in=ExportAttempt.OPEN)),
        newest_attempt=Subquery(attempts.order_by("-created_at").values("pk")[:1]),
        unknown_count=Coalesce(_of_each(unknown, "attempt__flow"), 0),
        uncertain_count=Coalesce(_of_each(uncertain, "code__flow"), 0),
    )


def _of_each(rows: QuerySet[Any], flow: str) -> Subquery:
    return Subquery(rows.order_by().values(flow).annotate(count=Count("pk")).values("count"))


def with_standing_of(flow: Flow) -> Any:
    return with_standing(Flow.objects.filter(pk=flow.pk)).get()


def fingerprint_of_row(flow: Any) -> Fingerprint:
    """Of a flow in a list, with its `with_standing`. It shows how many there are, so who they are counts by their last change."""
    state = [flow.export_state, flow.export_message, flow.is_under_way, flow.newest_attempt]
    return fingerprint("exports.row", [*_figures(flow), state])


def fingerprint_of_figures(flow: Any) -> Fingerprint:
    """Of what stays as it is in that row when an export has been ordered, and before it is started."""
    return fingerprint("exports.figures", _figures(flow))


def _figures(flow: Any) -> list[Any]:
    counts = [flow.participant_count, flow.graded_count, flow.exported_count, flow.failed_count, flow.unknown_count]
    counts.append(flow.uncertain_count)
    codes = sorted(code.pk for code in flow.codes.all() if code.removed_at is None)
    return [flow.pk, flow.title, counts, codes, flow.graded_at]
