"""Making flows, step by step, against the sandbox."""

import uuid

import pytest

from ladokflow.http import RemoteError
from ladokflow.messages import Refused
from sources.flows.create import create_flow
from sources.flows.request import request_flow, resume_flow
from sources.models import AuditEntry, Flow, Participant
from tests.factories import MembershipFactory


def make(source, user, *codes, **options):
    flow = request_flow(source=source, codes=codes, requested_by=user, enqueue=False, **options)
    return create_flow(flow.pk)


def flows_of(sandbox):
    """The licence has a template flow from the start."""
    return [flow for flow in sandbox.control.flows("liu") if not flow["title"].startswith("Mall")]


def problems(flow):
    return [problem.code for problem in flow.sync_runs.latest("created_at").problem_messages]


@pytest.fixture
def code(sandbox):
    return sandbox.control.exams("liu")[0]["examCode"]


def test_a_flow_is_made_with_everything_ladok_has(liu, anna, sandbox, code):
    flow = make(liu, anna, code)
    exam = sandbox.control.exam("liu", code)
    there = sandbox.control.flow(flow.wiseflow_id)
    assert (flow.setup_state, flow.setup_step, flow.setup_message) == ("ready", "done", {})
    assert flow.title == there["title"] == f"{exam['courseCode']} {exam['courseName']}"
    assert flow.subtitle == there["subtitle"] == f"{code} {exam['examTitle']}"
    assert flow.setup_mark not in there["subtitle"]
    assert flow.grading_scale == "U345"
    assert flow.grades == ["U", "3", "4", "5"]
    assert flow.synced_at is not None
    assert flow.participants.count() == len(exam["participants"]) == len(there["participants"])
    wanted = {(person["LiUId"], person["uniqueExamId"], person["civicNumber"]) for person in exam["participants"]}
    assert {(row.organisation_id, row.unique_exam_id, row.national_id) for row in flow.participants.all()} == wanted
    assert all([one.code for one in row.listed_codes] == [code] for row in flow.participants.all())
    assert flow.participants.filter(individual_end_at__isnull=False).count() == sum(
        "endTime" in person for person in exam["participants"]
    )


def test_the_creation_is_told_in_the_history_and_in_the_audit_log(liu, anna, code):
    flow = make(liu, anna, code)
    run = flow.sync_runs.get()
    assert (run.trigger, run.state, run.requested_by) == ("creation", "success", anna)
    assert run.added == flow.participants.count()
    assert run.done == run.total == len(run.changes)
    told = [entry.message["code"] for entry in AuditEntry.objects.filter(flow=flow).order_by("pk")]
    assert told == ["sources.audit.flow_requested", "sources.audit.synced", "sources.audit.flow_created"]


@pytest.mark.parametrize("slug", ["liu", "oru", "boras"])
def test_every_university_gets_its_students(slug, load_source, sandbox):
    source = load_source(slug)
    manager = source.memberships.filter(role="manager").first().user
    exam = sandbox.control.exams(slug)[0]
    flow = make(source, manager, exam.get("examCode") or exam["kod"])
    assert flow.setup_state == "ready"
    assert flow.participants.count() == len(sandbox.control.flow(flow.wiseflow_id)["participants"]) > 0


def test_two_codes_make_one_flow_and_a_student_in_both_is_one_participant(liu, anna, sandbox):
    people = sandbox.control.students("liu")[:3]
    first = sandbox.control.add_exam("liu", people=3)
    both = sandbox.control.exam("liu", first)["participants"][0]
    second = sandbox.control.add_exam("liu", people=[both], courseName="Den andra")
    flow = make(liu, anna, first, second)
    assert len(people) == flow.participants.count() == 3
    assert {code.code for code in Participant.objects.get(flow=flow, organisation_id=both["LiUId"]).listed_codes} == {
        first,
        second,
    }
    assert "Den andra" not in flow.title
    assert flow.codes.filter(external_source_id__isnull=False).count() == 2


def test_a_template_gives_its_settings(liu, anna, sandbox, code):
    template = make(liu, anna, code)
    other = sandbox.control.exams("liu")[1]["examCode"]
    flow = make(liu, anna, other, template_flow_id=template.wiseflow_id)
    assert flow.setup_state == "ready"
    assert flow.wiseflow_id != template.wiseflow_id
    assert "/copy" in " ".join(row["path"] for row in sandbox.control.received("wiseflow"))


def test_staff_get_their_roles_and_an_unknown_person_who_was_confirmed_is_made_a_user(liu, anna, sandbox, code):
    staff = [
        {"role": "assessor", "email": "lars@liu.example"},
        {"role": "reviewer", "email": "ny@liu.example", "organisation_id": "nyper01@liu.example", "is_new": True},
    ]
    flow = make(liu, anna, code, staff=staff)
    there = sandbox.control.flow(flow.wiseflow_id)
    assert len(there["managers"]) == len(there["assessors"]) == len(there["reviewers"]) == 1
    assert "sources.staff_created" in problems(flow)


