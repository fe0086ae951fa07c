"""What is shown of students, to whom, and what is on record of it."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from exports.operation import protecting, pruning
from sources.models import AccessEntry, AuditEntry, Flow, Membership, Participant, Source
from sources.universities.members import update_admin_access
from tests.factories import (
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
    SyncRunFactory,
)
from tests.pages.everything import ACTIONS, addresses

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
NAME, NUMBER = "Zebrafink", "19850612-2397"
Kind = AccessEntry.Kind


@pytest.fixture
def person(source: Source) -> Participant:
    """Somebody whose grade Ladok has turned down."""
    flow = FlowFactory(source=source, state=Flow.State.CONCLUDED, export_state="failed", failed_count=1, graded_count=1)
    made: Participant = ParticipantFactory(
        flow=flow,
        last_name=NAME,
        national_id=NUMBER,
        grade="5",
        export_state="failed",
        organisation_id="zebra1@liu.example",
    )
    attempt = ExportAttemptFactory(flow=flow, state="failed", failed_count=1)
    ExportItemFactory(attempt=attempt, participant=made, state="failed")
    SyncRunFactory(flow=flow, state="success")
    return made


@pytest.fixture
def admin(source: Source) -> User:
    row = MembershipFactory(source=source, role=Membership.Role.LICENCE_ADMIN)
    update_admin_access(row.user_id)
    user: User = row.user
    user.refresh_from_db()
    return user


@pytest.fixture
def source(db: None) -> Source:
    made: Source = MembershipFactory().source
    return made


# --- On record --------------------------------------------------------------------------------------------------------


def test_no_page_shows_a_student_without_it_being_on_record(sign_in: SignIn, admin: User, person: Participant) -> None:
    """And none shows a national id, or is kept by a browser."""
    client, wrong, seen = sign_in(admin), [], 0
    for name, address in addresses(person.flow):
        if name in ACTIONS:
            continue
        AccessEntry.objects.all()._raw_delete("default")
        answer = client.get(address, follow=True)
        text = answer.text if not answer.streaming else ""
        if "no-store" not in answer.headers.get("Cache-Control", ""):
            wrong.append(f"{address} may be stored")
        if NUMBER[-4:] in re.sub(r"csrf\S*|value=\"[^\"]*\"", "", text):
            wrong.append(f"{address} shows a national id")
        if NAME in text:
            seen += 1
            if not AccessEntry.objects.filter(user=admin, source=person.flow.source).exists():
                wrong.append(f"{address} is not on record")
    assert wrong == []
    assert seen > 5


def test_the_same_is_written_once_in_some_minutes_and_a_file_by_itself(
    sign_in: SignIn, admin: User, person: Participant
) -> None:
    client, flow = sign_in(admin), person.flow
    for _time in range(3):
        client.get(reverse("flows:participants", args=[flow.pk]))
        client.get(reverse("student", args=[person.pk]))
    client.get(reverse("flows:participants_file", args=[flow.pk, "csv"]))
    kinds = sorted(AccessEntry.objects.values_list("kind", "flow", "participant"), key=str)
    assert kinds == [("file", flow.pk, None), ("flow", flow.pk, None), ("student", flow.pk, person.pk)]


def test_who_was_found_by_a_search_is_on_record(sign_in: SignIn, admin: User, person: Participant) -> None:
    sign_in(admin).get("/search/", {"q": NAME[:6]})
    assert AccessEntry.objects.get(kind=Kind.SEARCH).participant == person


def test_the_access_log_is_read_by_a_licence_admin_and_changed_by_nobody(
    sign_in: SignIn, admin: User, person: Participant
) -> None:
    client = sign_in(admin)
    client.get(reverse("student", args=[person.pk]))
    page = client.get(reverse("admin:sources_accessentry_changelist")).text
    assert NAME in page
    assert "A student" in page
    entry = AccessEntry.objects.get()
    assert (
        client.post(reverse("admin:sources_accessentry_change", args=[entry.pk]), {"kind": "flow"}).status_code == 403
    )
    with pytest.raises(TypeError):
        entry.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        AccessEntry.objects.filter(pk=entry.pk).update(kind="flow")


def test_the_access_log_goes_by_its_age(settings: Any, admin: User, person: Participant) -> None:
    settings.ACCESS_RETENTION_DAYS = 30
    for days in (40, 1):
        AccessEntry.objects.create(
            source=person.flow.source,
            user=admin,
            kind=Kind.FLOW,
            key=str(days),
            at=timezone.now() - dt.timedelta(days=days),
        )
    pruning.prune()
    assert list(AccessEntry.objects.values_list("key", flat=True)) == ["1"]


# --- A whole national id ----------------------------------------------------------------------------------------------


def test_a_whole_national_id_is_shown_on_purpose_and_on_record(
    sign_in: SignIn, admin: User, person: Participant
) -> None:
    client, page = sign_in(admin), reverse("student", args=[person.pk])
    assert NUMBER not in client.get(page).text
    assert NUMBER in client.post(reverse("reveal", args=[person.pk])).text
    assert NUMBER not in client.get(page).text
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.flow, entry.message["params"]) == (admin, person.flow, {"person": {"person": person.pk}})
    assert person.organisation_id in str(entry)
    assert AccessEntry.objects.filter(kind=Kind.REVEAL, participant=person, user=admin).count() == 1


# --- Register extract -------------------------------------------------------------------------------------------------


OF_THE_DATABASE = re.compile(r"[a-z_]+: |.*: (True|False|exported|live|\d{4}-\d\d-\d\dT)")


def test_an_extract_has_all_flows_of_the_student_at_the_university_and_who_has_looked(
    sign_in: SignIn, admin: User, person: Participant, capsys: Any
) -> None:
    again = ParticipantFactory(
        flow=FlowFactory(source=person.flow.source), organisation_id=person.organisation_id, last_name=NAME, grade="U"
    )
    elsewhere = ParticipantFactory(organisation_id=person.organisation_id, grade="X")
    client = sign_in(admin)
    client.get(reverse("student", args=[person.pk]))
    client.post(reverse("reveal", args=[person.pk]))
    answer = client.post(reverse("extract", args=[person.pk]), {"kind": "json"})
    found = json.loads(answer.content)
    assert NAME not in answer.headers["Content-Disposition"]
    assert {row["flow"] for row in found["participations"]} == {person.flow.title, again.flow.title}
    assert {row["grade"] for row in found["assessments"]} == {"5", "U"}
    assert found["sent_to_ladok"][0]["national_id"] == NUMBER
    assert {row["what"] for row in found["looked_at_by"]} >= {"A student's page", "A whole national id"}
    assert any("whole national id" in row["what"] for row in found["audit_log"])
    assert elsewhere.flow.title not in answer.text
    readable = client.post(reverse("extract", args=[person.pk]), {"kind": "text"}).text
    assert "Register extract" in readable
    assert [line for line in readable.splitlines() if OF_THE_DATABASE.match(line)] == []
    assert "Export: " in readable
    assert NUMBER in readable
    call_command("extract", source=person.flow.source.slug, person=person.organisation_id, by=admin.email, json=True)
    assert json.loads(capsys.readouterr().out)["participations"] == found["participations"]
    assert AccessEntry.objects.filter(kind=Kind.EXTRACT).count() == 3


# --- Protected identity -----------------------------------------------------------------------------------------------


def test_where_names_are_hidden_no_page_file_search_mail_or_log_has_one(
    sign_in: SignIn, admin: User, person: Participant, caplog: Any
) -> None:
    flow = person.flow
    told = {"code": "sources.identity.asks", "params": {"name": str(person), "who": f"{person}, Y"}}
    Flow.objects.filter(pk=flow.pk).update(warnings=[told])
    Source.objects.filter(pk=flow.source_id).update(protects_identity=True)
    assert protecting.empty_names(Source.objects.get(pk=flow.source_id)) == 1
    client = sign_in(admin)
    for name, address in addresses(flow):
        if name not in ACTIONS:
            assert NAME not in client.get(address, follow=True).text, address
    assert NAME not in str(Flow.objects.values_list("warnings", flat=True).get(pk=flow.pk))
    assert person.organisation_id in client.get(reverse("flows:participants", args=[flow.pk])).text
    assert (
        NAME
        not in client.get("/search/", {"q": NAME})
        .text.replace(f'value="{NAME}"', "")
        .split("<main")[1]
        .split("<h2")[-1]
    )
    assert NAME not in caplog.text + str([letter.body for letter in mail.outbox])


def test_a_synchronisation_keeps_no_name_where_names_are_hidden(anna: User, liu: Source, sandbox: Any) -> None:
    Source.objects.filter(pk=liu.pk).update(protects_identity=True)
    given = ["--source", "liu", "--code", "TDDE01-TEN1-1001", "--manager", anna.email]
    call_command("createflow", *given, stdout=io.StringIO())
    people = Participant.objects.filter(flow__source=liu)
    assert people.exists()
    assert set(people.values_list("first_name", "last_name", "email")) == {("", "", "")}


# --- In the open ------------------------------------------------------------------------------------------------------


def test_no_national_id_stands_in_clear_in_any_column(sign_in: SignIn, admin: User, person: Participant) -> None:
    client = sign_in(admin)
    client.post(reverse("reveal", args=[person.pk]))
    client.post(reverse("extract", args=[person.pk]), {"kind": "json"})
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            for row in cursor.fetchall():
                assert NUMBER not in str(row), table
                assert "198506122397" not in str(row), table
