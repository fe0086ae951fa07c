"""Writing down what a synchronisation did: the flow, its participants, the run, and the audit log, in one transaction.

Each write asks for the lease's token, so that a worker that was taken for dead writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone

from ladokflow.messages import Message, message
from ladokflow.wiseflow.schemas import FlowParticipant
from sources import audit
from sources.models import Flow, FlowSource, Participant, SyncRun
from sources.sync.apply.apply import Applied
from sources.sync.gather import Gathered
from sources.sync.lease import Lease, LeaseLost
from sources.sync.plan.flow_data import DATE_FIELDS, TEXT_LENGTH
from sources.sync.plan.identity import IDENTIFIERS
from sources.sync.plan.values import CONCLUDED, Change, Entry

BATCH = 500
UPDATES = frozenset({"people.update", "people.unique_exam_id", "people.end", "people.reactivate"})
ROW_FIELDS = (
    "wiseflow_id",
    "user_id",
    "organisation_id",
    "national_id",
    "first_name",
    "last_name",
    "email",
    "external_user_id",
    "unique_exam_id",
    "individual_end_at",
    "room",
    "is_from_source",
    "is_active",
    "is_activation_manual",
)


def record_success(
    gathered: Gathered, applied: Applied, lease: Lease, run: SyncRun, *, state: int, **flow_fields: Any
) -> None:
    plan, flow = gathered.plan, gathered.flow
    with transaction.atomic():
        lease.release(**{**_flow_fields(gathered, applied, state), **flow_fields})
        if state < CONCLUDED:
            _record_codes(gathered)
            _record_people(gathered, applied)
        problems = [*plan.problems, *applied.problems]
        counts = _counts(gathered, applied)
        _finish(run, lease, SyncRun.State.SUCCESS, applied.done, problems, **counts)
        audit.record(
            message=message("sources.audit.synced", **counts), source=flow.source, flow=flow, actor=run.requested_by
        )


def record_failure(
    flow: Flow,
    lease: Lease,
    run: SyncRun,
    told: Message,
    *,
    asks: bool = False,
    changes: Sequence[Message] = (),
    problems: Sequence[Message] = (),
    **flow_fields: Any,
) -> None:
    """`changes` are those that had been made before it failed."""
    with transaction.atomic():
        lease.release(sync_message=told.to_json(), **flow_fields)
        _finish(run, lease, SyncRun.State.FAILED, changes, problems, message=told.to_json(), asks=asks)
        audit.record(
            message=message("sources.audit.sync_failed"), source=flow.source, flow=flow, actor=run.requested_by
        )


def _finish(
    run: SyncRun, lease: Lease, state: str, changes: Iterable[Message], problems: Iterable[Message], **fields: Any
) -> None:
    fields |= {
        "state": state,
        "changes": [entry.to_json() for entry in changes],
        "problems": [entry.to_json() for entry in problems],
        "finished_at": timezone.now(),
    }
    if not SyncRun.objects.filter(pk=run.pk, state=SyncRun.State.RUNNING, token=lease.token).update(**fields):
        raise LeaseLost


def _counts(gathered: Gathered, applied: Applied) -> dict[str, int]:
    """The plan's counts without what WISEflow refused."""
    counts = dict(gathered.plan.counts)
    names = {"people.add": "added", "people.remove": "removed", "people.deactivate": "deactivated"}
    for kind, _ in applied.refused:
        if kind in names:
            counts[names[kind]] -= 1
    idle = _refused_altogether(gathered.plan.changes, applied)
    counts["updated"] -= idle
    counts["unchanged"] += idle
    return counts


def _refused_altogether(changes: Sequence[Change], applied: Applied) -> int:
    """How many of those who were to be updated have nothing of it: each change of theirs was refused."""
    newcomers = {change.data["key"] for change in changes if change.kind == "people.add"}
    planned: dict[str, set[tuple[str, str]]] = {}
    for change in changes:
        if change.kind in UPDATES and change.data["key"] not in newcomers:
            planned.setdefault(change.data["key"], set()).add((change.kind, change.data["key"]))
    return sum(wanted <= applied.refused for wanted in planned.values())