def test_a_flow_is_activated_when_it_was_asked_for(liu, anna, code):
    assert make(liu, anna, code, activates=True).state >= Flow.State.PARTICIPATION_NOT_STARTED


# --- What stops a creation ---------------------------------------------------------------------------------------


def test_an_unknown_code_leaves_nothing_behind(liu, anna):
    with pytest.raises(RemoteError) as caught:
        make(liu, anna, "FINNS-INTE")
    assert caught.value.message.code == "ladok.unknown_code"
    assert not Flow.objects.exists()


def test_ladok_down_leaves_nothing_behind(liu, anna, sandbox, code):
    sandbox.control.fault("liu", "*", "status", times=-1, status=503)
    with pytest.raises(RemoteError) as caught:
        make(liu, anna, code)
    assert caught.value.message.code == "remote.server_error"
    assert not Flow.objects.exists()
    assert not sandbox.control.received("wiseflow")


def test_a_wrong_ladok_token_names_the_credential(liu, anna, code):
    liu.credentials.filter(system="ladok").update(secret="wrong")
    with pytest.raises(RemoteError) as caught:
        make(liu, anna, code)
    assert caught.value.message.code == "remote.unauthorised"


def test_wiseflow_down_stops_the_flow_which_is_then_resumed(liu, anna, sandbox, code):
    sandbox.control.fault("wiseflow", "*", "status", times=-1, status=503)
    flow = make(liu, anna, code)
    assert (flow.setup_state, flow.setup_step) == ("stopped", "")
    assert flow.setup_reason.code == "remote.server_error"
    assert not flow.participants.exists()
    sandbox.control.clear_faults()
    resume_flow(flow, anna)
    flow = create_flow(flow.pk)
    assert flow.setup_state == "ready"
    assert len(flows_of(sandbox)) == 1


def test_a_wrong_wiseflow_secret_stops_the_flow(liu, anna, code):
    liu.credentials.filter(system="wiseflow").update(secret="wrong")
    flow = make(liu, anna, code)
    assert flow.setup_state == "stopped"
    assert flow.setup_reason.code == "remote.unauthorised"


def test_a_manager_of_another_university_is_refused(liu, olle, code):
    with pytest.raises(Refused) as caught:
        make(liu, olle, code)
    assert caught.value.message.code == "sources.not_a_member"
    assert not Flow.objects.exists()


def test_a_manager_without_an_organisation_id_is_refused(liu, code):
    member = MembershipFactory(source=liu, organisation_id="")
    with pytest.raises(Refused) as caught:
        make(liu, member.user, code)
    assert caught.value.message.code == "sources.person_without_identity"


def test_a_code_on_another_flow_is_refused_and_the_flow_is_named(liu, anna, lars, code):
    flow = make(liu, anna, code)
    for user in (anna, lars):
        with pytest.raises(Refused) as caught:
            make(liu, user, code)
        assert caught.value.message.params["flow"] == flow.pk
    assert Flow.objects.count() == 1


def test_an_unknown_flow_type_stops_before_anything_is_made(liu, anna, sandbox, code):
    flow = make(liu, anna, code, flow_type="FLOWdance")
    assert (flow.setup_state, flow.setup_reason.code) == ("stopped", "sources.unknown_flow_type")
    assert "FLOWassign" in flow.setup_reason.params["known"]
    assert not flows_of(sandbox)


# --- Asked for again with other settings -------------------------------------------------------------------------


def test_after_a_refused_flow_type_the_flow_is_made_with_the_right_one(liu, anna, sandbox, code):
    refused = make(liu, anna, code, flow_type="FLOWdance", instant_export=True)
    flow = make(liu, anna, code, flow_type="FLOWlock", activates=True)
    assert (flow.pk, flow.setup_state, flow.flow_type) == (refused.pk, "ready", "FLOWlock")
    assert (flow.instant_export, flow.activates) == (False, True)
    assert len(flows_of(sandbox)) == 1
    assert flow.codes.get().code == code
    told = [entry.message["code"] for entry in AuditEntry.objects.filter(flow=flow).order_by("pk")]
    assert told[:3] == [
        "sources.audit.flow_requested",
        "sources.audit.sync_failed",
        "sources.audit.flow_requested_anew",
    ]


def test_an_unknown_template_is_named_and_does_not_block_the_exam(liu, anna, sandbox, code):
    refused = make(liu, anna, code, template_flow_id=424242)
    assert refused.setup_reason.to_json() == {"code": "sources.unknown_template", "params": {"template": 424242}}
    flow = make(liu, anna, code)
    assert (flow.pk, flow.setup_state, flow.template_flow_id) == (refused.pk, "ready", None)


