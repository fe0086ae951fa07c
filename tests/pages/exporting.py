"""What the tests of the export pages share: flows in a small world, their people, and a page as somebody sees it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from exports.attempts.send import send_attempt
from exports.attempts.start import start_export
from exports.rules.states import refresh_states
from sources.models import Flow
from tests.factories import MembershipFactory, UserFactory

ENGLISH = {"headers": {"accept-language": "en"}}


def manager_of(flow: Flow, **fields: Any) -> User:
    return MembershipFactory(source=flow.source, **fields).user


def stranger() -> User:
    """A manager of another university."""
    return MembershipFactory(user=UserFactory()).user


def signed_in(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


def page(client: Client, address: str, **data: Any) -> str:
    response = client.get(address, data, headers={"accept-language": "en"})
    assert response.status_code == 200
    return response.content.decode()


def exported(flow: Flow) -> Any:
    """The flow's grades sent, whatever comes of it; the attempt."""
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    send_attempt(attempt.pk)
    attempt.refresh_from_db()
    flow.refresh_from_db()
    return attempt


def shown(flow: Flow) -> Flow:
    refresh_states(flow)
    return flow
