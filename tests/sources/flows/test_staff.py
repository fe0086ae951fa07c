"""Staff are looked up before anything is made, and nobody becomes a user in WISEflow of whom that was not confirmed."""

from __future__ import annotations

import unicodedata
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from hypothesis import given
from hypothesis import strategies as st

from ladokflow.identifiers import normal
from ladokflow.messages import Refused
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.flows.staff import Answer, Answered, answer_for_flow, answered, answered_pairs, confirm_accounts, roles_of
from sources.models import AuditEntry, Flow, StaffAccount, SyncRun
from sources.sync.plan.staff import ROLES
from sources.sync.run import request_sync, run_sync

pytestmark = pytest.mark.django_db
TYPO = "okand99@liu.example"


@pytest.fixture
def code(sandbox):
    return sandbox.control.add_exam("liu", people=3)


@pytest.fixture
def make(liu, anna, code):
    def made(*staff, **choices):
        flow = request_flow(source=liu, codes=[code], requested_by=anna, staff=staff, enqueue=False, **choices)
        return create_flow(flow.pk)

    return made


def sync(flow):
    run = run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.COMMAND, enqueue=False).pk)
    assert run.state == "success", run.message
    return [problem.code for problem in run.problem_messages]


def put(flow, *people):
    Flow.objects.filter(pk=flow.pk).update(staff=[*flow.staff, *people])
    flow.refresh_from_db()


def known(sandbox):
    """The organisation ids of WISEflow's users."""
    return {row["value"] for user in sandbox.control.users("liu") for row in user["data"]}


# --- Making a flow


@pytest.mark.parametrize("role", ROLES)
def test_an_unknown_person_stops_the_creation_before_anything_is_made(make, sandbox, role):
    before, flows = known(sandbox), len(sandbox.control.flows("liu"))
    flow = make({"role": role, "organisation_id": TYPO})
    assert (flow.setup_state, flow.setup_reason.code, flow.is_unmade) == ("stopped", "sources.staff_not_found", True)
    assert TYPO in str(flow.setup_reason)
    assert (known(sandbox), len(sandbox.control.flows("liu"))) == (before, flows)


@pytest.mark.parametrize("role", ROLES)
def test_who_was_confirmed_and_nobody_else_is_made_a_user(make, sandbox, role):
    before = known(sandbox) | set()
    flow = make({"role": role, "organisation_id": TYPO, "is_new": True})
    assert flow.setup_state == "ready"
    students = set(flow.participants.values_list("organisation_id", flat=True))
    assert {one for one in known(sandbox) - before - students if "@" in one} == {TYPO}
    (account,) = flow.staff_accounts.all()
    assert (account.organisation_id, account.confirmed_at) == (TYPO, None)
    assert account.user_id
    assert "sources.audit.account_made" in [entry.message["code"] for entry in AuditEntry.objects.filter(flow=flow)]


SPELLINGS = [
    str.upper,
    str.lower,
    lambda text: unicodedata.normalize("NFD", text),
    lambda text: unicodedata.normalize("NFC", text),
    lambda text: f" {text}\u200b",
    lambda text: f"\ufeff{text}",
]


@pytest.mark.parametrize("spelt", SPELLINGS)
@pytest.mark.parametrize("there", [str, str.upper, lambda text: unicodedata.normalize("NFD", text)])
def test_a_user_is_found_however_the_organisation_id_is_spelt(make, sandbox, spelt, there):
    sandbox.control.add_user("liu", {"organisation_id": there("åsa01@liu.example")})
    flow = make({"role": "assessor", "organisation_id": spelt("åsa01@liu.example")})
    assert flow.setup_state == "ready"
    assert len(sandbox.control.flow(flow.wiseflow_id)["assessors"]) == 1
    assert not flow.staff_accounts.exists()


def test_of_several_users_it_is_the_one_who_is_spelt_like_that_and_else_none(make, sandbox):
    composed, decomposed = (unicodedata.normalize(form, "åsa01@liu.example") for form in ("NFC", "NFD"))
    sandbox.control.add_user("liu", {"organisation_id": composed})
    second = sandbox.control.add_user("liu", {"organisation_id": decomposed})
    flow = make({"role": "assessor", "organisation_id": decomposed})
    assert [row["userId"] for row in sandbox.control.flow(flow.wiseflow_id)["assessors"]] == [second]
    put(flow, {"role": "reviewer", "organisation_id": composed.upper() + "\u00ad", "email": "", "is_new": True})
    before = known(sandbox)
    assert sync(flow) == ["sources.staff_ambiguous"]
    assert known(sandbox) == before


def test_an_account_that_wiseflow_refuses_is_told_and_is_none(make, sandbox):
    sandbox.control.fault("wiseflow", "/license/user", "status", times=1, status=400)
    flow = make({"role": "manager", "organisation_id": TYPO, "is_new": True})
    assert flow.setup_state == "stopped"
    assert not StaffAccount.objects.exists()