def _flow_fields(gathered: Gathered, applied: Applied, state: int) -> dict[str, Any]:
    plan, present, scale = gathered.plan, gathered.present, gathered.scale
    made = {
        change.kind: change
        for change in plan.changes
        if change.section in ("metadata", "dates", "scale") and (change.kind, "") not in applied.refused
    }
    dates = made["dates.set"].data if "dates.set" in made else {}
    fields: dict[str, Any] = {
        "title": (made["metadata.title"].data["value"] if "metadata.title" in made else present.title)[:TEXT_LENGTH],
        "subtitle": (made["metadata.subtitle"].data["value"] if "metadata.subtitle" in made else present.subtitle)[
            :TEXT_LENGTH
        ],
        "state": state,
        "sync_message": {},
        **{name: dates.get(name) or getattr(present.dates, name) for name in DATE_FIELDS},
    }
    if "scale.set" not in made and any(change.kind == "scale.set" for change in plan.changes):
        pass  # refused: the scale is the one it was
    elif scale is not None:
        fields |= {
            "grading_scale_id": scale.id,
            "grading_scale": scale.name[:200],
            "grades": [] if scale.is_range else list(scale.grades),
        }
    if gathered.wanted.exams:
        fields |= {
            "flow_type": gathered.memory.flow_type,
            "followed": _followed(gathered, applied),
            "unfollowed": dict(plan.unfollowed),
            "follows_dates": plan.follows_dates,
            "synced_at": timezone.now(),
        }
    return fields


def _followed(gathered: Gathered, applied: Applied) -> dict[str, Any]:
    """Without what WISEflow refused: that is not what we wrote last."""
    plan = gathered.plan
    followed = dict(plan.followed)
    before = gathered.memory.followed
    for name in _not_written(applied):
        followed.pop(name, None)
        if name in before:
            followed[name] = before[name]
    if ("scale.set", "") in applied.refused:
        followed.pop("grading_scale", None)
    for room in {key for kind, key in applied.refused if kind == "rooms.book"}:
        followed["rooms"] = {name: when for name, when in followed["rooms"].items() if name != room}
        if room in before.get("rooms", {}):
            followed["rooms"][room] = before["rooms"][room]
    if plan.syncs_people:
        # Our rows have what Ladok says, also of those whom WISEflow would not update: that is tried again.
        ids = [applied.ids[key] for kind, key in applied.refused if kind == "people.update" and key in applied.ids]
        followed["not_updated"] = sorted(ids)
        if not ids:
            del followed["not_updated"]
    refused = {key for kind, key in applied.refused if kind == "staff.add"}
    kept = [pair for pair in followed.get("staff", []) if f"{pair[0]} {pair[1]}" not in refused]
    created = [list(pair) for pair in applied.staff]
    followed["staff"] = [*kept, *(pair for pair in created if pair not in kept)]
    if applied.allocations:
        given: dict[str, list[int]] = dict(before.get("allocations", {}))
        for assessor, participants in applied.allocations.items():
            given[assessor] = sorted({*given.get(assessor, ()), *participants})
        followed["allocations"] = given
    return followed


def _not_written(applied: Applied) -> list[str]:
    """The followed values that WISEflow refused."""
    names = [kind.partition(".")[2] for kind, _ in applied.refused if kind.startswith("metadata.")]
    return names + (list(DATE_FIELDS) if ("dates.set", "") in applied.refused else [])


def _record_codes(gathered: Gathered) -> None:
    for code, exam in zip(gathered.codes, gathered.wanted.exams, strict=True):
        facts = {"title": exam.title[:TEXT_LENGTH], "person_count": len(exam.people)}
        if (code.title, code.person_count) != (facts["title"], facts["person_count"]):
            FlowSource.objects.filter(pk=code.pk).update(**facts)


# --- Participants ------------------------------------------------------------------------------------------------


