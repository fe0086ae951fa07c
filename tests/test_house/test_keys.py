"""Changing the key of what is encrypted at rest."""

from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.db import connection

from ladokflow.checks import check_keys
from ladokflow.encrypted import encrypted_fields, require_keys, unopened
from ladokflow.fields import DecryptionFailed
from ladokflow.memo import remembering
from sources.models import Credential
from tests.environment import ROOT
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


def test_within_one_piece_of_work_a_value_is_encrypted_once_and_by_the_first_key(settings) -> None:
    old = settings.FIELD_ENCRYPTION_KEYS[0]
    CredentialFactory(secret="one")
    settings.FIELD_ENCRYPTION_KEYS = [NEW, old]
    CredentialFactory(secret="two")
    with remembering():
        _one, two = (credential.secret for credential in Credential.objects.order_by("pk"))
        for secret in ("one", two, "three", "three"):
            CredentialFactory(secret=secret)
    CredentialFactory(secret="two")
    by_old, by_new, one, same, *threes, other = stored("sources_credential", "secret")
    assert one != by_old
    assert Fernet(NEW).decrypt(one.encode()) == b"one"
    assert same == by_new
    assert threes[0] == threes[1]
    assert other != by_new


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


def test_a_process_does_not_start_with_a_key_that_opens_nothing_or_not_everything(settings) -> None:
    old = settings.FIELD_ENCRYPTION_KEYS
    require_keys()
    CredentialFactory()
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert unopened() == ["sources.Credential.secret"]
    with pytest.raises(ImproperlyConfigured, match="does not open what is stored"):
        require_keys()
    assert [error.id for error in check_keys(None)] == ["ladokflow.E001"]
    CredentialFactory()
    settings.FIELD_ENCRYPTION_KEYS = old
    assert unopened() == ["sources.Credential.secret"]
    settings.FIELD_ENCRYPTION_KEYS = [*old, NEW]
    assert (unopened(), check_keys(None)) == ([], [])


def test_every_process_looks_at_its_keys(settings) -> None:
    """The pages where they are loaded, all else as a command, by a check. Only the commands that mend it go on."""
    commands = {name: load_command_class(app, name) for name, app in get_commands().items() if "." not in app}
    commands |= {name: load_command_class("django_q", name) for name in ("qcluster",)}
    without = {name for name, command in commands.items() if not command.requires_system_checks}
    assert without == {"makekeys", "rotatekeys", "sandbox", "backup", "restore"}
    assert "require_keys()" in (ROOT / "ladokflow/wsgi.py").read_text()


@pytest.mark.parametrize("form", ["json", "xml", "jsonl"])
def test_what_is_encrypted_is_not_written_out_in_clear(form: str, tmp_path) -> None:
    """Each such column, by itself."""
    CredentialFactory(secret="hemlighet")
    ExportItemFactory(national_id="199001019876", participant__national_id="199001019876")
    for model, name in encrypted_fields():
        out = StringIO()
        row = model(**{name: "hemlighet"})
        with pytest.raises(TypeError, match="stored encrypted"):
            serializers.serialize(form, [row], stream=out)
        assert "hemlighet" not in out.getvalue()
    with pytest.raises(CommandError, match="stored encrypted"):
        call_command("dumpdata", "sources.credential", output=str(tmp_path / "dump"))


def test_what_is_empty_stays_empty() -> None:
    ExportItemFactory(national_id="", participant__national_id="")
    rotate()
    assert stored("exports_exportitem", "national_id") == [""]
