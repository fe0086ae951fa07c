"""The universities of generated data, with the managers and licence admins who work there, and their students."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password

from ladokflow.sandbox import people
from ladokflow.sandbox.universities import SCALES, UNIVERSITIES
from sources.models import Membership, Source

PREFIX = "generated-"  # of the short names of its sources: nobody else's begin like this
DOMAIN = "generated.example"
NOWHERE = "http://127.0.0.1:9"  # nothing answers there
FLOWS_PER_MANAGER = 40
EVERYWHERE = f"everywhere@{DOMAIN}"  # manager of all sources
OPERATOR = f"operator@{DOMAIN}"  # superuser
SCALE_OF = {"liu": "U-3-4-5", "oru": "U-G-VG", "boras": "U-G-VG"}  # of all exams of a university, in Ladok's words


@dataclass(frozen=True)
class Place:
    """A source and those who make flows there."""

    source: Source
    managers: list[int]  # keys of users

    @property
    def scale(self) -> str:
        return SCALE_OF[self.source.university]

    @property
    def grades(self) -> tuple[str, ...]:
        return SCALES[self.scale]


def slug_of(number: int) -> str:
    return f"{PREFIX}{number + 1:02}"


def make_places(*, sources: int, flows: int, password: str) -> list[Place]:
    """The sources with their people; those that are there stay. Without a password nobody can sign in."""
    hashed = make_password(password or None)
    places = [_place(number, max(2, flows // sources // FLOWS_PER_MANAGER), hashed) for number in range(sources)]
    operator = {"is_staff": True, "is_superuser": True}
    everywhere = _user(EVERYWHERE, hashed)
    _user(OPERATOR, hashed, **operator)
    for place in places:
        _member(place.source, everywhere, Membership.Role.MANAGER)
    return places


def _place(number: int, managers: int, hashed: str) -> Place:
    university = UNIVERSITIES[list(SCALE_OF)[number % len(SCALE_OF)]]
    source, _ = Source.objects.get_or_create(
        slug=slug_of(number),
        defaults={
            "name": f"{university.name} {number + 1:02}",
            "university": university.slug,
            "ladok_url": f"{NOWHERE}/ladok",
            "wiseflow_url": f"{NOWHERE}/wiseflow/v1",
            "accepts_manual_participants": university.slug != "boras",
            "grade_form": Source.GradeForm.SHOWN,
        },
    )
    staff = [_user(f"manager{row + 1}.{source.slug}@{DOMAIN}", hashed) for row in range(managers)]
    for user in staff:
        _member(source, user, Membership.Role.MANAGER)
    admin = _user(f"admin.{source.slug}@{DOMAIN}", hashed, is_staff=True)
    _member(source, admin, Membership.Role.LICENCE_ADMIN)
    return Place(source, [user.pk for user in staff])


def _user(email: str, hashed: str, **facts: bool) -> Any:
    user, _ = get_user_model().objects.get_or_create(
        username=email, defaults={"email": email, "password": hashed, **facts}
    )
    return user


def _member(source: Source, user: Any, role: str) -> None:
    facts = {"role": role, "organisation_id": user.email, "can_export": True, "gets_summary": False}
    Membership.objects.get_or_create(source=source, user=user, defaults=facts)


def students_of(source: Source, seed: int) -> Iterator[dict[str, Any]]:
    """As many as are wanted: the same ones, in the same order, whenever it is asked."""
    rng = random.Random(f"{seed}:{source.slug}")
    taken: set[str] = set()
    for number in count(1_000_000):
        yield people.person(rng, taken, f"student.{source.slug}.example") | {"user_id": number}