def _record_people(gathered: Gathered, applied: Applied) -> None:
    """Only rows that differ are written: a synchronisation without changes writes nothing here."""
    flow = gathered.flow
    rows = {row.pk: row for row in Participant.objects.filter(flow=flow)}
    new: list[tuple[Participant, Entry]] = []
    changed: list[Participant] = []
    gone: list[Participant] = []
    kept: list[tuple[Participant, Entry]] = []
    strangers = _Strangers(rows, gathered)
    owned = _owned(gathered)
    for entry in gathered.plan.entries:
        row = rows.get(entry.known.pk) if entry.known is not None and entry.known.pk is not None else None
        if not entry.is_kept and ("people.remove", entry.key) not in applied.refused:
            gone += [row] if row is not None else []
            continue
        values = _values(entry, applied, gathered)
        name = values["organisation_id"].casefold()
        if name and not values["is_from_source"] and owned.setdefault(name, entry.key) != entry.key:
            # Several accounts in WISEflow with one organisation id: it is the first one's, and the others name nobody in Ladok.
            values |= dict.fromkeys((*IDENTIFIERS, "unique_exam_id"), "")
        if row is None:
            row = strangers.take(values)
        if row is None:
            if values["wiseflow_id"] is not None:
                new.append((Participant(flow=flow, **values), entry))
            continue
        kept.append((row, entry))
        if any(getattr(row, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(row, name, value)
            changed.append(row)
    _remove(gone)
    Participant.objects.bulk_update(changed, ROW_FIELDS, batch_size=BATCH)
    Participant.objects.bulk_create([row for row, _ in new], batch_size=BATCH)
    _record_participant_codes(gathered, [*kept, *new])


def _owned(gathered: Gathered) -> dict[str, str]:
    """Whose each organisation id is, by entry key: those from Ladok, and those we had a row of."""
    found: dict[str, str] = {}
    for entry in gathered.plan.entries:
        if entry.is_kept and entry.organisation_id:
            found.setdefault(entry.organisation_id.casefold(), entry.key)
    return found


class _Strangers:
    """Rows that the plan knows nothing of: they have come since it was made. Whom they are of must not get a second."""

    def __init__(self, rows: Mapping[int, Participant], gathered: Gathered) -> None:
        planned = {entry.known.pk for entry in gathered.plan.entries if entry.known is not None}
        self._rows = [row for pk, row in rows.items() if pk not in planned]

    def take(self, values: dict[str, Any]) -> Participant | None:
        """The row of who is to be written down, by participant or organisation id. One that is Ladok's stays Ladok's."""
        number, name = values["wiseflow_id"], values["organisation_id"].casefold()
        if number is None:
            return None
        for row in self._rows:
            if row.wiseflow_id == number or (name and row.organisation_id.casefold() == name):
                self._rows.remove(row)
                values["is_from_source"] = values["is_from_source"] or row.is_from_source
                return row
        return None


def _remove(rows: Sequence[Participant]) -> None:
    for row in rows:
        try:
            with transaction.atomic():
                row.delete()
        except ProtectedError:
            # Something has been exported for the person: the row stays as evidence.
            Participant.objects.filter(pk=row.pk).update(is_active=False, wiseflow_id=None)


def _values(entry: Entry, applied: Applied, gathered: Gathered) -> dict[str, Any]:
    known, present, person = entry.known, entry.present, entry.person
    values: dict[str, Any] = (
        {name: getattr(known, name) for name in ROW_FIELDS}
        if known is not None
        else {
            "organisation_id": "",
            "national_id": "",
            "first_name": "",
            "last_name": "",
            "email": "",
            "external_user_id": "",
            "unique_exam_id": "",
            "individual_end_at": None,
            "room": "",
            "is_from_source": False,
        }
    )
    values["wiseflow_id"] = applied.ids.get(entry.key) or (known.wiseflow_id if known is not None else None)
    user_id = applied.user_ids.get(entry.key) or (present.user_id if present is not None else None)
    values["user_id"] = user_id or (known.user_id if known is not None else None)
    values["is_active"] = entry.is_active
    values["is_activation_manual"] = entry.is_activation_manual
    if ("people.deactivate", entry.key) in applied.refused:
        values["is_active"] = True
    if ("people.reactivate", entry.key) in applied.refused:
        values["is_active"] = False
    if person is not None:
        if ("people.update", entry.key) not in applied.refused or known is None:
            for name in ("organisation_id", "national_id", "first_name", "last_name", "email", "external_user_id"):
                values[name] = getattr(person, name) or values.get(name, "")
        values["unique_exam_id"] = person.unique_exam_id or values["unique_exam_id"]
        values["room"] = entry.room[:250]
        values["is_from_source"] = True
        if ("people.end", entry.key) not in applied.refused:
            values["individual_end_at"] = entry.end_at
    elif present is not None and not values["is_from_source"]:
        values |= _of_hand_added(present, gathered)
    return values


def _of_hand_added(present: FlowParticipant, gathered: Gathered) -> dict[str, Any]:
    """What WISEflow says of somebody whom a person has added there."""
    values: dict[str, Any] = {
        "first_name": present.first_name[:200],
        "last_name": present.last_name[:200],
        "unique_exam_id": present.unique_exam_id[:200],
        "is_from_source": False,
    }
    for kind, name in gathered.memory.data_types.items():
        found = present.values(name)
        if found:
            values[kind] = found[0][:200]
    return values


def _record_participant_codes(gathered: Gathered, people: Sequence[tuple[Participant, Entry]]) -> None:
    through = Participant.codes.through
    by_code = {code.code: code.pk for code in gathered.codes}
    missing, extra = [], []
    for row, entry in people:
        if entry.person is None:
            continue
        there = entry.known.codes if entry.known is not None else frozenset()
        missing += [(row.pk, by_code[code]) for code in entry.codes if code not in there]
        extra += [(row.pk, by_code[code]) for code in there - set(entry.codes) if code in by_code]
    through._default_manager.bulk_create(
        [through(participant_id=pk, flowsource_id=code) for pk, code in missing],
        batch_size=BATCH,
        ignore_conflicts=True,
    )
    for pk, code in extra:
        through._default_manager.filter(participant_id=pk, flowsource_id=code).delete()
