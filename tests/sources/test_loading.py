"""loadsources: the file of the documentation, run twice, and every way to get it wrong."""

import datetime as dt

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from sources.models import AuditEntry, Credential, Membership, Source

pytestmark = pytest.mark.django_db

FILE = """
[[source]]
slug = "liu"
name = "Linköpings universitet"
university = "liu"
ladok_url = "https://ladok.example/liu"
wiseflow_url = "https://europe-api.wiseflow.net/v1"
export_method = "POST"
export_body = ""
accepts_manual_participants = true
can_read_back = false
sync_at = "03:30"
timezone = "Europe/Stockholm"

[source.grading_scales]
"U-3-4-5" = "U345"
[source.user_data_types]
organisation_id = "Personal Organisation Id"
national_id = 696
external_user_id = "Student number"

[[source.credential]]
system = "ladok"
kind = "bearer"
label = "2026"
client_id = ""
secret = "env:LIU_LADOK_TOKEN"
enabled = true

[[source.member]]
email = "anna@liu.example"
role = "manager"
organisation_id = "annan12@liu.example"
can_export = true
"""


@pytest.fixture
def load(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LIU_LADOK_TOKEN", "very secret")

    def load(text=FILE):
        path = tmp_path / "sources.toml"
        path.write_text(text, encoding="utf-8")
        call_command("loadsources", str(path))
        return capsys.readouterr().out

    return load


def refused(load, text):
    with pytest.raises(CommandError) as caught:
        load(text)
    assert "\n" not in str(caught.value)
    assert not Source.objects.exists()
    assert not get_user_model().objects.exists()
    return str(caught.value)


def test_the_documented_file_is_loaded(load):
    assert load() == "liu: Linköpings universitet\n"
    source = Source.objects.get()
    assert (source.slug, source.university, source.export_method) == ("liu", "liu", "POST")
    assert (source.sync_at, source.grading_scales) == (dt.time(3, 30), {"U-3-4-5": "U345"})
    assert source.user_data_types["national_id"] == "696"
    credential = source.credentials.get()
    assert (credential.system, credential.kind, credential.secret, credential.enabled) == (
        "ladok",
        "bearer",
        "very secret",
        True,
    )
    member = source.memberships.get()
    assert (member.role, member.organisation_id, member.can_export) == ("manager", "annan12@liu.example", True)
    assert member.user.username == member.user.email == "anna@liu.example"
    assert not member.user.has_usable_password()


def test_a_secret_is_encrypted_in_the_database(load):
    load()
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM sources_credential")
        assert "very secret" not in cursor.fetchone()[0]


def test_loading_twice_changes_nothing(load):
    load()
    entries = AuditEntry.objects.count()
    load()
    assert (Source.objects.count(), Credential.objects.count(), Membership.objects.count()) == (1, 1, 1)
    assert AuditEntry.objects.count() == entries


def test_a_changed_secret_is_changed_and_on_record(load, monkeypatch):
    load()
    monkeypatch.setenv("LIU_LADOK_TOKEN", "another")
    load()
    assert Credential.objects.get().secret == "another"
    assert AuditEntry.objects.filter(message__code="sources.audit.credential_changed").count() == 1
    assert "another" not in str(list(AuditEntry.objects.values_list("message", flat=True)))


def test_a_person_of_two_universities_is_one_user(load):
    load(
        FILE
        + FILE.replace('slug = "liu"', 'slug = "oru"')
        .replace('university = "liu"', 'university = "oru"')
        .replace("anna@", "Anna@")
    )
    assert get_user_model().objects.count() == 1
    assert Membership.objects.count() == 2


@pytest.mark.parametrize(("university", "takes"), [("liu", True), ("oru", True), ("boras", False)])
def test_hand_added_participants_are_taken_by_default_where_the_university_does(load, university, takes):
    load(
        FILE.replace("accepts_manual_participants = true\n", "").replace(
            'university = "liu"', f'university = "{university}"'
        )
    )
    assert Source.objects.get().accepts_manual_participants is takes


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "Linköpings universitet"', "", "source liu: name is missing."),
        ('university = "liu"', 'university = "uu"', "source liu: university: 'uu' is not one of"),
        ('sync_at = "03:30"', 'sync_at = "02:30"', "source liu: sync_at: Not between 02:00 and 02:59"),
        ('sync_at = "03:30"', 'sync_at = "soon"', "source liu: sync_at: 'soon' is not a time"),
        (
            'timezone = "Europe/Stockholm"',
            'timezone = "Sweden/Linköping"',
            "source liu: timezone: Sweden/Linköping is not",
        ),
        ('export_method = "POST"', 'export_method = "PUT"', "source liu: export_method:"),
        ("can_read_back = false", 'can_read_back = "no"', "source liu: can_read_back must be true or false."),
        ("can_read_back = false", "can_readback = false", "source liu: unknown key can_readback."),
        ('ladok_url = "https://ladok.example/liu"', 'ladok_url = "ladok"', "source liu: ladok_url:"),
        ('kind = "bearer"', 'kind = "oauth_client"', "source liu, credential 2026:"),
        ('system = "ladok"', 'system = "moodle"', "source liu, credential 2026: system:"),
        ("env:LIU_LADOK_TOKEN", "env:NOT_SET", "the environment variable NOT_SET is not set"),
        ('role = "manager"', 'role = "boss"', "source liu, member anna@liu.example: role:"),
        ('email = "anna@liu.example"', 'email = "anna"', "source liu, member anna: email: not an e-mail address."),
        ("[source.user_data_types]", '[source.user_data_types]\nshoe_size = "x"', "unknown key shoe_size"),
        ("[[source]]", "[[sources]]", "unknown key sources"),
        ("[[source]]", "[[source", "is not TOML"),
    ],
)
def test_a_mistake_is_one_clear_line_and_nothing_is_saved(load, old, new, said):
    assert old in FILE
    assert said in refused(load, FILE.replace(old, new, 1))


def test_a_mistake_in_the_second_source_saves_nothing_of_the_first(load):
    refused(
        load, FILE + FILE.replace('slug = "liu"', 'slug = "oru"').replace('"very', '"').replace("Europe/Stockholm", "x")
    )


def test_the_same_source_twice_in_a_file_is_refused(load):
    assert "slug liu is there more than once" in refused(load, FILE + FILE)


def test_a_file_that_is_not_there_is_told(capsys):
    with pytest.raises(CommandError, match=r"nowhere\.toml cannot be read \(No such file or directory\)"):
        call_command("loadsources", "/nowhere.toml")


@pytest.mark.parametrize("expression", ["gradeExports x", "{participants: gradeExports[].{userId: nationalId}}"])
def test_an_expression_for_the_body_that_loses_grades_is_refused_in_one_line(load, expression):
    with pytest.raises(CommandError, match="export_body") as caught:
        load(FILE.replace('export_body = ""', f'export_body = "{expression}"'))
    assert "\n" not in str(caught.value)
    assert not Source.objects.exists()
