"""What WISEflow counts of a marking item by item, out of the items' marks: `grades.py` spreads a person's points over four questions."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from ladokflow.sandbox.answers import Call, Refusal, Reply
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import envelope, flow_of, iso, member_of, route
from ladokflow.sandbox.wiseflow.grades import shares_of

QUESTIONS = 4


def _marked(state: State, call: Call, licence: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[int, list[Any]]]]:
    """The flow, and each participant's scores; 404 where it is not marked item by item."""
    flow = flow_of(state, call, licence)
    if not flow["marks_items"]:
        raise Refusal(404, "Statistics are not available")
    people = [person for person in flow["participants"].values() if person["points"] is not None]
    return flow, [(person["id"], shares_of(person)) for person in people]


def _frame(state: State, questions: list[dict[str, Any]], flow: dict[str, Any]) -> Reply:
    items = [
        {"itemReference": f"item-{flow['id']}-{number}", "number": number, "questions": [question]}
        for number, question in enumerate(questions, start=1)
    ]
    return envelope([{"builtAt": iso(state.now()), "state": "DONE", "items": items}])


def _question(flow: dict[str, Any], number: int) -> dict[str, Any]:
    kind = "mcq" if number == 1 else "longtextV2"
    return {"questionReference": f"q-{flow['id']}-{number}", "number": 1, "type": kind}


def _analysis(scores: list[float]) -> list[dict[str, float]]:
    if not scores:
        return []
    return [
        {
            "mean": statistics.fmean(scores),
            "median": statistics.median(scores),
            "difficultyIndex": statistics.fmean(scores) / (max(scores) or 1),
            "discriminationIndex": 0.0,
            "standardDeviation": statistics.pstdev(scores),
        }
    ]


def _scored(flow: dict[str, Any], number: int, people: Sequence[Any], given: Callable[[Any], Any]) -> dict[str, Any]:
    """`given`: how a person's score is told."""
    scores = [(pk, shares[number - 1]) for pk, shares in people]
    return _question(flow, number) | {
        "isAutoScored": number == 1,
        "participants": [{"id": pk} | given(score) for pk, score in scores],
        "analysis": _analysis([float(score) for _pk, score in scores]),
    }


@route("GET", "/flows/{flowId}/marking-stats/scores")
def scores(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, people = _marked(state, call, licence)
    numbers = range(1, QUESTIONS + 1)
    questions = [_scored(flow, number, people, lambda score: {"scores": [score]}) for number in numbers]
    return _frame(state, questions, flow)


@route("GET", "/flows/{flowId}/marking-stats/assessors/{assessorId}/scores")
def of_assessor(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    flow, people = _marked(state, call, licence)
    assessor = member_of(flow["assessors"], call, "assessorId", "Assessor")
    own = [(pk, shares) for pk, shares in people if str(pk) in assessor["participants"]]
    numbers = range(2, QUESTIONS + 1)  # the first one scores itself
    questions = [_scored(flow, number, own, lambda score: {"score": score}) for number in numbers]
    return _frame(state, questions, flow)


@route("GET", "/flows/{flowId}/marking-stats/responses")
def responses(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    """The first question is one with choices: right for whoever has the most points for it."""
    flow, people = _marked(state, call, licence)
    most = max((shares[0] for _pk, shares in people), default=0)
    right = [pk for pk, shares in people if shares[0] == most]
    wrong = [pk for pk, shares in people if shares[0] != most]
    given = [
        {"name": name, "validationType": kind, "participantIds": ids}
        for name, kind, ids in (("A", "CORRECT", right), ("B", "OTHER", wrong))
        if ids
    ]
    missing = len(flow["participants"]) - len(people)
    return _frame(state, [_question(flow, 1) | {"responses": given, "numberOfUnattempted": missing}], flow)
