"""Whether it is the same person: asked of a manager, kept with what it was said of, and void when Ladok's row changes again."""

import pytest

from ladokflow.messages import Refused
from sources.flows.create import create_flow
from sources.flows.identities import answer, questions
from sources.flows.request import request_flow
from sources.models import AuditEntry, IdentityAnswer, Registration
from sources.sync.registrations import read_registrations
from sources.universities.clients import ladok_for
from tests.sources.sync.test_run import codes_of, ids, people, sync, writes

NEW = {"civicNumber": "199001012385", "firstname": "Ny", "studentUID": "00000000-0000-11ee-8000-999999999999"}


@pytest.fixture
def code(sandbox):
    return sandbox.control.add_exam("liu", people=4)


@pytest.fixture
def flow(liu, anna, code, sandbox):
    """While students write."""
    made = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    sandbox.control.start_participation(made.wiseflow_id)
    sandbox.control.clear_received()
    return made


@pytest.fixture
def who(sandbox, code):
    return people(sandbox, code)[0]


def replaced(sandbox, code, who, **more):
    """Ladok has other numbers for the user name now."""
    row = next(row for row in sandbox.control.exam("liu", code)["participants"] if row["LiUId"] == who)
    key = next(name for name in row if name.casefold() == "studentuid")
    change = {**NEW, key: NEW["studentUID"], "uniqueExamId": "NEW-1", **more}
    change.pop("studentUID") if key != "studentUID" else None
    sandbox.control.change_people("liu", code, change={who: change})


def read(flow):
    with ladok_for(flow.source) as client:
        return read_registrations(flow, flow.codes.get(), client).problems


def registration(flow, who):
    return Registration.objects.get(participant__flow=flow, participant__organisation_id=who)


def say(flow, anna, *, is_same, seen=None):
    (question,) = questions(flow)
    return answer(
        flow=flow,
        registration_pk=question.registration.pk,
        is_same=is_same,
        seen=question.seen if seen is None else seen,
        by=anna,
        address="192.0.2.7",
    )


def test_a_manager_sees_what_ladok_said_before_and_says_now_without_the_last_digits(flow, sandbox, code, who):
    before = registration(flow, who)
    replaced(sandbox, code, who)
    sync(flow)
    (question,) = questions(flow)
    assert question.registration.participant.organisation_id == who
    other = {line.now: line for line in question.lines if line.is_other}
    assert set(other) == {"19900101-****", "Ny", NEW["studentUID"], "NEW-1"}
    assert other["NEW-1"].before == before.unique_exam_id
    shown = str([(line.before, line.now) for line in question.lines])
    assert before.national_id not in shown
    assert NEW["civicNumber"] not in shown


def test_the_same_person_is_known_as_ladok_says_now_and_the_next_reading_agrees(flow, sandbox, code, who, anna):
    before = registration(flow, who)
    replaced(sandbox, code, who)
    sync(flow)
    say(flow, anna, is_same=True)
    for _ in range(2):
        row = registration(flow, who)
        assert (row.national_id, row.unique_exam_id) == (NEW["civicNumber"], "NEW-1")
        assert (row.is_listed, row.doubt, row.claim) == (True, {}, "")
        assert questions(flow) == []
        read(flow)
    kept = IdentityAnswer.objects.get()
    assert (kept.by, kept.is_same, kept.registration) == (anna, True, before)
    assert before.unique_exam_id in kept.known_as
    assert "NEW-1" in kept.said_of
    entry = AuditEntry.objects.get(message__code="sources.audit.same_person")
    assert (entry.actor, entry.address) == (anna, "192.0.2.7")
    assert NEW["civicNumber"] not in str(entry.message)


