"""What of a flow's settings stands in WISEflow: how each part of its API is read and written, in our values.

Each part is read by one call and written by one; writing what is there already changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.schemas import Staff
from sources.flows.assessor_groups import read_groups, write_groups
from sources.models import Flow

Value = str | bool | int | None
Values = Mapping[str, Value]


@dataclass(frozen=True)
class Part:
    """What `is_untold` is written only: no call of WISEflow's tells it, and the flow keeps what was written last (`Flow.wiseflow_settings`)."""

    read: Callable[[WiseflowClient, Flow], Values]
    write: Callable[[WiseflowClient, Flow, Values], None]
    is_untold: bool = False


def _id(flow: Flow) -> int:
    return flow.wiseflow_id or 0


BY_NUMBER, BY_EXAM_ID, NAMES, BY_TYPE = "number", "exam-id", "names", "type-"
WIRE = {BY_NUMBER: "participantIndex", BY_EXAM_ID: "uniqueExamId"}


def _anonymisation(client: WiseflowClient, flow: Flow) -> Values:
    found = client.anonymisation(_id(flow))
    if not found.is_on:
        return {"anonymisation": NAMES}
    if found.by_data_type is not None:
        return {"anonymisation": f"{BY_TYPE}{found.by_data_type}"}
    return {"anonymisation": BY_EXAM_ID if found.by_exam_id else BY_NUMBER}


def _put_anonymisation(client: WiseflowClient, flow: Flow, values: Values) -> None:
    value = str(values["anonymisation"])
    if value == NAMES:
        client.delete_anonymisation(_id(flow))
    else:
        client.put_anonymisation(_id(flow), by=WIRE[value])


METADATA = ("examination_type", "purpose", "term")


def _metadata(client: WiseflowClient, flow: Flow) -> Values:
    found = client.metadata(_id(flow))
    return {name: getattr(found, name) or "" for name in METADATA}


def _put_metadata(client: WiseflowClient, flow: Flow, values: Values) -> None:
    """What else stands there goes back as it is right then."""
    client.put_metadata(
        _id(flow), client.metadata(_id(flow)).changed(**{key: str(one or "") for key, one in values.items()})
    )


def _put_time_box(client: WiseflowClient, flow: Flow, values: Values) -> None:
    minutes = values["time_box"]
    client.put_time_box(_id(flow), int(minutes) if minutes else None)


def _time_box(client: WiseflowClient, flow: Flow) -> Values:
    found = client.time_box(_id(flow))
    return {"time_box": found.minutes if found.is_on else None}


# Whether a reviewer sees what assessors have given, and decides on the grade
ACCESS = {"sees": (True, False), "decides": (True, True), "sees-nothing": (False, False)}
DIFFERS = "differs"


def _access_of(reviewer: Staff) -> str:
    flags = (reviewer.sees_assessments, reviewer.can_decide_on_final_grade)
    return next((word for word, meant in ACCESS.items() if meant == flags), DIFFERS)


def _reviewers_access(client: WiseflowClient, flow: Flow) -> Values:
    """Of those who are on the flow; nothing where there is none."""
    found = {_access_of(reviewer) for reviewer in client.reviewers(_id(flow))}
    return {"reviewers_access": found.pop() if len(found) == 1 else DIFFERS} if found else {}


def _put_reviewers_access(client: WiseflowClient, flow: Flow, values: Values) -> None:
    wanted = str(values["reviewers_access"])
    sees, decides = ACCESS[wanted]
    for reviewer in client.reviewers(_id(flow)):
        if _access_of(reviewer) != wanted:
            client.change_reviewer(
                _id(flow),
                reviewer.id,
                is_allocated_to_all=reviewer.is_allocated_to_all,
                has_access_to_assessment_information=sees,
                can_decide_on_final_grade=decides,
            )


REVIEWERS = Part(_reviewers_access, _put_reviewers_access)
ANONYMISATION = Part(_anonymisation, _put_anonymisation)
ABOUT = Part(_metadata, _put_metadata)
TIME_BOX = Part(_time_box, _put_time_box)
DESCRIPTION = Part(
    lambda client, flow: {"description": client.description(_id(flow))},
    lambda client, flow, values: client.put_description(_id(flow), str(values["description"] or "")),
)
CREDITS = Part(
    lambda client, flow: {"credits": flow.wiseflow_settings.get("credits", "")},
    lambda client, flow, values: client.put_credits(_id(flow), str(values["credits"] or "") or None),
    is_untold=True,
)
SINGLE, GROUPED = "SINGLE_ASSESSOR", "GROUPED"


def _allocation(client: WiseflowClient, flow: Flow) -> Values:
    kind = client.allocation_type(_id(flow))
    return {"allocation_type": kind, "assessor_groups": read_groups(client, flow) if kind == GROUPED else ""}


def _put_allocation(client: WiseflowClient, flow: Flow, values: Values) -> None:
    """Groups come after their kind of allocation, and go before it."""
    kind, groups = values.get("allocation_type"), values.get("assessor_groups")
    if kind == GROUPED:
        client.put_allocation_type(_id(flow), GROUPED)
    if groups is not None:
        write_groups(client, flow, str(groups))
    if kind == SINGLE:
        client.put_allocation_type(_id(flow), SINGLE)


ALLOCATION = Part(_allocation, _put_allocation)
