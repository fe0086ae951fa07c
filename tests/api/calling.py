"""Calling the API as another system does, with a token in the header and nothing else."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

ROOT = "/api/v1"
JSON, PROBLEM = "application/json", "application/problem+json"


class Caller:
    """`get` and `post` give the response; an error of any kind has to be a problem document."""

    def __init__(self, token: str | None) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {token}"} if token is not None else {}

    def get(self, path: str, /, **query: Any) -> Any:
        return checked(self.client.get(ROOT + path, query, headers=self.headers))

    def post(self, path: str, body: Any = None, /, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = "" if body is None else json.dumps(body)
        return checked(self.client.post(ROOT + path, content, content_type=JSON, headers={**self.headers, **named}))


def checked(response: Any) -> Any:
    assert response.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response.headers
    assert not response.cookies
    if response.status_code < 400:
        assert response.headers["Content-Type"].startswith(JSON), response.content[:300]
        return response
    assert response.headers["Content-Type"] == PROBLEM, response.content[:300]
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["type"] == f"urn:ladokflow:problem:{problem['code']}"
    assert problem["title"]
    assert problem["detail"]
    return response