def test_the_same_person_goes_on_in_wiseflow_too(flow, sandbox, code, who, anna):
    replaced(sandbox, code, who)
    there = ids(sandbox, flow)[who]
    run = sync(flow)
    assert "sources.doubt.organisation_id" in codes_of(run.problem_messages)
    assert writes(sandbox) == []
    say(flow, anna, is_same=True)
    run = sync(flow)
    assert [code for code in codes_of(run.problem_messages) if "doubt" in code] == []
    after = ids(sandbox, flow)[who]
    assert (after["id"], after["firstName"], after["is_activated"]) == (there["id"], "Ny", True)
    row = registration(flow, who)
    assert (row.participant.national_id, row.participant.wiseflow_id) == (NEW["civicNumber"], there["id"])
    assert sync(flow).changes == []


def test_somebody_else_leaves_the_former_one_off_the_list(flow, sandbox, code, who, anna):
    before = registration(flow, who)
    replaced(sandbox, code, who)
    sync(flow)
    say(flow, anna, is_same=False)
    for _ in range(2):
        row = Registration.objects.get(pk=before.pk)
        assert (row.is_listed, row.gone_at is None, row.doubt, row.claim) == (False, False, {}, "")
        assert (row.national_id, row.unique_exam_id) == (before.national_id, before.unique_exam_id)
        assert questions(flow) == []
        read(flow)
    run = sync(flow)
    assert run.deactivated == 1
    # Nobody's account is given to the new one: it has the former one's user name.
    assert run.added == 0
    assert [told for told in codes_of(run.problem_messages) if "doubt" in told] == ["sources.doubt.organisation_id"]


@pytest.mark.parametrize("is_same", [True, False])
def test_an_answer_is_void_when_ladoks_row_changes_again(flow, sandbox, code, who, anna, is_same):
    replaced(sandbox, code, who)
    sync(flow)
    say(flow, anna, is_same=is_same)
    again = "00000000-0000-11ee-8000-888888888888"
    key = next(name for name in sandbox.control.exam("liu", code)["participants"][0] if name.casefold() == "studentuid")
    sandbox.control.change_people(
        "liu", code, change={who: {"civicNumber": "198501012391", key: again, "uniqueExamId": "NEW-2"}}
    )
    read(flow)
    (question,) = questions(flow)
    assert again in [line.now for line in question.lines if line.is_other]
    say(flow, anna, is_same=not is_same)
    read(flow)
    assert questions(flow) == []
    assert IdentityAnswer.objects.count() == 2
    assert Registration.objects.get(pk=question.registration.pk).is_listed is not is_same


def test_ladok_that_takes_it_back_ends_the_question(flow, sandbox, code, who):
    rows = sandbox.control.exam("liu", code)["participants"]
    replaced(sandbox, code, who)
    sync(flow)
    assert questions(flow)
    sandbox.control.set_people("liu", code, rows)
    read(flow)
    assert questions(flow) == []
    assert registration(flow, who).doubt == {}


@pytest.mark.parametrize("what", ["seen", "changed", "answered", "code removed", "another flow"])
def test_what_is_not_as_it_was_shown_is_not_answered(flow, sandbox, code, who, anna, what, liu):
    replaced(sandbox, code, who)
    sync(flow)
    (question,) = questions(flow)
    asked, seen = flow, question.seen
    if what == "seen":
        seen = "x"
    elif what == "changed":
        sandbox.control.change_people("liu", code, change={who: {"uniqueExamId": "NEW-2"}})
        read(flow)
    elif what == "answered":
        say(flow, anna, is_same=False)
    elif what == "code removed":
        flow.codes.update(removed_at=question.registration.first_seen_at)
    else:
        other = sandbox.control.add_exam("liu", people=1)
        asked = create_flow(request_flow(source=liu, codes=[other], requested_by=anna, enqueue=False).pk)
    count = IdentityAnswer.objects.count()
    with pytest.raises(Refused) as caught:
        answer(flow=asked, registration_pk=question.registration.pk, is_same=True, seen=seen, by=anna)
    assert caught.value.message.code == "sources.identity.seen_otherwise"
    assert IdentityAnswer.objects.count() == count


def test_half_a_list_is_no_question_of_who_it_is(flow, sandbox, code):
    rows = sandbox.control.exam("liu", code)["participants"]
    sandbox.control.set_people("liu", code, [rows[0], rows[0], *rows[2:]])
    read(flow)
    assert Registration.objects.exclude(doubt={}).count() == 1
    assert questions(flow) == []


