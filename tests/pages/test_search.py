"""One search for flows and students, and the page of a student: where is my grade?"""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from sources.models import Membership, Participant
from tests.factories import (
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
)

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
ASA = {"first_name": "Åsa", "last_name": "Öberg Lind", "organisation_id": "asaob12@liu.example"}


@pytest.fixture
def membership() -> Membership:
    return MembershipFactory()


@pytest.fixture
def client(sign_in: SignIn, membership: Membership) -> Client:
    return sign_in(membership.user)


def students(client: Client, text: str) -> list[tuple[str, int]]:
    found = client.get(reverse("search"), {"q": text}).context["students"]
    return [(row["organisation"], row["flows"]) for row in found]


def test_a_student_is_found_once_by_a_part_of_the_name_or_the_beginning_of_an_identifier(
    client: Client, membership: Membership
) -> None:
    for _ in range(2):
        person = ParticipantFactory(
            flow__source=membership.source, unique_exam_id="AID-7001", external_user_id="a1b2c3d4-77", **ASA
        )
    ParticipantFactory(flow__source=membership.source, first_name="Bo", last_name="Ek", organisation_id="boek1")
    for text in ("Öberg", "sa Öber", "lind åsa", "ASAOB12", "aid-700", "A1B2c3", "asaob12@liu.example Lind"):
        assert students(client, text) == [("asaob12@liu.example", 2)], text
    page = client.get(reverse("search"), {"q": "Öberg"})
    assert reverse("student", args=[person.pk]) in page.text


def test_a_whole_identifier_of_one_student_opens_the_student(client: Client, membership: Membership) -> None:
    facts = {"unique_exam_id": "AID-7001", "external_user_id": "a1b2c3d4-77"}
    for _ in range(2):
        person = ParticipantFactory(flow__source=membership.source, **facts, **ASA)
    ParticipantFactory(flow__source=membership.source, last_name="Ek", organisation_id="asaob12@liu.example.org")
    for text in (" aid-7001", "A1B2C3D4-77"):
        assert client.get(reverse("search"), {"q": text}).headers["Location"] == reverse("student", args=[person.pk])
    assert len(students(client, "asaob12@liu.example")) == 2  # the beginning of another's


@pytest.mark.parametrize("text", ["Lindholm", "saob12", "Åsa Ek", "199001", "%", "_", "\x00", "' OR 1=1", "x" * 5000])
def test_nothing_is_found_by_something_else(client: Client, membership: Membership, text: str) -> None:
    ParticipantFactory(flow__source=membership.source, national_id="19900101-1234", **ASA)
    assert students(client, text) == []


def test_fewer_than_three_letters_find_no_student_and_the_page_says_so(client: Client, membership: Membership) -> None:
    ParticipantFactory(flow__source=membership.source, **ASA)
    page = client.get(reverse("search"), {"q": "ås"})
    assert "Write at least three letters" in page.text
    assert "Write at least three letters" not in client.get(reverse("search"), {"q": "zzz"}).text


def test_people_without_an_organisation_id_are_people_of_their_own(client: Client, membership: Membership) -> None:
    for _ in range(2):
        ParticipantFactory(flow__source=membership.source, first_name="Kim", last_name="Ny", organisation_id="")
    assert students(client, "Kim") == [("", 1), ("", 1)]


def test_nobody_and_nothing_of_another_university_is_found(client: Client) -> None:
    person = ParticipantFactory(flow__title="Främmande tentamen", **ASA)
    assert students(client, "Öberg") == []
    assert list(client.get(reverse("search"), {"q": "Främmande"}).context["flows"]) == []
    assert client.get(reverse("student", args=[person.pk])).status_code == 404


def test_a_flow_is_found_too_and_all_of_them_are_in_the_list(client: Client, membership: Membership) -> None:
    for _ in range(21):
        FlowFactory(source=membership.source, title="Årets tentamen")
    page = client.get(reverse("search"), {"q": "rets tent"})
    assert page.text.count("Årets tentamen") == 20
    assert f"{reverse('flows:list')}?q=rets%20tent" in page.text


def test_a_students_page_has_every_flow_grade_and_sending_of_hers(client: Client, membership: Membership) -> None:
    source = membership.source
    numbers = {"external_user_id": "a1b2c3d4"}
    first = ParticipantFactory(flow__source=source, flow__title="Envariabelanalys", grade="5", **ASA | numbers)
    corrected = ASA | numbers | {"organisation_id": "asali12@liu.example"}
    ParticipantFactory(flow__source=source, flow__title="Flervariabelanalys", **corrected)
    ParticipantFactory(flow__source=source, flow__title="Någon annans", first_name="Åsa", last_name="Öberg Lind")
    ParticipantFactory(flow__title="Ett annat lärosätes", **ASA | numbers)
    attempt = ExportAttemptFactory(flow=first.flow, state="failed")
    ExportItemFactory(attempt=attempt, participant=first, grade="5", state="unknown")
    page = client.get(reverse("student", args=[first.pk])).text
    assert "Envariabelanalys" in page
    assert "Flervariabelanalys" in page
    assert "Någon annans" not in page
    assert "Ett annat lärosätes" not in page
    assert "asaob12@liu.example" in page
    assert "asali12@liu.example" in page
    assert reverse("exports:attempt", args=[attempt.pk]) in page
    assert "Outcome unknown" in page
    assert "****" in page


def test_both_pages_take_as_many_queries_for_many_as_for_few(client: Client, membership: Membership) -> None:
    counts = set()
    for number in (1, 20):
        for _ in range(number):
            person = ParticipantFactory(flow__source=membership.source, grade="5", **ASA)
            attempt = ExportAttemptFactory(flow=person.flow, state="exported")
            ExportItemFactory(attempt=attempt, participant=person, state="exported")
        for address in (f"{reverse('search')}?q=asaob", reverse("student", args=[person.pk])):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            counts.add((address.partition("?")[0][:9], len(queries)))
    assert len(counts) == 2
    assert all(count <= 12 for _, count in counts)
    assert Participant.objects.count() == 21
