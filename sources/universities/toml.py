"""Sources, credentials and memberships from a TOML file (docs/operations.md shows one).

Everything is read and checked before anything is written, and written in one transaction. Keys that are not in the file
keep their values, or get their defaults where the source is new. Nothing is ever deleted.
"""

from __future__ import annotations

import datetime as dt
import os
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import translation

from ladokflow.changes import change, changes
from ladokflow.dates import read_day
from ladokflow.identifiers import normal
from ladokflow.ladok import UNIVERSITIES
from ladokflow.ladok.bodies import check_expression
from ladokflow.messages import Message, Refused, message
from sources import audit
from sources.models import Credential, Membership, Source
from sources.models.source import GradeForm
from sources.universities.members import person_at, update_admin_access
from sources.universities.moved_hosts import hosts, leave_credentials_behind
from sources.universities.paths import PATHS, check_path
from sources.universities.permissions import GIVEN

TEXT, YES_NO, TABLE, TIME, COUNT = "text", "true or false", "a table", "a time such as 03:30", "a whole number"
DAY = "a day such as 2027-06-30"
KINDS: dict[str, type | tuple[type, ...]] = {
    TEXT: str,
    YES_NO: bool,
    TABLE: dict,
    TIME: (str, dt.time),
    COUNT: int,
    DAY: (str, dt.date),
    "tables": list,
}
SOURCE_KEYS = {
    "slug": TEXT,
    "name": TEXT,
    "university": TEXT,
    "ladok_url": TEXT,
    "wiseflow_url": TEXT,
    "ladok_paths": TABLE,
    "export_method": TEXT,
    "export_body": TEXT,
    "accepts_manual_participants": YES_NO,
    "can_read_back": YES_NO,
    "settling_minutes": COUNT,
    "allows_overwriting": YES_NO,
    "exports_when_marking_ends": YES_NO,
    "already_patterns": TEXT,
    "brake_people": COUNT,
    "brake_percent": COUNT,
    "sync_at": TIME,
    "flow_page": TEXT,
    "exam_page": TEXT,
    "retention_days": COUNT,
    "protects_identity": YES_NO,
    "timezone": TEXT,
    "archives_after_days": COUNT,
    "archive_days": COUNT,
    "departments": TABLE,
    "grading_scales": TABLE,
    "grade_form": TEXT,
    "user_data_types": TABLE,
}
# What a text may be; empty is for the model to judge.
ONE_OF: dict[str, Collection[str]] = {"university": UNIVERSITIES, "grade_form": GradeForm.values}
CREDENTIAL_KEYS = {
    "system": TEXT,
    "kind": TEXT,
    "label": TEXT,
    "client_id": TEXT,
    "secret": TEXT,
    "enabled": YES_NO,
    "expires_on": DAY,
}
MEMBER_KEYS = {"email": TEXT, "role": TEXT, "organisation_id": TEXT, **dict.fromkeys(GIVEN, YES_NO)}
REQUIRED_SOURCE = ("slug", "name", "university", "ladok_url", "wiseflow_url")
REQUIRED_CREDENTIAL = ("system", "kind", "label", "secret")
REQUIRED_MEMBER = ("email",)
DATA_TYPE_KEYS = ("organisation_id", "national_id", "external_user_id")
FROM_ENVIRONMENT = "env:"
LONGEST_EMAIL = 150  # as a user name


@dataclass(frozen=True)
class Loaded:
    """A source of the file, and what is to be told of it."""

    source: Source
    notices: tuple[Message, ...] = ()


def load_sources(path: Path) -> list[Loaded]:
    """Create or update what the file describes. Refused, with nothing written, where it is wrong."""
    described = [_check_source(entry, number) for number, entry in enumerate(_read(path), start=1)]
    _refuse_repeats([entry["slug"] for entry in described], "file", "slug")
    with transaction.atomic():
        return [_save_source(entry) for entry in described]


def _refuse_nul(value: Any, path: Path) -> None:
    """PostgreSQL takes no text with it, and would say so in many lines."""
    if isinstance(value, str) and "\0" in value:
        raise Refused(message("sources.load.not_toml", file=str(path), detail="a text holds the character NUL"))
    parts = [*value, *value.values()] if isinstance(value, Mapping) else value if isinstance(value, list) else []
    for part in parts:
        _refuse_nul(part, path)


