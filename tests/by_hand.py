"""Flows that others than we have made in the sandbox's WISEflow."""

from __future__ import annotations

from typing import Any

from sources.models import Source
from sources.universities.clients import wiseflow_for

PERSON = {"liu": "LiUId", "oru": "studentuid", "boras": "federeradIdentitet"}
PEOPLE = {"liu": "participants", "oru": "participants", "boras": "deltagare"}


def flow_by_hand(
    sandbox: Any, source: Source, code: str = "", *, title: str = "Gjord för hand", people: int = 99
) -> int:
    """The number of a new flow in WISEflow, with the first people of the exam."""
    slug = source.slug
    with wiseflow_for(source) as client:
        manager = sandbox.control.users(slug)[0]["id"]
        number = client.create_flow(title=title, subtitle="", type_id=2, manager_ids=[manager])
    if code:
        sandbox.control.add_users_of(slug, code)
        for person in sandbox.control.exam(slug, code)[PEOPLE[slug]][:people]:
            sandbox.control.add_participant_by_hand(number, person[PERSON[slug]])
    sandbox.control.clear_received()
    return number


def written(sandbox: Any) -> list[tuple[str, str]]:
    """What has been changed in WISEflow since, by method and path; searches are no changes."""
    return [
        (row["method"], row["path"].removeprefix("/wiseflow/v1"))
        for row in sandbox.control.received("wiseflow")
        if row["method"] != "GET" and not row["path"].endswith(("/search", "/oauth2/token"))
    ]
