"""A flow's grading scale as WISEflow has it now, and what its audit trails tell of the form in which it gives out grades."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.conf import settings

from exports.grades.read import Gathered, number_of
from exports.rules.cases import holding_of
from exports.rules.holding import Holding
from ladokflow.messages import message
from ladokflow.threads import Threads
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import FORBIDDEN, WiseflowError
from ladokflow.wiseflow.grades import last_grade
from ladokflow.wiseflow.scales import Form, Scale, Witness, found_form
from sources.audit import record
from sources.models import Flow, Source

logger = logging.getLogger(__name__)

NOT_FOUND = 404
MOST_WITNESSES = 10  # trails that are read of one flow: there is a call for each


def read_scale(flow_id: int, wiseflow: WiseflowClient) -> Scale:
    """GET /flows/{flowId}/grading-scale, with its definition; the unknown scale where WISEflow tells of none."""
    try:
        scale_id = wiseflow.grading_scale(flow_id)
    except WiseflowError as error:
        if error.status not in (FORBIDDEN, NOT_FOUND):
            raise
        return Scale()
    found = next((scale for scale in wiseflow.grading_scales(holding=scale_id) if scale.id == scale_id), None)
    scale = Scale.of(found) if found is not None else Scale()
    return scale if scale.is_known else Scale()


def columns_of(scale: Scale, witnesses: Sequence[Witness]) -> dict[str, Any]:
    """The flow's columns for its scale. What it is called stays when WISEflow does not tell of it any more."""
    if not scale.is_known:
        return {"scale_definition": {}, "scale_witnesses": []}
    return {
        "grading_scale_id": scale.id,
        "grading_scale": scale.name[:200],
        "grades": [shown for shown, _ in scale.options],
        "scale_definition": scale.to_json(),
        "scale_witnesses": [[each.given, each.scale_id, each.value] for each in witnesses],
    }


def read_witnesses(flow: Flow, scale: Scale, grades: Gathered, *, known: Sequence[Witness] = ()) -> list[Witness]:
    """What the trails tell of the grades, where these alone do not tell in which form they are; `known` are asked first.

    One trail for each grade, so that those are heard that may be something else. A trail that cannot be read is no witness.
    """
    given = {row.grade: row.participant_id for row in grades.rows if row.grade}
    values = set(given)
    if not scale.is_known or not values or not _needs_witnesses(flow, scale, values):
        return []
    still = [each for each in known if each.given in values and each.scale_id == scale.id]
    if found_form(scale, values, still) is not None:
        return still

    def witness_of(value: str) -> Witness | None:
        try:
            grade = last_grade(grades.trails.of(given[value]))
        except WiseflowError as error:
            logger.warning("export.trail.not_read flow=%s reason=%s", flow.pk, error.message.code)
            return None
        return Witness(value, grade.scale_id, grade.value) if grade is not None else None

    with Threads(settings.WISEFLOW_CONCURRENCY) as pool:
        return [each for each in pool.map(witness_of, sorted(values)[:MOST_WITNESSES]) if each is not None]


def _needs_witnesses(flow: Flow, scale: Scale, values: set[str]) -> bool:
    if not scale.ambiguous(values):
        return False
    # Shown grades that can be nothing else need none, unless the licence has given out stored ones.
    return found_form(scale, values) is None or flow.source.grade_form == Form.STORED


def read_holding(flow: Flow, wiseflow: WiseflowClient, grades: Gathered, *, by_itself: bool) -> tuple[Holding, bool]:
    """What the flow holds now, by its scale, its grades and their trails; and whether the scale is still the one we know.

    What has been read is in the columns of the instance `flow` afterwards, not in the database.
    """
    scale = read_scale(number_of(flow), wiseflow)
    is_same = scale.is_same_as(Scale.from_json(flow.scale_definition))
    for name, value in columns_of(scale, read_witnesses(flow, scale, grades)).items():
        setattr(flow, name, value)
    codes = list(flow.codes.filter(removed_at__isnull=True).order_by("position"))
    values, alternatives = [row.grade for row in grades.rows], [row.alternative_grade for row in grades.rows]
    return holding_of(flow, codes, values=values, alternatives=alternatives, by_itself=by_itself), is_same


def learn_form(flow: Flow, holding: Holding) -> None:
    """Keep what the flow's grades prove of the licence, if nothing is known of it yet. In a transaction of the caller's."""
    found = holding.found
    if found is None or flow.source.grade_form:
        return
    if Source.objects.filter(pk=flow.source_id, grade_form="").update(grade_form=str(found)):
        code = "audit.grades_given_out_shown" if found is Form.SHOWN else "audit.grades_given_out_stored"
        record(message=message(code), source=flow.source, flow=flow)
        flow.source.grade_form = str(found)
