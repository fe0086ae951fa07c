"""Two universities that nothing answers for, a licence admin at each, a manager, and a superuser."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from sources.models import Membership
from tests.factories import CredentialFactory, MembershipFactory, SourceFactory, UserFactory


@pytest.fixture
def cast(db: None) -> Any:
    ours, theirs = SourceFactory(name="Vårt universitet", slug="ours"), SourceFactory(name="Deras", slug="theirs")
    admin = UserFactory(email="lars@ours.example", is_staff=True)
    other = UserFactory(email="orsa@theirs.example", is_staff=True)
    manager = UserFactory(email="anna@ours.example")
    MembershipFactory(source=ours, user=admin, role=Membership.Role.LICENCE_ADMIN)
    MembershipFactory(source=theirs, user=other, role=Membership.Role.LICENCE_ADMIN)
    MembershipFactory(source=ours, user=manager)
    return SimpleNamespace(
        ours=ours,
        theirs=theirs,
        admin=admin,
        other=other,
        manager=manager,
        root=UserFactory(email="root@example.org", is_staff=True, is_superuser=True),
        credential=CredentialFactory(source=ours, label="2026", secret="kept-as-it-is"),
        their_credential=CredentialFactory(source=theirs),
    )


@pytest.fixture
def as_admin(cast: Any, client: Client) -> Client:
    client.force_login(cast.admin)
    return client


@pytest.fixture
def as_root(cast: Any, client: Client) -> Client:
    client.force_login(cast.root)
    return client
