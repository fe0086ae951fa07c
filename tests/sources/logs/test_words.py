"""What an entry says is found however it is built, and nothing of it says who somebody is."""

from __future__ import annotations

import json
import timeit
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladokflow.wiseflow.schemas import LogEntry as Raw
from sources.logs.words import detail_of, hiding, kind_of, read
from sources.models import LogEntry


def entry(source: Any, **more: Any) -> Raw:
    return Raw.model_validate({"_id": "a", "sort": [1], "_source": source} | more)


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("FLOW_OPENED", "opened"),
        ("ASSIGNMENT_ACCESSED", "opened"),
        ("PAPER_SAVED", "wrote"),
        ("CHARACTERS_TYPED", "wrote"),
        ("PAPER_HANDED_IN", "handed_in"),
        ("PAPER_WITHDRAWN", "withdrawn"),
        ("participant.disconnected", "disconnected"),
        ("participant.reconnected", "reconnected"),
        ("assessor.audit.log.submit.grade", "marked"),
        ("assessor.audit.log.submit.rubric", "marked"),
        ("INDIVIDUAL_DEADLINE", "other"),
        ("paperHandedIn", "handed_in"),
        ("paper.handin", "handed_in"),
        ("HAND_IN", "handed_in"),
        ("FLOWhandin", "other"),
        ("flowhandin.ping", "other"),
        ("ERROR_HANDLING", "other"),
        ("exception.handling", "other"),
        ("PAPER_HAND_IN_FAILED", "other"),
        ("paperHandInFailed", "other"),
        ("NOT_HANDED_IN", "other"),
        ("The paper could not be handed in", "other"),
        ("HAND_IN_DIALOG_OPENED", "opened"),
        ("HAND_IN_DEADLINE_CHANGED", "other"),
        ("HAND_IN_CANCELLED", "other"),
        ("SUBMISSION_CREATED", "other"),  # when it is opened
        ("SUBMISSION_SUBMITTED", "handed_in"),
        ("AUTOSAVE_FAILED", "other"),
        ("participant.reconnect.failed", "other"),
        ("PAPER_WITHDRAW_DENIED", "other"),
        ("CONNECTION_DEGRADED", "other"),
        ("BROWSER_UPGRADED", "other"),
        ("connection.error.disconnected", "disconnected"),
        ("NOTIFICATION_OPENED", "opened"),
        ("", "other"),
    ],
)
def test_wiseflows_words_are_of_a_kind(action: str, kind: str) -> None:
    assert kind_of(action) == kind
    assert kind in LogEntry.Kind.values


@pytest.mark.parametrize(
    "source",
    [
        {"action": "FLOW_OPENED", "flowId": 5, "participantId": 6, "userId": 7, "context": "participant"},
        {"eventType": "FLOW_OPENED", "flow_id": "5", "participant_id": "6", "user_id": "7", "contextType": "participant"},
        {"event": "FLOW_OPENED", "flow": {"id": 5}, "participant": {"id": 6}, "user": {"id": 7}, "role": "participant"},
        {"payload": {"type": "FLOW_OPENED", "flowId": 5, "participantId": 6, "triggeredBy": {"userId": 7}, "context": "participant"}},
    ],
)  # fmt: skip
def test_facts_are_found_under_the_names_they_have_been_seen_under(source: dict[str, Any]) -> None:
    for given_as in (source, json.dumps(source)):
        told = read(entry(given_as))
        facts = (told.action, told.kind, told.flow_id, told.participant_id, told.user_id, told.context)
        assert facts == ("FLOW_OPENED", "opened", 5, 6, 7, "participant")


@pytest.mark.parametrize(
    "source", ["no JSON", "[1, 2]", None, 5, {"userId": True}, {"userId": "x" * 30}, {"a": [[[[[[1]]]]]]}]
)
def test_what_cannot_be_understood_is_kept_all_the_same(source: Any) -> None:
    told = read(entry(source))
    assert (told.kind, told.user_id, told.flow_id) == ("other", None, None)
    assert detail_of(told.content)