def test_two_who_may_both_be_meant_are_told_apart_by_a_manager(flow, sandbox, code, anna, who):
    """Two rows have one number each of the person: Ladok has split somebody."""
    rows = sandbox.control.exam("liu", code)["participants"]
    mine = rows[0]
    key = next(name for name in mine if name.casefold() == "studentuid")
    first = {**mine, "LiUId": "a1@liu.example", key: "", "uniqueExamId": "A-1"}
    second = {**mine, "LiUId": "a2@liu.example", "civicNumber": "", "uniqueExamId": "A-2"}
    first, second = {**first, key: "x1"}, {**second, "civicNumber": "198501012391"}
    sandbox.control.set_people("liu", code, [first, second, *rows[1:]])
    read(flow)
    say(flow, anna, is_same=True)
    read(flow)
    row = registration(flow, who)
    assert (row.is_listed, row.doubt) == (True, {})
    assert row.unique_exam_id in ("A-1", "A-2")


def renumbered(sandbox, code, who):
    """The same name on the list, and nothing else of what there was; gives the new user name."""
    row = dict(next(row for row in sandbox.control.exam("liu", code)["participants"] if row["LiUId"] == who))
    sandbox.control.change_people("liu", code, remove=[who])
    key = next(name for name in row if name.casefold() == "studentuid")
    new = {
        **row,
        "LiUId": "nyttn001",
        "civicNumber": NEW["civicNumber"],
        key: NEW["studentUID"],
        "uniqueExamId": "NEW-2",
    }
    sandbox.control.change_people("liu", code, add=[new])
    return new["LiUId"]


@pytest.mark.parametrize("is_same", [True, False])
def test_who_is_on_the_list_under_numbers_that_are_all_new_is_asked_about_by_name(
    flow, sandbox, code, who, anna, is_same
):
    sandbox.control.end_participation(flow.wiseflow_id)
    sync(flow)
    renumbered(sandbox, code, who)
    assert "sources.doubt.name" in codes_of(sync(flow).problem_messages)
    assert registration(flow, who).is_listed
    say(flow, anna, is_same=is_same)
    for _ in range(2):
        row = registration(flow, who)
        assert (row.is_listed, row.unique_exam_id == "NEW-2") == (is_same, is_same)
        assert questions(flow) == []
        assert "sources.doubt.name" not in codes_of(sync(flow).problem_messages)


def test_who_was_off_the_list_before_is_asked_about_too(flow, sandbox, code, who):
    sandbox.control.end_participation(flow.wiseflow_id)
    row = next(row for row in sandbox.control.exam("liu", code)["participants"] if row["LiUId"] == who)
    sandbox.control.change_people("liu", code, remove=[who])
    sync(flow)
    assert not registration(flow, who).is_listed
    sandbox.control.change_people("liu", code, add=[{**row, **NEW, "LiUId": "nyttn001", "firstname": row["firstname"]}])
    sync(flow)
    assert [question.registration.participant.organisation_id for question in questions(flow)] == [who]


def test_while_students_write_nobody_is_locked_out_whose_name_is_on_the_list_under_other_numbers(
    flow, sandbox, code, who
):
    new = renumbered(sandbox, code, who)
    for _ in range(2):
        assert "sources.doubt.name" in codes_of(sync(flow).problem_messages)
        assert {name for name, each in ids(sandbox, flow).items() if each["is_activated"]} >= {who, new}


def test_two_who_were_on_the_list_together_are_two_whatever_their_names(flow, sandbox, code, who):
    one, other = sandbox.control.exam("liu", code)["participants"][:2]
    names = {name: one[name] for name in ("firstname", "lastname")}
    sandbox.control.change_people("liu", code, change={other["LiUId"]: names})
    sync(flow)
    sandbox.control.change_people("liu", code, remove=[who])
    assert "sources.doubt.name" not in codes_of(sync(flow).problem_messages)
    assert not ids(sandbox, flow)[who]["is_activated"]
