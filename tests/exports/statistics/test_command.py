"""`manage.py statistics`: of what there is not it says so, and never an empty table."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from exports.models import FlowSummary
from exports.statistics.refresh import refresh
from tests.factories import FlowFactory, ParticipantFactory, SourceFactory, in_hours

pytestmark = pytest.mark.django_db


@pytest.fixture
def flow() -> Any:
    flow = FlowFactory(source=SourceFactory(slug="uni"), participation_start_at=in_hours(-100))
    ParticipantFactory(flow=flow, grade="5")
    refresh([flow.pk])
    return flow


def run(**options: Any) -> str:
    out = StringIO()
    call_command("statistics", stdout=out, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    "options", [{"flow": 999}, {"term": "1999-1"}, {"course": "NONE"}, {"department": "Nowhere"}], ids=str
)
def test_of_what_there_is_not_it_says_so(flow: Any, options: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match="uni has no statistics of"):
        run(source="uni", **options)


def test_a_flow_of_another_source_is_not_there(flow: Any) -> None:
    elsewhere = FlowFactory(participation_start_at=in_hours(-100))
    refresh([elsewhere.pk])
    with pytest.raises(CommandError, match="uni has no statistics of flow"):
        run(source="uni", flow=elsewhere.pk)


def test_what_there_is_is_told(flow: Any) -> None:
    term = FlowSummary.objects.get(flow=flow).term
    assert "5" in run(source="uni", flow=flow.pk, term=term)


def test_without_a_source_it_asks_for_one() -> None:
    with pytest.raises(CommandError, match="--source"):
        run()
    assert "were worked out" in run(refresh=True)
