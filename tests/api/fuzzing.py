"""schemathesis against the API, in this process: what openapi.json allows, and what it does not, with keys of rows that there are and of none.

Each case is taken back afterwards, so that every one meets the same rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fuzz.strange import many

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
PER_ADDRESS = 20  # access tokens that are asked for from one: they are limited


@contextmanager
def keeping_connections() -> Iterator[None]:
    """As Django's own test client: a request neither opens nor closes a connection, for the test's transaction is on it."""
    both = (request_started, request_finished)
    for signal in both:
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in both:
            signal.connect(close_old_connections)


@dataclass
class Fuzz:
    """`world` is as `tests.api.conftest.university` makes it."""

    world: Any
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return self.statuses.total()

    def play(self, name: str, mode: GenerationMode, cases: int, seed: int = 1) -> None:
        """Raises what the first case that is answered otherwise than openapi.json says has found."""
        operation = operations()[name]
        if mode is GenerationMode.NEGATIVE and not takes_anything(operation):
            return
        world = self.world
        keys = {
            "flow": world.flow.pk,
            "participant": world.person.pk,
            "attempt": str(world.attempt.pk),
            "run": str(world.run.pk),
        }

        cases_of = operation.as_strategy(generation_mode=mode)

        def one(data: st.DataObject) -> None:
            case = data.draw(cases_of)
            if data.draw(st.booleans()):
                case.path_parameters = {key: keys[key] for key in case.path_parameters or {}}
            self._call(case)

        many(one, cases=cases, seed=seed)

    def _call(self, case: Any) -> None:
        address = f"10.{self.count // PER_ADDRESS // 250}.{self.count // PER_ADDRESS % 250}.1"
        headers = {"X-Forwarded-For": address, "Authorization": f"Bearer {self.world.token.secret}"}
        with keeping_connections(), transaction.atomic():
            response = case.call(headers=headers)
            transaction.set_rollback(True)
        self.statuses[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)


@cache
def operations() -> dict[str, Any]:
    from ladokflow.wsgi import application

    with keeping_connections():
        schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)
    found = [result.ok() for result in schema.get_all_operations()]
    return {operation.definition.raw["operationId"]: operation for operation in found}


def takes_anything(operation: Any) -> bool:
    """Whether there is anything that could be sent wrong: in a form all is text."""
    definition = operation.definition.raw
    return bool(definition.get("parameters")) or "application/json" in definition.get("requestBody", {}).get(
        "content", {}
    )


MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
