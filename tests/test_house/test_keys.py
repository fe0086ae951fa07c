"""Changing the key of what is encrypted at rest."""

from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection

from ladokflow.fields import DecryptionFailed
from ladokflow.management.commands.rotatekeys import encrypted_fields
from sources.models import Credential
from tests.factories import CredentialFactory, ExportItemFactory

pytestmark = pytest.mark.django_db

NEW = Fernet.generate_key().decode()


def stored(table: str, column: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table} ORDER BY id")  # noqa: S608
        return [row[0] for row in cursor.fetchall()]


def rotate(*options: str) -> str:
    out = StringIO()
    call_command("rotatekeys", *options, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_every_encrypted_column_is_known() -> None:
    assert {f"{model.__name__}.{name}" for model, name in encrypted_fields()} >= {
        "Credential.secret",
        "Participant.national_id",
        "ExportItem.national_id",
        "ExportAttempt.answer",
    }


def test_everything_opens_with_the_new_key_alone_afterwards(settings) -> None:
    old = settings.FIELD_ENCRYPTION_KEYS[0]
    credential = CredentialFactory(secret="hemlighet åäö")
    item = ExportItemFactory(national_id="19900101T123")
    settings.FIELD_ENCRYPTION_KEYS = [NEW, old]
    with pytest.raises(CommandError, match="values need an older key still"):
        rotate("--check")
    rotate()
    rotate("--check")
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    credential.refresh_from_db()
    item.refresh_from_db()
    assert (credential.secret, item.national_id) == ("hemlighet åäö", "19900101T123")


def test_a_second_run_writes_nothing(settings) -> None:
    CredentialFactory()
    settings.FIELD_ENCRYPTION_KEYS = [NEW, *settings.FIELD_ENCRYPTION_KEYS]
    rotate()
    before = stored("sources_credential", "secret")
    assert "Credential.secret: 0 encrypted anew" in rotate()
    assert stored("sources_credential", "secret") == before


def test_a_value_that_no_key_opens_is_told_and_left_as_it_is(settings) -> None:
    CredentialFactory()
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    before = stored("sources_credential", "secret")
    with pytest.raises(CommandError, match="1 values open with none of the keys"):
        rotate()
    assert stored("sources_credential", "secret") == before
    with pytest.raises(DecryptionFailed):
        Credential.objects.get()


def test_what_is_empty_stays_empty() -> None:
    ExportItemFactory(national_id="", participant__national_id="")
    rotate()
    assert stored("exports_exportitem", "national_id") == [""]
