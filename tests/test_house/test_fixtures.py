"""The cast: who the tests' people are."""

from collections.abc import Callable

import pytest

from sources.models import Membership, Source
from tests.conftest import member


@pytest.mark.parametrize(
    ("slug", "email", "role", "can_export"),
    [
        ("liu", "anna@liu.example", "manager", True),
        ("liu", "lars@liu.example", "licence_admin", True),
        ("oru", "olle@oru.example", "manager", True),
        ("oru", "orsa@oru.example", "licence_admin", True),
        ("boras", "bodil@boras.example", "manager", True),
        ("boras", "bosse@boras.example", "manager", False),
        ("boras", "birgit@boras.example", "licence_admin", True),
    ],
)
def test_everybody_is_who_they_are(
    load_source: Callable[[str], Source], slug: str, email: str, role: str, can_export: bool
) -> None:
    source = load_source(slug)
    found = Membership.objects.get(source=source, user=member(source, email))
    assert (found.role, found.can_export) == (role, can_export)
    assert found.organisation_id


def test_the_sources_of_the_demo_stand_in_the_sandbox(liu: Source, oru: Source, boras: Source, sandbox) -> None:
    for source in (liu, oru, boras):
        assert source.ladok_url == f"{sandbox.url}/{source.slug}"
        assert {credential.system for credential in source.credentials.all()} == {"ladok", "wiseflow"}
        assert sandbox.control.exams(source.slug)