def test_an_account_of_which_wiseflow_has_not_answered_may_have_been_made(make, sandbox):
    sandbox.control.fault("wiseflow", "/license/user", "status", times=-1, status=503)
    flow = make({"role": "manager", "organisation_id": TYPO, "is_new": True})
    assert flow.setup_state == "stopped"
    assert [(one.organisation_id, one.user_id) for one in flow.staff_accounts.all()] == [(TYPO, None)]
    sandbox.control.clear_faults()
    Flow.objects.filter(pk=flow.pk).update(setup_state=Flow.Setup.QUEUED, setup_claims=0)
    flow = create_flow(flow.pk)
    assert flow.setup_state == "ready"
    assert [bool(one.user_id) for one in flow.staff_accounts.all()] == [True]


def test_a_new_account_is_nobodys_who_is_there_already(load_source, sandbox):
    """A member with a mistyped organisation id, on a licence where an e-mail address is one user's: that user is not touched."""
    oru = load_source("oru")
    olle = oru.memberships.get(user__email="olle@oru.example")
    (before,) = (user for user in sandbox.control.users("oru") if "olle@oru.example" in str(user["emails"]))
    oru.memberships.filter(pk=olle.pk).update(organisation_id="olbo@oru.example")
    code = sandbox.control.add_exam("oru", people=1)
    staff = [{"role": "manager", "email": "olle@oru.example", "is_new": True}]
    flow = request_flow(source=oru, codes=[code], requested_by=olle.user, staff=staff, enqueue=False)
    assert create_flow(flow.pk).setup_state == "ready"
    (account,) = flow.staff_accounts.all()
    assert account.user_id != before["id"]
    assert [user for user in sandbox.control.users("oru") if user["id"] == before["id"]] == [before]


def test_an_account_that_somebody_had_looked_at_before_it_was_there_is_told_once_it_is(make, sandbox, anna):
    flow = make()
    put(flow, {"role": "assessor", "organisation_id": TYPO, "email": "", "is_new": True})
    account = StaffAccount.objects.create(flow=flow, organisation_id=TYPO, name=TYPO)
    assert confirm_accounts(flow=flow, seen=[account.pk], by=anna)
    sync(flow)
    account.refresh_from_db()
    assert (bool(account.user_id), account.confirmed_at) == (True, None)


# --- Synchronising


@pytest.mark.parametrize("phase", ["setup", "activated", "participation", "marking"])
@pytest.mark.parametrize("role", ROLES)
def test_a_synchronisation_makes_no_user_of_whom_nobody_has_said_so(make, sandbox, phase, role):
    flow = make()
    if phase != "setup":
        sandbox.control.activate(flow.wiseflow_id)
    if phase in ("participation", "marking"):
        sandbox.control.start_participation(flow.wiseflow_id)
    if phase == "marking":
        sandbox.control.end_participation(flow.wiseflow_id)
    put(flow, {"role": role, "organisation_id": TYPO, "email": "", "first_name": "", "last_name": ""})
    before = known(sandbox)
    assert "sources.staff_unknown" in sync(flow)
    assert known(sandbox) == before
    assert not flow.staff_accounts.exists()


def test_an_account_that_was_removed_in_wiseflow_is_not_made_again_by_itself(make, sandbox, anna):
    flow = make()
    put(flow, {"role": "assessor", "organisation_id": TYPO, "email": "", "is_new": True})
    StaffAccount.objects.create(flow=flow, organisation_id=TYPO, name=TYPO, user_id=4711)
    before = known(sandbox)
    assert sync(flow) == ["sources.staff_unknown"]
    assert known(sandbox) == before
    once_more = Answered(TYPO, ("assessor",), Answer.CREATE)
    run = answer_for_flow(flow=flow, answers=[once_more], members={}, by=anna, enqueue=False)
    assert run_sync(run.pk).state == "success"
    assert known(sandbox) == before | {TYPO}


def test_a_flow_from_before_keeps_whom_it_has_while_it_is_not_clear_who_is_meant(make, sandbox):
    """In setup, who is no longer asked for goes; who cannot be found is not who is no longer asked for."""
    assessor = sandbox.control.add_user("liu", {"organisation_id": "asse1@liu.example"})
    flow = make({"role": "assessor", "organisation_id": "asse1@liu.example"})
    staff = [row | {"organisation_id": TYPO} if row["role"] == "assessor" else row for row in flow.staff]
    Flow.objects.filter(pk=flow.pk).update(staff=staff)
    assert sync(flow) == ["sources.staff_unknown"]
    assert [row["userId"] for row in sandbox.control.flow(flow.wiseflow_id)["assessors"]] == [assessor]


