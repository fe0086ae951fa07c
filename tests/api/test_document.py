"""openapi.json: served, checked in, valid, and whole."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client
from openapi_spec_validator import validate

from ladokflow.api import schemas
from sources.models import Scope
from tests.environment import ROOT
from tests.written_docs import openapi


def document() -> dict[str, Any]:
    return dict(json.loads((ROOT / "docs/openapi.json").read_text()))


def test_what_is_served_is_what_is_checked_in(client: Client) -> None:
    served = client.get("/api/v1/openapi.json")
    assert served.json() == document()
    assert (ROOT / "docs/openapi.json").read_text() == openapi(), "run `make docs`"


def test_it_is_valid() -> None:
    validate(document())


def test_every_call_tells_its_scope_and_its_errors() -> None:
    calls = {call["operationId"]: call for path in document()["paths"].values() for call in path.values()}
    for name, call in calls.items():
        assert call.get("description"), name
        problems = {status for status, answer in call["responses"].items() if int(status) >= 400}
        assert problems >= {"401", "403", "404", "409", "422", "429", "500"}, name
        for status in problems:
            assert list(call["responses"][status]["content"]) == ["application/problem+json"]
    asked = {scope for call in calls.values() for kind in call.get("security", ()) for scope in kind.get("OAuth", ())}
    assert asked == set(Scope)


def test_what_is_told_of_people_has_no_text_in_which_a_national_id_is_not_hidden() -> None:
    """Each text is a word of ours, a code, a grade, or of a type that hides them."""
    plain = {"code", "grade", "codes"}
    for shape in (schemas.Participant, schemas.Grade, schemas.Item, schemas.ToSend, schemas.Held, schemas.Sent):
        for name, field in shape.model_fields.items():
            assert field.annotation is not str or field.metadata or name in plain, f"{shape.__name__}.{name}"
