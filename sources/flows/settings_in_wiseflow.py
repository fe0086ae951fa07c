"""What of a flow's settings stands in WISEflow: how each part of its API is read and written, in our values.

Each part is read by one call and written by one; writing what is there already changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.schemas import Staff

Value = str | bool | int | None
Values = Mapping[str, Value]


@dataclass(frozen=True)
class Part:
    read: Callable[[WiseflowClient, int], Values]
    write: Callable[[WiseflowClient, int, Values], None]


BY_NUMBER, BY_EXAM_ID, NAMES, BY_TYPE = "number", "exam-id", "names", "type-"
WIRE = {BY_NUMBER: "participantIndex", BY_EXAM_ID: "uniqueExamId"}


def _anonymisation(client: WiseflowClient, flow_id: int) -> Values:
    found = client.anonymisation(flow_id)
    if not found.is_on:
        return {"anonymisation": NAMES}
    if found.by_data_type is not None:
        return {"anonymisation": f"{BY_TYPE}{found.by_data_type}"}
    return {"anonymisation": BY_EXAM_ID if found.by_exam_id else BY_NUMBER}


def _put_anonymisation(client: WiseflowClient, flow_id: int, values: Values) -> None:
    value = str(values["anonymisation"])
    if value == NAMES:
        client.delete_anonymisation(flow_id)
    else:
        client.put_anonymisation(flow_id, by=WIRE[value])


METADATA = ("examination_type", "purpose", "term")


def _metadata(client: WiseflowClient, flow_id: int) -> Values:
    found = client.metadata(flow_id)
    return {name: getattr(found, name) or "" for name in METADATA}


def _put_metadata(client: WiseflowClient, flow_id: int, values: Values) -> None:
    """What else stands there goes back as it is right then."""
    client.put_metadata(
        flow_id, client.metadata(flow_id).changed(**{key: str(one or "") for key, one in values.items()})
    )


def _put_time_box(client: WiseflowClient, flow_id: int, values: Values) -> None:
    minutes = values["time_box"]
    client.put_time_box(flow_id, int(minutes) if minutes else None)


def _time_box(client: WiseflowClient, flow_id: int) -> Values:
    found = client.time_box(flow_id)
    return {"time_box": found.minutes if found.is_on else None}


# Whether a reviewer sees what assessors have given, and decides on the grade
ACCESS = {"sees": (True, False), "decides": (True, True), "sees-nothing": (False, False)}
DIFFERS = "differs"


def _access_of(reviewer: Staff) -> str:
    flags = (reviewer.sees_assessments, reviewer.can_decide_on_final_grade)
    return next((word for word, meant in ACCESS.items() if meant == flags), DIFFERS)


def _reviewers_access(client: WiseflowClient, flow_id: int) -> Values:
    """Of those who are on the flow; nothing where there is none."""
    found = {_access_of(reviewer) for reviewer in client.reviewers(flow_id)}
    return {"reviewers_access": found.pop() if len(found) == 1 else DIFFERS} if found else {}


def _put_reviewers_access(client: WiseflowClient, flow_id: int, values: Values) -> None:
    wanted = str(values["reviewers_access"])
    sees, decides = ACCESS[wanted]
    for reviewer in client.reviewers(flow_id):
        if _access_of(reviewer) != wanted:
            client.change_reviewer(
                flow_id,
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
    lambda client, flow_id: {"description": client.description(flow_id)},
    lambda client, flow_id, values: client.put_description(flow_id, str(values["description"] or "")),
)
ALLOCATION = Part(
    lambda client, flow_id: {"allocation_type": client.allocation_type(flow_id)},
    lambda client, flow_id, values: client.put_allocation_type(flow_id, str(values["allocation_type"])),
)
