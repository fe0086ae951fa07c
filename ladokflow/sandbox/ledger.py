"""What a university's Ladok has registered: every registration, in order, and how often each grade came.

A grade that was sent twice stands here twice. That is the question the whole product is judged by, so nothing is merged
away: `rows` is a count over `registrations`, which are never changed.
"""

from __future__ import annotations

from typing import Any


class Ledger:
    def __init__(self, registrations: list[dict[str, Any]]) -> None:
        self.registrations = registrations
        self._rows: dict[tuple[str, str, str, str], dict[str, Any]] = {}
        for registration in registrations:
            self._count(registration)

    def record(self, registration: dict[str, Any]) -> None:
        """`{code, kind, identifier, organisationId, grade, points, idempotencyKey, at, managers, sent}`."""
        self.registrations.append(registration)
        self._count(registration)

    def _count(self, registration: dict[str, Any]) -> None:
        key = (registration["code"], registration["kind"], registration["identifier"], registration["grade"])
        row = self._rows.get(key)
        if row is None:
            shown = {name: value for name, value in registration.items() if name != "sent"}
            self._rows[key] = shown | {"times": 1}
        else:
            row["times"] += 1

    def rows(self) -> list[dict[str, Any]]:
        """One row for each grade of each person on each exam, in the order first registered, with `times`."""
        return list(self._rows.values())

    def latest(self, code: str) -> list[dict[str, Any]]:
        """What stands registered on an exam now: the last grade of each person as it was sent, and as often as it was."""
        last: dict[str, list[dict[str, Any]]] = {}
        for registration in self.registrations:
            if registration["code"] == code:
                same = [
                    each for each in last.get(registration["identifier"], []) if each["grade"] == registration["grade"]
                ]
                last[registration["identifier"]] = [*same, registration]
        return [registration for registrations in last.values() for registration in registrations]