@pytest.mark.parametrize(
    "source",
    [
        {"action": "PAPER_HANDED_IN", "success": False},
        {"action": "PAPER_HANDED_IN", "status": "failed"},
        {"action": "PAPER_HANDED_IN", "response": {"statusCode": 500}},
        {"action": "HAND_IN_FAILED", "message": "Paper handed in"},
        {"type": "FLOWhandin", "action": "HEARTBEAT"},
    ],
)
def test_what_went_wrong_is_not_told_as_done(source: dict[str, Any]) -> None:
    assert read(entry(source)).kind == "other"


@pytest.mark.parametrize(
    "more",
    [
        {"success": True},
        {"status": "done"},
        {"statusCode": 200},
        {"status": 5},
        {"status": "NOT_ACTIVATED"},
        {"flowType": "FLOWhandin"},
    ],
)
def test_what_went_well_is(more: dict[str, Any]) -> None:
    assert read(entry({"action": "PAPER_HANDED_IN"} | more)).kind == "handed_in"


def test_a_sentence_stands_in_the_detail_alone_and_names_nobody() -> None:
    told = read(entry({"message": "Åsa Öberg handed in her paper"}))
    assert (told.action, told.kind) == ("", "handed_in")
    detail = detail_of(told.content, hiding(["Åsa", "Öberg Lind"]))
    assert "Åsa" not in detail
    assert "Öberg" not in detail
    assert "handed in her paper" in detail


@pytest.mark.parametrize("name", ["Anna-Lena", "O'Brien", "Åsa", "A\u030asa", "ÖBERG", "Öberg Lind"])
@pytest.mark.parametrize("said", ["{} opened it", "by {}.", "({},5)", "user:{}", "{} {}"])
def test_a_name_is_found_however_it_is_written_and_wherever_it_stands(name: str, said: str) -> None:
    hide = hiding(["Anna-Lena Åsa", "o'brien öberg lind"])
    detail = json.loads(detail_of({"device": said.replace("{}", name)}, hide))["device"]
    assert not [part for part in ("Anna", "Lena", "Brien", "sa", "ÖBERG", "Öberg", "Lind") if part in detail]


def test_a_name_within_a_word_is_no_name() -> None:
    assert (
        json.loads(detail_of({"device": "Opened OPEN_Ann 5"}, hiding(["Open", "Ann"])))["device"] == "Opened OPEN_Ann 5"
    )


def test_an_entry_takes_no_longer_where_many_are_known() -> None:
    said = {"device": "The paper of the participant has been saved by the client once more"}

    def seconds(count: int) -> float:
        hide = hiding(f"{number:x}namn" for number in range(count))
        return min(timeit.repeat(lambda: detail_of(said, hide), number=20, repeat=5))

    assert seconds(20_000) < 3 * seconds(20)


def test_an_entry_without_an_id_is_known_by_what_it_says() -> None:
    one, other = (read(entry({"n": n}, _id="")).key for n in (1, 2))
    assert one != other
    assert one == read(entry({"n": 1}, _id="")).key
    assert len(read(entry({}, _id="x" * 500)).key) <= 200


PERSONAL = (
    "userName",
    "firstName",
    "last_name",
    "email",
    "phone",
    "ipAddress",
    "ip",
    "nationalId",
    "answerText",
    "comment",
)


@given(st.sampled_from(PERSONAL), st.text(min_size=8, max_size=20, alphabet="abcdefgh"), st.integers(0, 3))
def test_no_value_under_a_name_that_says_who_somebody_is_is_kept(name: str, value: str, depth: int) -> None:
    content: Any = {name: value, "device": "kept"}
    for _ in range(depth):
        content = {"inner": content}
    detail = detail_of(content)
    assert value not in detail
    assert "kept" in detail