def _read(path: Path) -> Sequence[Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        detail = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise Refused(message("sources.load.no_file", file=str(path), detail=detail)) from error
    except tomllib.TOMLDecodeError as error:
        raise Refused(message("sources.load.not_toml", file=str(path), detail=str(error))) from error
    _refuse_nul(document, path)
    _check_keys(document, {"source": "tables"}, (), str(path))
    entries = document.get("source")
    if not isinstance(entries, list) or not entries:
        raise Refused(message("sources.load.no_sources", file=str(path)))
    return entries


# --- Checking ----------------------------------------------------------------------------------------------------


def _check_source(entry: Any, number: int) -> dict[str, Any]:
    where = f"source {number}"
    if not isinstance(entry, dict):
        raise Refused(message("sources.load.wrong_kind", where=where, key="source", kind=TABLE))
    where = f"source {entry['slug']}" if isinstance(entry.get("slug"), str) and entry["slug"] else where
    known = SOURCE_KEYS | {"credential": "tables", "member": "tables"}
    _check_keys(entry, known, REQUIRED_SOURCE, where)
    checked = dict(entry)
    for key, allowed in ONE_OF.items():
        if checked.get(key) and checked[key] not in allowed:
            _wrong(where, key, f"{checked[key]!r} is not one of {', '.join(allowed)}.")
    if "sync_at" in checked:
        checked["sync_at"] = _time(checked["sync_at"], where)
    for key, names in (
        ("user_data_types", DATA_TYPE_KEYS),
        ("ladok_paths", PATHS),
        ("grading_scales", None),
        ("departments", None),
    ):
        checked |= {key: _table(checked[key], where, key, names)} if key in checked else {}
    for key, path in checked.get("ladok_paths", {}).items():
        _check_path(key, path, where)
    checked["credential"] = [_check_credential(row, where) for row in _tables(entry, "credential", where)]
    checked["member"] = [_check_member(row, where) for row in _tables(entry, "member", where)]
    _refuse_repeats([f"{row['system']} {row['label']}" for row in checked["credential"]], where, "credential")
    _refuse_repeats([normal(row["email"]) for row in checked["member"]], where, "member")
    return checked


def _check_path(key: str, path: str, where: str) -> None:
    """As the administration does: a path without its placeholder would be one address for every exam."""
    try:
        with translation.override(None, deactivate=True):
            check_path(key, path)
            return
    except ValidationError as error:
        texts = error.messages
    _wrong(where, "ladok_paths", " ".join(texts))


def _check_credential(entry: Mapping[str, Any], where: str) -> dict[str, Any]:
    where = f"{where}, credential {entry.get('label', '?')}"
    _check_keys(entry, CREDENTIAL_KEYS, REQUIRED_CREDENTIAL, where)
    checked = dict(entry)
    if checked["secret"].startswith(FROM_ENVIRONMENT):
        name = checked["secret"].removeprefix(FROM_ENVIRONMENT).strip()
        if not os.environ.get(name):
            raise Refused(message("sources.load.no_variable", where=where, name=name))
        checked["secret"] = os.environ[name]
    if checked["kind"] == Credential.Kind.CLIENT_CERTIFICATE:
        checked.pop("expires_on", None)  # it says that itself
    elif "expires_on" in checked:
        checked["expires_on"] = _day(checked["expires_on"], where)
    # As the administration does: a file or a variable often ends with a line break.
    checked["secret"] = checked["secret"].strip()
    return checked


def _check_member(entry: Mapping[str, Any], where: str) -> dict[str, Any]:
    where = f"{where}, member {entry.get('email', '?')}"
    _check_keys(entry, MEMBER_KEYS, REQUIRED_MEMBER, where)
    checked = dict(entry) | {"email": entry["email"].strip()}
    try:
        validate_email(checked["email"])
    except ValidationError:
        _wrong(where, "email", "not an e-mail address.")
    if len(checked["email"]) > LONGEST_EMAIL:
        _wrong(where, "email", f"longer than {LONGEST_EMAIL} characters.")
    return checked


def _check_keys(entry: Mapping[str, Any], known: Mapping[str, str], required: Sequence[str], where: str) -> None:
    for key, value in entry.items():
        if key not in known:
            raise Refused(message("sources.load.unknown_key", where=where, key=key, known=", ".join(known)))
        # To Python, true and false are whole numbers.
        if not isinstance(value, KINDS[known[key]]) or (known[key] == COUNT and isinstance(value, bool)):
            raise Refused(message("sources.load.wrong_kind", where=where, key=key, kind=known[key]))
    for key in required:
        if not str(entry.get(key, "")).strip():
            raise Refused(message("sources.load.missing_key", where=where, key=key))


def _tables(entry: Mapping[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    rows = entry.get(key, [])
    if not all(isinstance(row, dict) for row in rows):
        raise Refused(message("sources.load.wrong_kind", where=where, key=key, kind=TABLE))
    return list(rows)


def _table(value: Mapping[str, Any], where: str, name: str, allowed: Sequence[str] | None) -> dict[str, str]:
    """Text by text: a name, or WISEflow's id as a number."""
    for key, entry in value.items():
        if allowed is not None and key not in allowed:
            raise Refused(
                message("sources.load.unknown_key", where=f"{where}, {name}", key=key, known=", ".join(allowed))
            )
        if isinstance(entry, bool) or not isinstance(entry, str | int):
            raise Refused(message("sources.load.wrong_kind", where=f"{where}, {name}", key=key, kind="a name or an id"))
    return {key: str(entry) for key, entry in value.items()}


def _time(value: str | dt.time, where: str) -> dt.time:
    if isinstance(value, dt.time):
        return value
    try:
        return dt.datetime.strptime(value.strip(), "%H:%M").time()
    except ValueError:
        _wrong(where, "sync_at", f"{value!r} is not {TIME}.")


def _day(value: str | dt.date, where: str) -> dt.date:
    try:
        return read_day(str(value))
    except ValueError:
        _wrong(where, "expires_on", f"{value!r} is not {DAY}.")


def _wrong(where: str, key: str, detail: str) -> NoReturn:
    raise Refused(message("sources.load.wrong_value", where=where, key=key, detail=detail))


def _refuse_repeats(names: Sequence[str], where: str, key: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise Refused(message("sources.load.twice", where=where, key=f"{key} {name}"))


# --- Writing -----------------------------------------------------------------------------------------------------


def _save_source(entry: Mapping[str, Any]) -> Loaded:
    where = f"source {entry['slug']}"
    source = Source.objects.select_for_update().filter(slug=entry["slug"]).first() or Source(
        slug=entry["slug"], accepts_manual_participants=UNIVERSITIES[entry["university"]].takes_hand_added
    )
    before = None if source.pk is None else _values(source, SOURCE_KEYS)
    former = None if source.pk is None else hosts(source)
    for key in SOURCE_KEYS:
        if key in entry:
            setattr(source, key, entry[key])
    _clean(source, where)
    _check_body(source, where)
    if before != _values(source, SOURCE_KEYS):
        source.save()
        audit.record(message=message("sources.audit.source_loaded"), source=source)
    # A secret in the file is for the host in the file, and so is how grades are given out. Those that are not in it were given for the former one.
    given = {(row["system"], row["label"]) for row in entry["credential"]}
    said = entry.get("grade_form", "")
    notices = [] if former is None else leave_credentials_behind(source, former, given=given, grade_form=said)
    for credential in entry["credential"]:
        _save_credential(source, credential, where)
    for member in entry["member"]:
        _save_member(source, member, where)
    return Loaded(source, tuple(notices))


def _values(row: Any, keys: Mapping[str, str]) -> dict[str, Any]:
    return {key: getattr(row, key) for key in keys}


def _save_credential(source: Source, entry: Mapping[str, Any], where: str) -> None:
    where = f"{where}, credential {entry['label']}"
    stored = Credential.objects.filter(source=source, system=entry["system"], label=entry["label"]).first()
    credential = stored or Credential(source=source)
    before = None if stored is None else _values(stored, CREDENTIAL_KEYS)
    for key, value in entry.items():
        setattr(credential, key, value)
    was_left_behind = bool(credential.former_host)
    credential.former_host = ""
    _clean(credential, where)
    if before == _values(credential, CREDENTIAL_KEYS) and not was_left_behind:
        return
    credential.save()
    code = "sources.audit.credential_added" if stored is None else "sources.audit.credential_changed"
    audited = message(code, system=credential.get_system_display(), label=credential.label)
    audit.record(message=audited, source=source)


def _save_member(source: Source, entry: Mapping[str, Any], where: str) -> None:
    where = f"{where}, member {entry['email']}"
    user = person_at(entry["email"])
    membership = Membership.objects.filter(source=source, user_id=user.pk).first() or Membership(
        source=source, user_id=user.pk
    )
    keys = [key for key in ("role", "organisation_id", *GIVEN) if key in entry]
    before = {key: getattr(membership, key) if membership.pk else None for key in keys}
    for key in keys:
        setattr(membership, key, entry[key])
    _clean(membership, where)
    code = "admin.member_changed" if membership.pk else "admin.member_added_with"
    changed = [change(key, before[key], entry[key]) for key in keys if before[key] != entry[key]]
    membership.save()
    update_admin_access(user.pk)
    if changed:
        fields = changes(Membership, changed)
        audit.record(message=message(code, email=user.get_username(), fields=fields), source=source)


def _check_body(source: Source, where: str) -> None:
    """As the administration does before it saves an expression: no grade and no person may be lost in the body."""
    try:
        check_expression(source.export_body, source.rules)
    except Refused as refused:
        _wrong(where, "export_body", refused.message.what)


def _clean(row: Any, where: str) -> None:
    try:
        # A command speaks English, also about the fields.
        with translation.override(None, deactivate=True):
            row.full_clean()
            return
    except ValidationError as error:
        key, texts = next(iter(error.message_dict.items()))
    if key == "__all__":
        raise Refused(message("sources.load.wrong_together", where=where, detail=" ".join(texts)))
    _wrong(where, key, " ".join(texts))
