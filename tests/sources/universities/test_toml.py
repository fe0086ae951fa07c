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
    monkeypatch.setenv("LIU_LADOK_TOKEN", "very-secret")

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
        "very-secret",
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
        assert "very-secret" not in cursor.fetchone()[0]


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
        ("can_read_back = false", "settling_minutes = 0", "source liu: settling_minutes: Ensure this value is greater"),
        ("can_read_back = false", "settling_minutes = 1441", "source liu: settling_minutes: Ensure this value is less"),
        ("can_read_back = false", "settling_minutes = true", "source liu: settling_minutes must be a whole number."),
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


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ('fetch = "/exam"', "source liu: ladok_paths: The path of fetch must hold {code}."),
        ('export = "/exams/{kod}/grades"', "source liu: ladok_paths: The path of export must hold {code}."),
        ('fetch = "exams/{code}"', "source liu: ladok_paths: The value of fetch must begin with /."),
        ('list = "https://elsewhere.example"', "source liu: ladok_paths: The value of list must begin with /."),
        ('list = ""', "source liu: ladok_paths: The value of list must be a text."),
        ('list_by_dates = "/exams?from={from}"', "source liu: ladok_paths: The path of list_by_dates must hold {to}."),
        ('fetch = "/exams/{code}/{year}"', "source liu: ladok_paths: {year} in the path of fetch means nothing"),
    ],
)
def test_a_path_without_its_placeholder_is_refused_and_the_key_is_named(load, paths, said):
    assert said in refused(
        load, FILE.replace("[source.grading_scales]", f"[source.ladok_paths]\n{paths}\n[source.grading_scales]")
    )


def test_paths_that_hold_the_code_are_loaded(load):
    paths = 'list = "/kurser"\nfetch = "/tentor/{code}"\nexport = "/tentor/{code}/betyg"'
    load(FILE.replace("[source.grading_scales]", f"[source.ladok_paths]\n{paths}\n[source.grading_scales]"))
    assert Source.objects.get().ladok_paths["fetch"] == "/tentor/{code}"


# --- How WISEflow gives out grades -----------------------------------------------------------------------------------


def with_form(form, text=FILE):
    return text.replace('sync_at = "03:30"', f'sync_at = "03:30"\ngrade_form = {form}')


@pytest.mark.parametrize("form", ["shown", "stored"])
def test_how_grades_are_given_out_can_be_said_in_the_file(load, form):
    load(with_form(f'"{form}"'))
    assert Source.objects.get().grade_form == form
    # A file that does not say it leaves what is known; one that says nothing has it found out anew.
    load()
    assert Source.objects.get().grade_form == form
    load(with_form('""'))
    assert Source.objects.get().grade_form == ""


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ('"Stored"', "source liu: grade_form: 'Stored' is not one of shown, stored."),
        ('"lagrade"', "source liu: grade_form: 'lagrade' is not one of shown, stored."),
        ('" "', "source liu: grade_form: ' ' is not one of shown, stored."),
        ("true", "source liu: grade_form"),
        ('["stored"]', "source liu: grade_form"),
    ],
)
def test_how_grades_are_given_out_is_one_of_two_words(load, form, said):
    assert said in refused(load, with_form(form))


def test_how_grades_are_given_out_is_said_of_the_host_in_the_file(load):
    moved = ("https://europe-api.wiseflow.net", "https://other.wiseflow.example")
    load(with_form('"stored"'))
    load(with_form('"shown"').replace(*moved))
    assert Source.objects.get().grade_form == "shown"
    load()
    assert Source.objects.get().grade_form == ""


# --- Another host -------------------------------------------------------------------------------------------------

MOVED = FILE.replace("https://ladok.example/liu", "https://other.example/liu")
LATER = """
[[source.credential]]
system = "ladok"
kind = "bearer"
label = "2027"
secret = "another-secret"
"""


def test_the_credentials_that_the_file_gives_are_for_the_host_that_the_file_gives(load):
    load()
    said = load(MOVED)
    credential = Credential.objects.get()
    assert (credential.enabled, credential.secret, credential.former_host) == (True, "very-secret", "")
    assert "disabled" not in said


