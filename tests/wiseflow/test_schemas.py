import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ladokflow.wiseflow.schemas import (
    AddResult,
    FlowDates,
    FlowParticipant,
    GradingScale,
    LicenceInfo,
    Metadata,
    Staff,
    User,
)

NOON = dt.datetime(2026, 1, 15, 12, tzinfo=dt.UTC)
SECONDS = int(NOON.timestamp())

PARTICIPANT = TypeAdapter(FlowParticipant)


@pytest.mark.parametrize(
    "value",
    [SECONDS, str(SECONDS), float(SECONDS), SECONDS * 1000, f"{SECONDS}000", "2026-01-15T12:00:00Z", "2026-01-15T13:00:00+01:00",
     "2026-01-15T12:00:00"],
)  # fmt: skip
def test_moment_is_the_same_in_every_way_of_writing_it(value):
    assert FlowDates.model_validate({"participation": {"start": value}}).participation_start_at == NOON


@pytest.mark.parametrize("value", [None, "", 0, "0"])
def test_date_that_is_not_set_is_none(value):
    assert FlowDates.model_validate({"participation": {"start": value}}).participation_start_at is None


@pytest.mark.parametrize("value", [True, "tomorrow", [1], 1e30, float("nan"), float("inf"), "nan"])
def test_date_that_is_none_is_refused(value):
    with pytest.raises(ValidationError):
        FlowDates.model_validate({"participation": {"start": value}})


@pytest.mark.parametrize("dates", [{}, {"participation": None, "marking": None}, {"participation": {}, "more": 1}])
def test_windows_may_be_missing(dates):
    assert FlowDates.model_validate(dates).participation_start_at is None


def test_participant_needs_no_more_than_an_id():
    for user in ({}, {"user": None}, {"user": {"externalIds": None, "firstName": None}}):
        read = PARTICIPANT.validate_python({"participantId": 1, "userId": None, "activated": None, **user})
        assert (read.id, read.user_id, read.first_name, read.external_ids, read.activated) == (1, None, "", (), True)


def test_user_of_a_participant_may_stand_in_either_place():
    assert PARTICIPANT.validate_python({"participantId": 1, "user": {"id": 6}}).user_id == 6
    assert Staff.model_validate({"managerId": 1, "user": {"id": 6}}).user_id == 6


def test_user_with_empty_things_is_read():
    user = User.model_validate({"id": 1, "emails": [None, " a@b.example "], "dataTypes": None, "deactivated": None})
    assert (user.emails, user.data, user.is_deactivated) == (("a@b.example",), (), False)


def test_result_that_says_nothing_does_not_count_as_added():
    assert not AddResult.model_validate({}).is_on_flow


def test_licence_may_lack_everything():
    assert LicenceInfo.model_validate({}).requires_unique_emails is False


def test_scale_without_options_is_a_range():
    assert GradingScale.model_validate({"id": 1, "name": "0-100"}).is_range
    assert not GradingScale.model_validate(
        {"id": 1, "name": "U-G", "list": {"options": [{"grade": "U"}, {"grade": "G"}]}}
    ).is_range


def test_metadata_that_is_changed_keeps_the_rest():
    for there in (
        {"title": "T", "examinationType": "ORDINARY", "new": {"a": 1}},
        {"title": "T", "subtitle": None, "code": None, "term": None, "examinationType": None, "purpose": None},
    ):
        changed = Metadata.model_validate(there).changed(title="U")
        assert changed.model_dump(mode="json", by_alias=True, exclude_unset=True) == there | {"title": "U"}


@given(
    st.dictionaries(
        st.text(max_size=8), st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
    )
)
def test_keys_we_do_not_know_are_ignored(more):
    known = {"participantId": 1, "userId": 6, "user": {"firstName": "A"}}
    assert PARTICIPANT.validate_python({**more, **known}).id == 1