@pytest.mark.parametrize("role", ROLES)
def test_who_works_with_a_flow_and_is_a_student_of_the_exam_is_told(make, sandbox, code, role):
    student = sandbox.control.exam("liu", code)["participants"][0]
    sandbox.control.add_users_of("liu", code)
    flow = make({"role": role, "organisation_id": student["LiUId"].upper()})
    told = [problem for problem in flow.sync_runs.get().problem_messages if problem.code == "sources.staff_is_student"]
    assert len(told) == 1
    assert student["LiUId"].upper() in str(told[0]) or student["lastname"] in str(told[0])
    assert sync(flow) == ["sources.staff_is_student"]


def test_a_manager_who_is_no_student_is_not_told_of(make):
    assert sync(make()) == []


# --- What was answered


PEOPLE = ["a@x", "b@x", "c@x"]
STAFF = st.lists(
    st.builds(
        lambda role, who, new: {"role": role, "organisation_id": who} | ({"is_new": True} if new else {}),
        st.sampled_from(ROLES),
        st.sampled_from(PEOPLE),
        st.just(False),
    ),
    max_size=6,
    unique_by=lambda row: (row["role"], row["organisation_id"]),
)


@st.composite
def answers(draw, staff):
    chosen = draw(st.lists(st.sampled_from([*PEOPLE, "d@x"]), max_size=3, unique=True))
    return [
        Answered(
            who,
            draw(st.sampled_from([roles_of(staff, who), ("author",)])),
            draw(st.sampled_from(Answer.values)),
            draw(st.sampled_from(["d@x", "e@x", "E@mail"])),
        )
        for who in chosen
    ]


@given(st.data())
def test_only_who_was_confirmed_in_these_roles_may_become_a_user(data):
    staff = data.draw(STAFF)
    said = data.draw(answers(staff))
    rows, used = answered(staff, said, {"e@mail": "e@x"})
    confirmed = {normal(one.organisation_id) for one in used if one.answer == Answer.CREATE}
    assert {normal(row["organisation_id"]) for row in rows if row.get("is_new")} <= confirmed
    gone = {one.organisation_id for one in used if one.answer in (Answer.LEAVE_OUT, Answer.CORRECT)}
    came = {"d@x", "e@x"}
    assert not {row["organisation_id"] for row in rows} & (gone - came)
    asked = {one.organisation_id for one in said}
    untouched = [row for row in staff if row["organisation_id"] not in asked]
    assert [row for row in rows if row in untouched] == untouched
    assert all(one.roles == roles_of(staff, one.organisation_id) for one in used if one.organisation_id in PEOPLE)
    pairs = [("student", who) for who in PEOPLE]
    assert {by for _, by in answered_pairs(pairs, used, {"e@mail": "e@x"})} <= {*PEOPLE, *came} - (gone - came)


def test_an_answer_about_somebody_who_is_not_asked_about_any_more_changes_nothing(make, anna):
    flow = make()
    stale = Answered(TYPO, ("assessor",), Answer.CREATE)
    with pytest.raises(Refused) as caught:
        answer_for_flow(flow=flow, answers=[stale], members={}, by=anna, enqueue=False)
    assert caught.value.message.code == "sources.staff_answered_already"


def test_only_the_accounts_that_were_seen_are_confirmed_and_once(make, anna, lars):
    flow = make()
    first, second = (
        StaffAccount.objects.create(flow=flow, organisation_id=one, name=one, user_id=1) for one in ("x", "y")
    )
    assert confirm_accounts(flow=flow, seen=[first.pk], by=anna) == [first]
    assert confirm_accounts(flow=flow, seen=[first.pk], by=lars) == []
    assert list(flow.staff_accounts.filter(confirmed_at__isnull=True)) == [second]
    first.refresh_from_db()
    assert first.confirmed_by == anna
    told = [row.message["code"] for row in AuditEntry.objects.filter(flow=flow, actor__in=[anna, lars])]
    assert told.count("sources.audit.accounts_confirmed") == 1


# --- The command


def run(*options):
    out = StringIO()
    call_command("createflow", "--source", "liu", "--manager", "anna@liu.example", *options, stdout=out)
    return out.getvalue()


def test_the_command_makes_nobody_a_user_unless_it_is_named(liu, anna, sandbox, code):
    liu.memberships.filter(user=anna).update(organisation_id=TYPO)
    before = known(sandbox)
    with pytest.raises(CommandError) as caught:
        run("--code", code)
    assert TYPO in str(caught.value)
    assert "--new-user" in str(caught.value)
    assert known(sandbox) == before
    assert not Flow.objects.exists()
    with pytest.raises(CommandError, match=r"somebody@liu.example is to have no role"):
        run("--code", code, "--new-user", "somebody@liu.example")
    assert not Flow.objects.exists()
    run("--code", code, "--new-user", TYPO.upper())
    assert Flow.objects.get().setup_state == "ready"
    assert TYPO in known(sandbox)
