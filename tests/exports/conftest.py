from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db.models.signals import post_save

from sources.models import Flow, Membership, Registration
from tests.exports.world import World, serve
from tests.factories import CredentialFactory, FlowFactory, MembershipFactory, ParticipantFactory, SourceFactory


@pytest.fixture
def world() -> Iterator[World]:
    state = World()
    server = serve(state)
    post_save.connect(state.follow, sender=Registration)
    post_save.connect(state.follow_scale, sender=Flow)
    yield state
    post_save.disconnect(state.follow, sender=Registration)
    post_save.disconnect(state.follow_scale, sender=Flow)
    server.shutdown()
    server.server_close()


@pytest.fixture
def make_flow(world: World, db: None) -> Callable[..., Flow]:
    """A flow in the small world, with as many graded people as asked for, and a manager who made it."""

    def make(
        *,
        people: int = 2,
        grade: str = "5",
        university: str = "liu",
        source: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Flow:
        row = SourceFactory(
            university=university,
            ladok_url=f"{world.url}/ladok",
            wiseflow_url=f"{world.url}/wiseflow/v1",
            **(source or {}),
        )
        CredentialFactory(source=row, system="ladok", kind="bearer", secret="only-for-tests")
        CredentialFactory(source=row, system="wiseflow", kind="api_key", secret="only-for-tests")
        manager: Membership = MembershipFactory(source=row, can_export=True)
        flow: Flow = FlowFactory(
            **(
                {"source": row, "state": Flow.State.CONCLUDED, "created_by": manager.user, "collected_at": None}
                | fields
            )
        )
        for _ in range(people):
            person = ParticipantFactory(flow=flow, grade=grade)
            if grade:
                world.grades[person.wiseflow_id] = grade
        Flow.objects.filter(pk=flow.pk).update(collected_at=flow.synced_at)
        flow.refresh_from_db()
        return flow

    return make