def test_a_colleague_takes_over_a_flow_that_was_never_made(liu, anna, lars, sandbox, code):
    refused = make(liu, anna, code, flow_type="FLOWdance", submission_key=uuid.uuid4())
    flow = make(liu, lars, code, staff=[{"role": "assessor", "email": "anna@liu.example"}])
    assert (flow.pk, flow.setup_state, flow.created_by) == (refused.pk, "ready", lars)
    assert [(one["role"], one["email"]) for one in flow.staff] == [
        ("manager", "lars@liu.example"),
        ("assessor", "anna@liu.example"),
    ]
    there = sandbox.control.flow(flow.wiseflow_id)
    assert len(there["managers"]) == len(there["assessors"]) == 1
    with pytest.raises(Refused) as caught:
        make(liu, anna, code)
    assert caught.value.message.code == "sources.code_taken"


def test_a_flow_that_was_never_made_can_be_asked_for_with_one_more_code_and_another_master(liu, anna, sandbox, code):
    other = sandbox.control.exams("liu")[1]["examCode"]
    refused = make(liu, anna, code, flow_type="FLOWdance")
    flow = make(liu, anna, other, code)
    assert (flow.pk, flow.setup_state) == (refused.pk, "ready")
    assert [row.code for row in flow.codes.all()] == [other, code]


def test_a_code_of_a_never_made_flow_of_several_is_refused_with_what_to_do(liu, anna, lars, sandbox, code):
    other = sandbox.control.exams("liu")[1]["examCode"]
    refused = make(liu, anna, code, other, flow_type="FLOWdance")
    with pytest.raises(Refused) as caught:
        make(liu, lars, code)
    assert caught.value.message.code == "sources.code_on_unmade_flow"
    assert caught.value.message.params["flow"] == refused.pk
    assert {row.code for row in refused.codes.all()} == {code, other}


def test_the_list_of_assessors_is_the_new_one(liu, anna, sandbox, code):
    people = [person["LiUId"] for person in sandbox.control.exam("liu", code)["participants"]]
    staff = [{"role": "assessor", "email": "lars@liu.example"}]
    pairs = {"assessor_allocation": "list", "allocation_list": [[people[0], "lars@liu.example"]], "staff": staff}
    make(liu, anna, code, flow_type="FLOWdance", **pairs)
    flow = make(liu, anna, code)
    assert (flow.assessor_allocation, flow.allocation_lines.count()) == ("none", 0)


@pytest.mark.parametrize("by_colleague", [False, True])
def test_a_flow_that_may_be_in_wiseflow_keeps_its_settings(liu, anna, lars, sandbox, code, by_colleague):
    """The answer to the creation was lost: what is there, or will be, was made with those settings."""
    sandbox.control.fault("wiseflow", "/license/create/flow", "lost_answer", times=1)
    sandbox.control.fault("wiseflow", "/flows/search", "status", times=-1, status=503)
    begun = make(liu, anna, code, flow_type="FLOWassign")
    assert (begun.setup_state, begun.wiseflow_id, begun.is_unmade) == ("stopped", None, False)
    sandbox.control.clear_faults()
    if by_colleague:
        with pytest.raises(Refused) as caught:
            make(liu, lars, code, flow_type="FLOWlock")
        assert caught.value.message.code == "sources.code_taken"
    else:
        flow = make(liu, anna, code, flow_type="FLOWlock")
        assert (flow.pk, flow.setup_state, flow.flow_type) == (begun.pk, "ready", "FLOWassign")
        assert len(flows_of(sandbox)) == 1


def test_a_refusal_after_a_lost_answer_leaves_the_doubt(liu, anna, sandbox, code):
    flow = request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False)
    Flow.objects.filter(pk=flow.pk).update(setup_step="creating")
    sandbox.control.fault("wiseflow", "/license/create/flow", "status", times=1, status=403)
    stopped = create_flow(flow.pk)
    assert (stopped.setup_state, stopped.setup_step, stopped.is_unmade) == ("stopped", "creating", False)


def test_a_flow_that_somebody_has_just_resumed_is_not_begun_anew(liu, anna, lars, sandbox, code):
    refused = make(liu, anna, code, flow_type="FLOWdance")
    resume_flow(refused, anna)
    with pytest.raises(Refused) as caught:
        make(liu, lars, code)
    assert caught.value.message.code == "sources.code_taken"
    assert request_flow(source=liu, codes=[code], requested_by=anna, flow_type="FLOWlock").flow_type == "FLOWdance"


def test_no_right_to_make_flows_is_told_as_that(liu, anna, sandbox, code):
    sandbox.control.fault("wiseflow", "/license/create/flow", "status", times=1, status=403)
    flow = make(liu, anna, code)
    assert (flow.setup_state, flow.setup_reason.code) == ("stopped", "sources.creation_forbidden")
    assert flow.setup_reason.params["type"] == "FLOWassign"
    assert flow.is_unmade


