"""The life of a token: used, disabled, expired, renewed, deleted. And OAuth's client credentials."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from ladokflow.api.callers import TOKENS_PER_MINUTE
from sources.models import ApiToken, OAuthClient, Scope
from sources.models.api import digest_of
from tests.api.calling import PROBLEM, Caller, checked
from tests.factories import ApiTokenFactory, OAuthClientFactory

pytestmark = pytest.mark.django_db


def refused(caller: Caller) -> tuple[int, str]:
    response = caller.get("/me")
    assert response.headers["WWW-Authenticate"].startswith("Bearer ")
    return response.status_code, response.json()["code"]


def test_only_a_digest_of_the_secret_is_stored(ours: Any) -> None:
    stored = ApiToken.objects.values().get()
    assert ours.token.secret not in str(stored)
    assert stored["secret_hash"] == digest_of(ours.token.secret)


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic abc", "Token lft_x", "Bearer lft_unknown", "Bearer å", "Bearer lfa_x:y:z"],
)
def test_what_is_no_token_is_refused(ours: Any, header: str | None) -> None:
    caller = Caller(None)
    caller.headers = {} if header is None else {"Authorization": header}
    status, code = refused(caller)
    assert status == 401
    assert code in ("api.no_token", "api.unknown_token")


def test_a_token_in_the_address_or_a_session_lets_nobody_in(ours: Any) -> None:
    caller = Caller(None)
    caller.client.force_login(ours.membership.user)
    assert refused(caller) == (401, "api.no_token")
    assert caller.get("/me", access_token=ours.token.secret).status_code == 401


@pytest.mark.parametrize("factory", [ApiTokenFactory, OAuthClientFactory])
def test_a_token_ends_in_every_way_there_is(ours: Any, factory: Any) -> None:
    row = factory(membership=ours.membership)
    caller = Caller(row.secret if factory is ApiTokenFactory else token_of(row))
    rows = type(row).objects.filter(pk=row.pk)
    assert caller.get("/me").status_code == 200
    rows.update(enabled=False)
    assert refused(caller) == (401, "api.disabled")
    rows.update(enabled=True, expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert refused(caller) == (401, "api.expired")
    rows.update(expires_at=timezone.now() + dt.timedelta(hours=1))
    assert caller.get("/me").status_code == 200
    row.renew_secret()
    row.save()
    assert refused(caller) == (401, "api.unknown_token")


def test_when_and_from_where_it_was_used_last_is_noted(ours: Any, django_assert_num_queries: Any) -> None:
    ours.api.get("/me")
    row = ApiToken.objects.get()
    assert row.last_used_from == "127.0.0.1"
    assert row.last_used_at is not None
    with django_assert_num_queries(1):  # and not each time
        ours.api.get("/me")


def test_too_many_requests_are_told_to_wait(ours: Any, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 3
    other = Caller(ApiTokenFactory(membership=ours.membership).secret)
    assert [ours.api.get("/me").status_code for _ in range(4)] == [200, 200, 200, 429]
    response = ours.api.get("/me")
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert response.json()["code"] == "api.too_many"
    assert other.get("/me").status_code == 200


def test_the_limit_is_one_for_all_machines_where_there_is_redis(ours: Any, settings: Any, redis_url: str) -> None:
    settings.REDIS_URL, settings.API_REQUESTS_PER_MINUTE = redis_url, 2
    assert [ours.api.get("/me").status_code for _ in range(3)] == [200, 200, 429]


# --- OAuth ---------------------------------------------------------------------------------------------------------


def ask(client: OAuthClient | None, by_header: bool = False, **more: str) -> Any:
    caller = Caller(None)
    given = {"grant_type": "client_credentials", **more}
    headers: dict[str, str] = {}
    if client is not None and by_header:
        secret: Any = client
        pair = f"{client.client_id}:{secret.secret}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    elif client is not None:
        given = {"client_id": client.client_id, "client_secret": client.secret, **given}  # type: ignore[attr-defined]
    return checked(caller.client.post("/api/v1/oauth/token", given, headers=headers))


def token_of(client: OAuthClient, **more: str) -> str:
    return str(ask(client, **more).json()["access_token"])


@pytest.mark.parametrize("by_header", [True, False])
def test_a_client_gets_a_bearer_token_for_an_hour(ours: Any, by_header: bool) -> None:
    client = OAuthClientFactory(membership=ours.membership)
    answer = ask(client, by_header).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    assert set(answer["scope"].split()) == set(Scope)
    assert ask(client, by_header, scope="").json()["scope"] == answer["scope"]
    caller = Caller(answer["access_token"])
    assert caller.get("/me").json()["access"] == client.label
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=61)):
        assert refused(caller) == (401, "api.unknown_token")


def test_no_access_token_is_stored(ours: Any) -> None:
    client = OAuthClientFactory(membership=ours.membership)
    token = token_of(client)
    assert client.secret not in (stored := str(OAuthClient.objects.values().get()))
    assert token not in stored


def test_an_access_token_has_the_scopes_that_were_asked_for_as_far_as_the_client_has_them(ours: Any) -> None:
    client = OAuthClientFactory(membership=ours.membership, scopes=["flows.read", "exams.read"])
    token = token_of(client, scope="flows.read")
    assert Caller(token).get("/me").json()["scopes"] == ["flows.read"]
    wrong = ask(client, scope="grades.export").json()
    assert (wrong["status"], wrong["error"]) == (400, "invalid_scope")
    OAuthClient.objects.update(scopes=["exams.read"])
    assert Caller(token).get("/flows").status_code == 403


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"client_secret": "lfs_wrong"}, "invalid_client"),
        ({"client_id": "lfc_wrong"}, "invalid_client"),
        ({"client_id": "\0"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_request"),
    ],
)
def test_what_is_no_client_gets_no_token(ours: Any, given: dict[str, str], error: str) -> None:
    response = ask(OAuthClientFactory(membership=ours.membership), **given)
    assert response.headers["Content-Type"] == PROBLEM
    assert response.json()["error"] == error


@pytest.mark.parametrize("fields", [{"enabled": False}, {"expires_at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)}])
def test_a_client_that_is_off_gets_no_token(ours: Any, fields: dict[str, Any]) -> None:
    response = ask(OAuthClientFactory(membership=ours.membership, **fields))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


def test_guessing_secrets_is_slowed_down(ours: Any) -> None:
    client = OAuthClientFactory(membership=ours.membership)
    statuses = [ask(client, client_secret="lfs_guess").status_code for _ in range(TOKENS_PER_MINUTE + 1)]
    assert 429 in statuses
    assert "Retry-After" in ask(client).headers