def test_a_credential_that_the_file_does_not_give_is_disabled_told_and_on_record(load):
    load(FILE + LATER)
    said = load(MOVED)
    left, kept = Credential.objects.get(label="2027"), Credential.objects.get(label="2026")
    assert (left.enabled, left.former_host, kept.enabled) == (False, "https://ladok.example", True)
    assert "“2027”" in said
    assert "disabled" in said
    assert AuditEntry.objects.filter(message__code="sources.audit.credential_left_behind").count() == 1
    assert "very-secret" not in said + str(list(AuditEntry.objects.values_list("message", flat=True)))
    load(MOVED + LATER.replace("another-secret", "a-new-one") + "enabled = true\n")
    left.refresh_from_db()
    assert (left.enabled, left.secret, left.former_host) == (True, "a-new-one", "")


@pytest.mark.parametrize("expression", ["gradeExports x", "{participants: gradeExports[].{userId: nationalId}}"])
def test_an_expression_for_the_body_that_loses_grades_is_refused_in_one_line(load, expression):
    with pytest.raises(CommandError, match="export_body") as caught:
        load(FILE.replace('export_body = ""', f'export_body = "{expression}"'))
    assert "\n" not in str(caught.value)
    assert not Source.objects.exists()


# --- What the administration refuses is refused here too -----------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "https://ladok.example",
            "ftp://ladok.example",
            "source liu: ladok_url: The address must begin with https://.",
        ),
        (
            "https://ladok.example",
            "http://ladok.example",
            "source liu: ladok_url: The address must begin with https://.",
        ),
        ("https://europe-api", "http://europe-api", "source liu: wiseflow_url: The address must begin with https://."),
        ("https://ladok", "https://u:p@ladok", "source liu: ladok_url: The address holds a user name or a password"),
        ('kind = "bearer"', 'kind = "basic"', "source liu, credential 2026: client_id: This kind of credential needs"),
        (
            'kind = "bearer"',
            'kind = "client_certificate"',
            "source liu, credential 2026: secret: Both the certificate and its private key are needed",
        ),
        ("env:LIU_LADOK_TOKEN", "two words", "source liu, credential 2026: secret: A token holds no spaces"),
        ("env:LIU_LADOK_TOKEN", "two\\nlines", "source liu, credential 2026: secret: A token holds no spaces"),
        (
            'system = "ladok"',
            'system = "wiseflow"',
            "source liu, credential 2026: This kind of credential does not fit the system.",
        ),
    ],
)
def test_what_cannot_work_or_must_not_be_is_refused(load, old, new, said):
    assert old in FILE
    told = refused(load, FILE.replace(old, new, 1))
    assert said in told
    assert told.endswith("Nothing was loaded.")
    assert "u:p" not in told


def test_an_oauth_client_needs_its_client_id(load):
    wiseflow = FILE.replace('system = "ladok"', 'system = "wiseflow"').replace(
        'kind = "bearer"', 'kind = "oauth_client"'
    )
    assert "client_id: This kind of credential needs the user name or the client id." in refused(load, wiseflow)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('label = "2026"', 'label = "20\\u0000"', "a text holds the character NUL"),
        ('"U-3-4-5" = "U345"', '"U\\u0000" = "U345"', "a text holds the character NUL"),
        ("anna@liu.example", f"anna@{'.'.join(['l' * 50] * 3)}.example", "email: longer than 150 characters"),
    ],
)
def test_what_a_column_cannot_hold_is_refused_whatever_the_database(load, old, new, said):
    assert said in refused(load, FILE.replace(old, new, 1))


@pytest.mark.parametrize("host", ["127.0.0.1:8099", "localhost:8099", "[::1]:8099", "ladok.internal:8080"])
def test_plain_http_is_for_this_machine_and_the_hosts_that_the_operator_names(load, settings, host):
    settings.PLAIN_HTTP_HOSTS = ["ladok.internal"]
    load(FILE.replace("https://ladok.example", f"http://{host}"))
    assert Source.objects.get().ladok_url == f"http://{host}/liu"


def test_a_line_break_after_the_secret_is_not_part_of_it(load, monkeypatch):
    monkeypatch.setenv("LIU_LADOK_TOKEN", "very-secret\n")
    load()
    assert Credential.objects.get().secret == "very-secret"