def test_a_copy_has_its_templates_type_also_where_the_licence_numbers_the_types_otherwise(liu, anna, sandbox, code):
    template = make(liu, anna, sandbox.control.add_exam("liu", people=1), flow_type="FLOWoral")
    types = [{"id": 32, "name": "FLOWassign"}, {"id": 7032, "name": "FLOWoral"}]
    body = {"success": True, "data": types, "error": None}
    sandbox.control.fault("wiseflow", "/license/flow-types", "answer", times=-1, status=200, body=body)
    flow = make(liu, anna, code, template_flow_id=template.wiseflow_id)
    assert flow.flow_type == "FLOWoral"


# --- What is told while the rest goes on -------------------------------------------------------------------------


def test_no_flow_is_made_of_an_exam_whose_scale_nobody_has_chosen(liu, anna, sandbox):
    code = sandbox.control.add_exam("liu", people=3, gradeScale="Okänd")
    with pytest.raises(Refused) as caught:
        make(liu, anna, code)
    assert caught.value.message.code == "sources.scale_unchosen"
    assert not Flow.objects.exists()
    # Nor of one that WISEflow could not be asked about in time.
    sandbox.control.fault("wiseflow", "*", "status", times=-1, status=503)
    flow = request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False)
    sandbox.control.clear_faults()
    flow = create_flow(flow.pk)
    assert (flow.setup_state, flow.setup_message["code"]) == ("stopped", "sources.scale_unchosen")
    assert flow.is_unmade
    assert not flows_of(sandbox)
    # The same exam with a choice takes its place.
    flow = make(liu, anna, code, scale_choices={" okänd": "U-G"})
    assert (flow.setup_state, flow.grading_scale, problems(flow)) == ("ready", "U-G", [])
    assert flow.other_scales(flow.codes.all()) == ()


def test_whichever_scale_wiseflow_gives_is_told_and_asked_about_before_grades_are_sent(liu, anna, sandbox):
    code = sandbox.control.add_exam("liu", people=3, gradeScale="Okänd")
    flow = make(liu, anna, code, scale_choices={"Okänd": ""})
    assert flow.setup_state == "ready"
    assert problems(flow) == ["sources.unknown_scale"]
    assert flow.other_scales(flow.codes.all()) == ("Okänd",)
    assert flow.participants.count() == 3


def test_an_exam_without_dates_gets_the_usual_ones_and_is_told(liu, anna, sandbox):
    flow = make(liu, anna, "TDDE01-UTAN-DATUM")
    assert "sources.no_dates" in problems(flow)
    assert flow.participation_start_at is not None
    assert not flow.follows_dates
    assert (flow.participation_end_at - flow.participation_start_at).total_seconds() == 5 * 3600


@pytest.mark.parametrize(
    ("code", "told"), [("TDDE01-UTAN-ID", "ladok.person_without_id"), ("TDDE01-DUBBLETT", "ladok.person_twice")]
)
def test_a_person_who_cannot_come_in_is_told_and_the_others_come(liu, anna, sandbox, code, told):
    flow = make(liu, anna, code)
    assert flow.setup_state == "ready"
    assert [problem for problem in problems(flow) if problem.startswith("ladok.person")][:1] == [told]
    assert flow.participants.count() >= 11


def test_an_exam_that_nobody_has_registered_for_yet_becomes_an_empty_flow(liu, anna):
    flow = make(liu, anna, "TDDE01-TOM")
    assert flow.setup_state == "ready"
    assert problems(flow) == ["sources.nobody_registered"]


def test_a_code_with_odd_letters_works_all_the_way(liu, anna):
    flow = make(liu, anna, "TDDE01/TEN Å-2")
    assert flow.setup_state == "ready"
    assert flow.codes.get().reference.startswith("TDDE01-TEN-A-2-")


# --- Twice -------------------------------------------------------------------------------------------------------


def test_the_same_form_sent_twice_makes_one_flow(liu, anna, code):
    key = uuid.uuid4()
    first = request_flow(source=liu, codes=[code], requested_by=anna, submission_key=key)
    second = request_flow(source=liu, codes=[code], requested_by=anna, submission_key=key)
    assert first.pk == second.pk


def test_the_same_codes_again_before_it_is_finished_give_the_same_flow(liu, anna, code):
    first = request_flow(source=liu, codes=[code], requested_by=anna)
    assert request_flow(source=liu, codes=[code], requested_by=anna).pk == first.pk


def test_a_finished_flow_is_not_made_again(liu, anna, sandbox, code):
    flow = make(liu, anna, code)
    sandbox.control.clear_received()
    create_flow(flow.pk)
    assert not sandbox.control.received("wiseflow")
