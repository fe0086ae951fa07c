"""All that is held of one student at a university: a register extract."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from exports.models import Assessment, ExportItem, Finding, PackagePerson
from exports.timeline import entries_of
from ladokflow.changes import field_of, value_in_words
from ladokflow.dates import moment_in_words
from ladokflow.identifiers import spellings
from ladokflow.messages import Message
from sources.models import (
    AccessEntry,
    AllocationLine,
    AuditEntry,
    IdentityAnswer,
    LogEntry,
    Paper,
    Participant,
    Registration,
)

# What is ours alone, and tells nothing of the student.
LEFT_OUT = {
    "id",
    "participant",
    "attempt",
    "registration",
    "code",
    "flow",
    "source",
    "key",
    "settled_by",
    "handled_by",
    "by",
    "accepted_by",
}
Table = list[dict[str, Any]]


def extract_of(person: Participant) -> dict[str, Any]:
    """Everything of the student whose row this is, in all flows of the university, as plain data."""
    rows = Participant.objects.of_same_person(person)
    keys = list(rows.values_list("pk", flat=True))
    of_person = {"participant__in": keys}
    identifiers = [row.organisation_id for row in rows if row.organisation_id]
    named = [spelling for one in identifiers for spelling in spellings(one)]
    own_flows = list(rows.values_list("flow", flat=True))
    accesses = AccessEntry.objects.filter(Q(participant__in=keys) | Q(participant=None, flow__in=own_flows))
    return {
        "made": timezone.localtime().isoformat(timespec="seconds"),
        "university": person.flow.source.name,
        "participations": _table(rows.select_related("flow"), lambda row: row.flow),
        "registrations": _table(
            Registration.objects.filter(**of_person).select_related("participant__flow"),
            lambda row: row.participant.flow,
        ),
        "identity_answers": _table(
            IdentityAnswer.objects.filter(registration__participant__in=keys).select_related(
                "registration__participant__flow"
            ),
            lambda row: row.registration.participant.flow,
        ),
        "assessments": _table(
            Assessment.objects.filter(**of_person).select_related("participant__flow"), lambda row: row.participant.flow
        ),
        "papers": _table(
            Paper.objects.filter(**of_person).select_related("participant__flow"), lambda row: row.participant.flow
        ),
        "archive_packages": [
            {"flow": row.package.flow.title, "made": _plain(row.package.finished_at), "folder": row.folder}
            for row in PackagePerson.objects.filter(**of_person).select_related("package__flow")
        ],
        "sent_to_ladok": _table(
            ExportItem.objects.filter(**of_person).select_related("participant__flow"), lambda row: row.participant.flow
        ),
        "findings": _table(
            Finding.objects.filter(item__participant__in=keys).select_related("flow"), lambda row: row.flow
        ),
        "assessor_lists": _table(
            AllocationLine.objects.filter(flow__in=own_flows, organisation_id__in=named).select_related("flow"),
            lambda row: row.flow,
        ),
        "wiseflow_log": [
            row
            for one in rows.select_related("flow")
            for row in _table(entries_of(one), lambda _row, flow=one.flow: flow)
        ],
        "audit_log": [
            {"when": _plain(entry.at), "who": _who(entry.actor), "what": str(entry)}
            for entry in _audited(keys, own_flows)
        ],
        "looked_at_by": [
            {
                "when": _plain(entry.at),
                "who": _who(entry.user),
                "what": entry.get_kind_display(),
                "flow": entry.flow.title if entry.flow else "",
            }
            for entry in accesses.select_related("user", "flow").order_by("at", "pk").iterator(chunk_size=2000)
        ],
    }


def _audited(keys: list[int], flows: list[int]) -> Iterator[AuditEntry]:
    """Those that name the student by the row."""
    wanted = set(keys)
    for entry in AuditEntry.objects.filter(flow__in=flows).select_related("actor").order_by("at", "pk").iterator():
        params = entry.message.get("params", {}) if isinstance(entry.message, dict) else {}
        if any(isinstance(value, Mapping) and value.get("person") in wanted for value in params.values()):
            yield entry


def _who(user: Any) -> str:
    return user.get_username() if user is not None else _("A schedule or a worker")


def _table(rows: Iterable[Any], flow_of: Any) -> Table:
    return [{"flow": flow_of(row).title, **_columns(row)} for row in rows]


def _columns(row: models.Model) -> dict[str, Any]:
    return {
        field.name: _plain(getattr(row, field.attname), field)
        for field in row._meta.concrete_fields
        if field.name not in LEFT_OUT
    }


def _plain(value: Any, field: Any = None) -> Any:
    if isinstance(value, dt.datetime):
        return timezone.localtime(value).isoformat(timespec="seconds")
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict) and "code" in value:
        return str(Message.from_json(value))
    return value


# --- As a file --------------------------------------------------------------------------------------------------------


def filename_of(person: Participant) -> str:
    return f"ladokflow-extract-{person.pk}"


# What each part is called, and of which rows it is.
PARTS: dict[str, tuple[Any, type[models.Model] | None]] = {
    "participations": (gettext_lazy("Exams"), Participant),
    "registrations": (gettext_lazy("What Ladok has said"), Registration),
    "identity_answers": (gettext_lazy("What has been said about who it is"), IdentityAnswer),
    "assessments": (gettext_lazy("Grades"), Assessment),
    "papers": (gettext_lazy("Papers"), Paper),
    "archive_packages": (gettext_lazy("Archive packages"), None),
    "sent_to_ladok": (gettext_lazy("Sent to Ladok"), ExportItem),
    "findings": (gettext_lazy("What has come out about grades"), Finding),
    "assessor_lists": (gettext_lazy("Who assesses"), AllocationLine),
    "wiseflow_log": (gettext_lazy("What WISEflow has logged"), LogEntry),
    "audit_log": (gettext_lazy("What has been done"), None),
    "looked_at_by": (gettext_lazy("Who has looked"), None),
}
# Of columns that have no name for people, and of what is no column.
NAMES = {
    "flow": gettext_lazy("flow"),
    "made": gettext_lazy("made"),
    "folder": gettext_lazy("folder"),
    "when": gettext_lazy("when"),
    "who": gettext_lazy("who"),
    "what": gettext_lazy("what"),
    "is_activation_manual": gettext_lazy("said by hand whether active"),
    "export_message": gettext_lazy("what came of the export"),
    "doubt": gettext_lazy("doubt about who it is"),
    "approval_read_at": gettext_lazy("approval read"),
    "accepted_grade": gettext_lazy("grade accepted without a paper"),
    "accepted_at": gettext_lazy("accepted"),
    "points_read": gettext_lazy("points read from Ladok"),
    "is_points_read": gettext_lazy("points have been read from Ladok"),
    "message": gettext_lazy("message"),
    "before_mark": gettext_lazy("before it was marked"),
}
# They put rows in order, and say nothing to a reader; the file with data has them.
ORDERS = {"generation", "place", "sort"}


def as_text(extract: Mapping[str, Any]) -> str:
    """To be read by the student: in words, in the language of whoever takes it out. What is empty is left out."""
    lines = [
        _("Register extract"),
        extract["university"],
        moment_in_words(timezone.now(), timezone.get_current_timezone()),
        "",
    ]
    for name, (title, model) in PARTS.items():
        heading = str(title)
        lines += [heading, "=" * len(heading)]
        for row in extract[name]:
            told = {key: value for key, value in row.items() if key not in ORDERS and value not in ("", None, {}, [])}
            lines += [_line(model, key, value) for key, value in told.items()]
            lines.append("")
        lines += [] if extract[name] else [_("Nothing."), ""]
    lines.append(_("Kept by LadokFlow at %(address)s.") % {"address": settings.PUBLIC_URL})
    return "\n".join(lines) + "\n"


def _line(model: type[models.Model] | None, name: str, value: Any) -> str:
    field = field_of(model, name)
    label = NAMES.get(name) or (field.verbose_name if field is not None else name)
    return f"{capfirst(str(label))}: {value_in_words(value, field)}"
