"""A backup and its way back, tried on the database that the tests have: counts and what is encrypted agree, and a wrong key stops it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from exports.models import Heartbeat
from exports.operation import health
from ladokflow.backups import contents_beside
from sources.models import AuditEntry, Credential, Participant, Source
from tests.factories import CredentialFactory, ParticipantFactory

pytestmark = pytest.mark.django_db(transaction=True)
NEW = Fernet.generate_key().decode()


def command(*arguments: Any) -> str:
    out = io.StringIO()
    call_command(*map(str, arguments), stdout=out)
    return out.getvalue()


def backed_up(folder: Path) -> Path:
    CredentialFactory(secret="hemlighet åäö", source__name="Lärosätet")
    ParticipantFactory(national_id="19900101T123", last_name="Åström\tSjö")
    path = folder / "backup"
    command("backup", path)
    return path


def test_what_was_there_is_there_again_and_what_came_later_is_not(tmp_path: Path) -> None:
    path = backed_up(tmp_path)
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
    assert json.loads(contents_beside(path).read_text())["counts"]["sources_participant"] == 1
    raw = path.read_bytes()
    assert b"hemlighet" not in raw
    assert b"T123" not in raw
    Credential.objects.all().delete()
    ParticipantFactory.create_batch(3)
    with pytest.raises(CommandError, match="With --replace"):
        command("restore", path)
    health.beat("sweep")
    with pytest.raises(CommandError, match="stop everything first"):
        command("restore", path, "--replace")
    assert Participant.objects.count() == 4
    Heartbeat.objects.all().delete()
    assert "what is encrypted opens" in command("restore", path, "--replace")
    assert Credential.objects.get().secret == "hemlighet åäö"
    person = Participant.objects.get()
    assert (person.national_id, person.last_name) == ("19900101T123", "Åström\tSjö")
    assert Source.objects.filter(name="Lärosätet").exists()
    AuditEntry.objects.create(source=person.flow.source, message={})  # sequences go on where they were
    ParticipantFactory()


def test_a_dump_from_before_is_closed_to_the_new_key_alone_and_nothing_is_changed(
    tmp_path: Path, settings: Any
) -> None:
    path, old = backed_up(tmp_path), settings.FIELD_ENCRYPTION_KEYS
    settings.FIELD_ENCRYPTION_KEYS = [NEW, *old]
    command("rotatekeys")
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    ParticipantFactory()
    with pytest.raises(CommandError, match="does not open what is stored in this backup") as told:
        command("restore", path, "--replace")
    assert "sources.Credential.secret" in str(told.value)
    assert "after the present one" in str(told.value)
    assert (Participant.objects.count(), Credential.objects.get().secret) == (2, "hemlighet åäö")
    settings.FIELD_ENCRYPTION_KEYS = [NEW, *old]
    command("restore", path, "--replace")
    assert (Participant.objects.count(), Credential.objects.get().secret) == (1, "hemlighet åäö")
    with pytest.raises(CommandError, match="values need an older key"):
        command("rotatekeys", "--check")


def test_what_is_no_whole_backup_is_told_and_changes_nothing(tmp_path: Path) -> None:
    path = backed_up(tmp_path)
    with pytest.raises(CommandError, match="is there already"):
        command("backup", path)
    cut = tmp_path / "cut"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    with pytest.raises(CommandError, match="Fetch both files"):
        command("restore", cut, "--replace")
    contents_beside(cut).write_text(contents_beside(path).read_text())
    with pytest.raises(CommandError):
        command("restore", cut, "--replace")
    contents = json.loads(contents_beside(path).read_text())
    contents_beside(cut).write_text(json.dumps(contents | {"vendor": "oracle"}))
    with pytest.raises(CommandError, match="oracle"):
        command("restore", cut, "--replace")
    assert Credential.objects.get().secret == "hemlighet åäö"
    contents["counts"]["sources_participant"] += 1
    contents_beside(path).write_text(json.dumps(contents))
    with pytest.raises(CommandError, match="sources_participant: 1 of 2"):
        command("restore", path, "--replace")
    with pytest.raises(CommandError, match="cannot be written"):
        command("backup", tmp_path / "nowhere" / "backup")
