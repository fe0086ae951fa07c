"""Whatever goes wrong is a problem document, in the language that is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.test import Client

from tests.api.calling import JSON, ROOT, Caller, checked

pytestmark = pytest.mark.django_db


def test_what_is_not_there_is_told(api: Caller) -> None:
    for path in (
        "/nothing",
        "/flows/",
        "/flows/1/2",
        "/flows/999999",
        "/attempts/00000000-0000-0000-0000-000000000000",
        "/%00",
    ):
        response = api.get(path)
        assert (response.status_code, response.json()["code"]) == (404, "api.not_found"), path


@pytest.mark.parametrize("path", ["/flows/abc", "/flows/0", "/flows/99999999999999999999999", "/flows/1e3", "/attempts/1", "/flows?limit=0", "/flows?limit=x",
    "/flows?state=lost", "/flows?phase=9", "/flows?after=%00", "/flows?after=99999999999999999999", "/flows?code=", "/exams/with-flow?first=yesterday"])  # fmt: skip
def test_what_cannot_be_looked_for_is_told(api: Caller, path: str) -> None:
    response = api.get(path)
    assert response.status_code == 422
    assert response.json()["todo"]


def test_another_method_is_told_with_those_that_there_are(api: Caller) -> None:
    for method in ("put", "delete", "patch", "post", "head", "options"):
        response = getattr(api.client, method)(f"{ROOT}/flows", headers=api.headers)
        assert (response.status_code, response.headers["Allow"]) == (405, "GET")
    assert checked(api.client.put(f"{ROOT}/flows", headers=api.headers)).json()["code"] == "api.not_allowed"


BODIES = (b"{", b"[]", b"null", b"1", b"\xff", b'{"seen": NaN}', b'{"seen": "a", "seen": "b"}', b'{"seen": "\\u0000"}', b'{"seen": "\\ud800"}',
    b'{"unknown": 1}', b'{"participants": []}', b'{"participants": [1e400]}', b'{"participants": [99999999999999999999]}', b'{"participants": "all"}',
    b'{"sendAgain": "perhaps"}', b"[" * 5000, b'{"participants": [' + b"9" * 5000 + b"]}")  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=[repr(body[:24]) for body in BODIES])
def test_a_body_that_is_none_starts_nothing(api: Caller, ours: Any, body: bytes) -> None:
    path = f"{ROOT}/flows/{ours.flow.pk}/retry"
    response = checked(api.client.post(path, body, content_type=JSON, headers=api.headers))
    assert response.status_code in (400, 422)
    assert ours.flow.attempts.count() == 1


def test_too_much_at_once_is_told(api: Caller, ours: Any) -> None:
    body = b'{"seen": "' + b"x" * 70_000 + b'"}'
    response = checked(
        api.client.post(f"{ROOT}/flows/{ours.flow.pk}/retry", body, content_type=JSON, headers=api.headers)
    )
    assert (response.status_code, response.json()["code"]) == (413, "api.too_large")


@pytest.mark.parametrize(
    ("asked", "detail"),
    [(None, "There is nothing"), ("sv", "Det finns ingenting"), ("de, fr;q=0.5", "There is nothing"),
        ("*", "There is nothing"), ("sv-SE,en;q=0.5", "Det finns ingenting"), ("x" * 5000, "There is nothing")],
)  # fmt: skip
def test_errors_are_in_the_language_that_is_asked_for(api: Caller, asked: str | None, detail: str) -> None:
    headers = {} if asked is None else {"Accept-Language": asked}
    for path in ("/flows/999999", "/nothing"):
        response = checked(api.client.get(ROOT + path, headers={**api.headers, **headers}))
        assert response.json()["detail"].startswith(detail)


def test_a_host_that_is_not_ours_is_told(api: Caller) -> None:
    response = checked(api.client.get(f"{ROOT}/me", headers={**api.headers, "Host": "evil.example"}))
    assert response.status_code == 400


def test_an_error_of_ours_is_told_without_its_reason(api: Caller, ours: Any, settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]  # nothing that is stored can be read
    response = api.get(f"/flows/{ours.flow.pk}/participants")
    assert (response.status_code, response.json()["code"]) == (500, "api.broken")
    assert "FIELD_ENCRYPTION_KEYS" not in response.content.decode()


def test_the_pages_are_as_they_were(client: Client) -> None:
    assert client.get("/nothing/").headers["Content-Type"].startswith("text/html")
