"""Those whom WISEflow does not know are asked about by name, wherever they were named; and who was made a user is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from sources.flows.batch import request_exam
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, FlowBatch, FlowPreset, Source, StaffAccount, SyncRun
from sources.sync.run import run_sync
from tests.factories import FlowFactory
from tests.pages.walking import main_text

if TYPE_CHECKING:
    from ladokflow.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
TYPO, RIGHT = "okand99@liu.example", "orjha56@liu.example"
FIELDS = ("assessors", "reviewers", "managers", "invigilators", "head_invigilators", "authors")


@pytest.fixture
def manager(sign_in: SignIn, anna: User) -> Client:
    return sign_in(anna)


@pytest.fixture
def code(sandbox: Sandbox) -> str:
    return sandbox.control.add_exam("liu", people=2)


def known(sandbox: Sandbox) -> set[str]:
    return {row["value"] for user in sandbox.control.users("liu") for row in user["data"]}


class Wizard:
    """The last step, as a browser without JavaScript sends it: what stands in the form is sent again."""

    def __init__(self, client: Client, *codes: str, make: str = "one", preset: int | None = None) -> None:
        self.client = client
        query = "&".join(f"code={code}" for code in codes)
        self.address = f"/flows/new/liu/settings/?{query}&make={make}" + (f"&preset={preset}" if preset else "")
        self.form: dict[str, Any] = sent(client.get(self.address).text)
        self.page = ""

    def send(self, **fields: Any) -> Any:
        self.form |= {name.replace("__", "-"): value for name, value in fields.items()}
        answer = self.client.post(self.address, self.form)
        self.page = answer.text
        if answer.status_code == 200:
            self.form |= sent(self.page)
        return answer


def sent(page: str) -> dict[str, str]:
    """What a browser would send of the page's form, but for what is typed and chosen."""
    form: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value, kind = (re.search(rf'{one}="([^"]*)"', tag) for one in ("name", "value", "type"))
        is_sent = kind and (kind[1] in ("hidden", "text") or (kind[1] in ("radio", "checkbox") and " checked" in tag))
        if name and is_sent and name[1] not in ("csrfmiddlewaretoken", "code", "make", "preset"):
            form[name[1]] = value[1] if value else ""
    for name, body in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\s*([^<]*)</textarea>', page):
        form[name] = body.strip()
    for name, body in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'value="([^"]*)" selected', body)
        if name != "preset":
            form[name] = chosen[1] if chosen else ""
    return form


def staff_of(flow: Flow) -> set[tuple[str, str]]:
    return {(row["role"], row["organisation_id"]) for row in flow.staff}


# --- The wizard


@pytest.mark.parametrize("field", FIELDS)
def test_a_mistyped_person_is_asked_about_by_name_and_nothing_is_made(
    manager: Client, sandbox: Sandbox, code: str, field: str
) -> None:
    before = known(sandbox)
    wizard = Wizard(manager, code)
    assert wizard.send(**{field: TYPO}).status_code == 200
    assert "1 person was not found in WISEflow" in wizard.page
    assert f"{TYPO} ({field[:-1].replace('_', ' ')})" in wizard.page
    for label in ("Correct the organisation id", "Leave the person out", "Have an account made in WISEflow"):
        assert label in wizard.page
    assert wizard.form[field] == TYPO
    # Sent as it stands it is asked again: nothing is chosen for anybody.
    assert wizard.send().status_code == 200
    assert "Say what is to be done about this person." in wizard.page
    assert not Flow.objects.exists()
    assert known(sandbox) == before


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("answer", ["correct", "leave_out", "create"])
def test_what_is_answered_is_what_is_done(
    manager: Client, sandbox: Sandbox, code: str, field: str, answer: str
) -> None:
    before = known(sandbox)
    wizard = Wizard(manager, code)
    wizard.send(**{field: TYPO})
    correction = RIGHT if answer == "correct" else ""
    assert wizard.send(**{"person-0-answer": answer, "person-0-correction": correction}).status_code == 302
    flow = create_flow(Flow.objects.get().pk)
    assert flow.setup_state == "ready"
    role = field[:-1]
    expected = {"correct": {(role, RIGHT)}, "leave_out": set(), "create": {(role, TYPO)}}[answer]
    assert staff_of(flow) == {("manager", "annan12@liu.example")} | expected
    assert (TYPO in known(sandbox)) is (answer == "create")
    assert {one for one in known(sandbox) - before if one.startswith("okand")} <= {TYPO}
    assert [one.organisation_id for one in flow.staff_accounts.all()] == ([TYPO] if answer == "create" else [])


def test_a_correction_that_is_not_found_either_is_asked_about_in_its_turn(
    manager: Client, sandbox: Sandbox, code: str
) -> None:
    wizard = Wizard(manager, code)
    wizard.send(assessors=f"{TYPO}\nmarlo78@liu.example")
    wizard.send(**{"person-0-answer": "correct", "person-0-correction": "okand98@liu.example"})
    assert "okand98@liu.example (assessor)" in wizard.page
    assert not Flow.objects.exists()
    assert wizard.send(**{"person-1-answer": "correct", "person-1-correction": "lars@liu.example"}).status_code == 302
    flow = Flow.objects.get()
    assert staff_of(flow) - {("manager", "annan12@liu.example")} == {
        ("assessor", "larak34@liu.example"),
        ("assessor", "marlo78@liu.example"),
    }
    assert not any(row.get("is_new") for row in flow.staff)


def test_an_account_that_was_confirmed_for_one_role_is_asked_about_anew_for_another(manager: Client, code: str) -> None:
    wizard = Wizard(manager, code)
    wizard.send(assessors=TYPO)
    wizard.send(assessors="", managers=TYPO, **{"person-0-answer": "create"})
    assert f"{TYPO} (manager)" in wizard.page
    assert not Flow.objects.exists()


def test_somebody_who_is_taken_out_of_the_form_is_not_asked_about_any_more(manager: Client, code: str) -> None:
    wizard = Wizard(manager, code)
    wizard.send(assessors=TYPO)
    assert wizard.send(assessors="", **{"person-0-answer": "create"}).status_code == 302
    assert staff_of(Flow.objects.get()) == {("manager", "annan12@liu.example")}


def test_answers_are_kept_while_something_else_is_corrected(manager: Client, code: str) -> None:
    wizard = Wizard(manager, code)
    wizard.send(assessors=TYPO)
    wizard.send(template_flow_id="abc", **{"person-0-answer": "create"})
    assert re.search(r'name="person-0-answer" value="create"[^>]*checked', wizard.page)
    assert wizard.send(template_flow_id="").status_code == 302


def test_who_makes_the_flow_is_asked_about_too(manager: Client, liu: Source, anna: User, code: str) -> None:
    liu.memberships.filter(user=anna).update(organisation_id=TYPO)
    wizard = Wizard(manager, code)
    wizard.send()
    assert TYPO in main_text(wizard.page)
    wizard.send(**{"person-0-answer": "leave_out"})
    assert "Whoever makes the flow is a manager of it" in wizard.page
    assert wizard.send(**{"person-0-answer": "create"}).status_code == 302


@pytest.mark.parametrize("spelt", [str, str.upper, lambda text: f"{text}\u200b"])
def test_who_makes_the_flow_and_is_a_student_of_the_exam_is_told_before_it_is_made(
    manager: Client, liu: Source, anna: User, sandbox: Sandbox, code: str, spelt: Callable[[str], str]
) -> None:
    address = f"/flows/new/liu/preview/?code={code}"
    assert "you are a student" not in manager.get(address).text
    student = sandbox.control.exam("liu", code)["participants"][0]["LiUId"]
    liu.memberships.filter(user=anna).update(organisation_id=spelt(student))
    assert f"According to Ladok you are a student of {code} yourself." in manager.get(address).text


def test_wiseflow_down_makes_nothing_and_keeps_everything(manager: Client, sandbox: Sandbox, code: str) -> None:
    wizard = Wizard(manager, code)
    sandbox.control.fault("wiseflow", "/users/search*", "status", times=-1, status=503)
    assert wizard.send(assessors=RIGHT).status_code == 200
    assert "WISEflow failed on its own side" in wizard.page
    assert RIGHT in wizard.page
    assert not Flow.objects.exists()


@pytest.mark.parametrize("answer", ["correct", "leave_out", "create"])
def test_the_assessor_of_a_list_is_asked_about(manager: Client, sandbox: Sandbox, code: str, answer: str) -> None:
    first, second = (person["LiUId"] for person in sandbox.control.exam("liu", code)["participants"])
    wizard = Wizard(manager, code)
    lines = f"{first}; {TYPO}\n{second}; marlo78@liu.example"
    wizard.send(assessor_allocation="list", allocation_list=lines)
    assert f"{TYPO} (assessor)" in wizard.page
    assert wizard.send(**{"person-0-answer": answer, "person-0-correction": RIGHT}).status_code == 302
    pairs = set(Flow.objects.get().allocation_lines.values_list("organisation_id", "assessor"))
    other = {"correct": {(first, RIGHT)}, "leave_out": set(), "create": {(first, TYPO)}}[answer]
    assert pairs == {(second, "marlo78@liu.example")} | other


def test_a_batch_asks_once_for_all_its_flows(manager: Client, sandbox: Sandbox, code: str) -> None:
    wizard = Wizard(manager, code, sandbox.control.add_exam("liu", people=1), make="each")
    wizard.send(assessors=TYPO)
    assert not FlowBatch.objects.exists()
    assert wizard.send(**{"person-0-answer": "correct", "person-0-correction": RIGHT}).status_code == 302
    staff = FlowBatch.objects.get().choices["staff"]
    assert {row["organisation_id"] for row in staff if row["role"] == "assessor"} == {RIGHT}


def test_the_people_of_a_preset_are_asked_about(manager: Client, liu: Source, code: str) -> None:
    staff = [{"role": "assessor", "organisation_id": TYPO}]
    preset = FlowPreset.objects.create(source=liu, name="Salstentamen", staff=staff)
    wizard = Wizard(manager, code, preset=preset.pk)
    assert wizard.send().status_code == 200
    assert f"{TYPO} (assessor)" in wizard.page
    assert not Flow.objects.exists()


# --- Who is a student of the exam

SPELT = [str, str.upper, lambda text: f"\ufeff{text}"]


@pytest.fixture
def student(sandbox: Sandbox, code: str) -> str:
    sandbox.control.add_users_of("liu", code)
    return str(sandbox.control.exam("liu", code)["participants"][0]["LiUId"])


@pytest.mark.parametrize("spelt", SPELT)
@pytest.mark.parametrize("field", FIELDS)
def test_who_is_to_work_with_the_flow_and_is_a_student_is_told_before_it_is_made(
    manager: Client, code: str, student: str, field: str, spelt: Callable[[str], str]
) -> None:
    wizard = Wizard(manager, code)
    assert wizard.send(**{field: spelt(student)}).status_code == 200
    assert f"is a student of {code}." in wizard.page
    assert not Flow.objects.exists()
    # Somebody else who is to be told of was not read of before.
    other = wizard.send(**{field: "marlo78@liu.example"})
    assert other.status_code == 302


def test_who_has_read_it_makes_the_flow_all_the_same_and_the_flows_page_tells_it(
    manager: Client, code: str, student: str
) -> None:
    wizard = Wizard(manager, code)
    wizard.send(assessors=student, invigilators=student)
    assert wizard.page.count(f"is a student of {code}.") == 1
    assert wizard.send().status_code == 302
    flow = create_flow(Flow.objects.get().pk)
    assert "works with the flow and is a student of the exam." in manager.get(f"/flows/{flow.pk}/").text


def test_what_was_read_of_one_is_not_read_of_another(
    manager: Client, sandbox: Sandbox, code: str, student: str
) -> None:
    second = sandbox.control.exam("liu", code)["participants"][1]["LiUId"]
    wizard = Wizard(manager, code)
    wizard.send(assessors=student)
    assert wizard.send(assessors=f"{student}\n{second}").status_code == 200
    assert wizard.page.count(f"is a student of {code}.") == 2
    assert not Flow.objects.exists()


def test_whoever_makes_the_flow_is_not_told_of_it_twice(
    manager: Client, liu: Source, anna: User, code: str, student: str
) -> None:
    liu.memberships.filter(user=anna).update(organisation_id=student)
    assert Wizard(manager, code).send(assessors="marlo78@liu.example").status_code == 302


def test_a_batch_tells_of_which_exam_somebody_is_a_student(
    manager: Client, sandbox: Sandbox, code: str, student: str
) -> None:
    other = sandbox.control.add_exam("liu", people=1)
    wizard = Wizard(manager, code, other, make="each")
    wizard.send(reviewers=student)
    assert f"is a student of {code}." in wizard.page
    answer = wizard.send()
    assert answer.status_code == 302
    for exam in FlowBatch.objects.get().exams.all():
        flow = request_exam(exam.pk).flow
        assert flow is not None
        create_flow(flow.pk)
    page = manager.get(answer.headers["Location"]).text
    assert page.count("works with the flow and is a student of the exam.") == 1


def test_the_student_of_a_preset_and_of_a_list_is_told(manager: Client, liu: Source, code: str, student: str) -> None:
    preset = FlowPreset.objects.create(
        source=liu, name="Salstentamen", staff=[{"role": "author", "organisation_id": student}]
    )
    wizard = Wizard(manager, code, preset=preset.pk)
    wizard.send()
    assert f"is a student of {code}." in wizard.page
    wizard = Wizard(manager, code)
    wizard.send(assessor_allocation="list", allocation_list=f"{student}; {student}")
    assert f"is a student of {code}." in wizard.page
    assert not Flow.objects.exists()


# --- The flow's pages


@pytest.fixture
def flow(liu: Source, anna: User, code: str) -> Flow:
    return create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)


@pytest.mark.parametrize("answer", ["correct", "leave_out", "create"])
def test_a_new_assessor_of_the_list_is_asked_about(manager: Client, sandbox: Sandbox, flow: Flow, answer: str) -> None:
    student = flow.participants.order_by("pk").values_list("organisation_id", flat=True)[0]
    fields = {"allocation_list": f"{student}; {TYPO}", "adds_assessors": "on"}
    page = manager.post(f"/flows/{flow.pk}/assessors/", fields).text
    assert f"{TYPO} (assessor)" in page
    assert not flow.allocation_lines.exists()
    fields |= sent(page) | fields | {"person-0-answer": answer, "person-0-correction": RIGHT}
    assert manager.post(f"/flows/{flow.pk}/assessors/", fields).status_code == 302
    run_sync(SyncRun.objects.get(state="queued").pk)
    flow.refresh_from_db()
    expected = {"correct": {("assessor", RIGHT)}, "leave_out": set(), "create": {("assessor", TYPO)}}[answer]
    assert staff_of(flow) == {("manager", "annan12@liu.example")} | expected
    assert (TYPO in known(sandbox)) is (answer == "create")


@pytest.mark.parametrize("answer", ["correct", "leave_out", "create"])
def test_a_flow_that_is_there_is_answered_for_on_its_page(
    manager: Client, sandbox: Sandbox, flow: Flow, answer: str
) -> None:
    row = {"role": "reviewer", "organisation_id": TYPO, "email": "", "first_name": "", "last_name": ""}
    Flow.objects.filter(pk=flow.pk).update(staff=[*flow.staff, row])
    address = f"/flows/{flow.pk}/staff/"
    page = manager.get(address).text
    assert f"{TYPO} (reviewer)" in page
    assert "not found" in page
    fields = sent(page) | {"person-0-answer": answer, "person-0-correction": RIGHT}
    assert manager.post(address, fields).status_code == 302
    run = run_sync(SyncRun.objects.get(state="queued").pk)
    assert (run.state, [one.code for one in run.problem_messages]) == (
        "success",
        ["sources.staff_created"] if answer == "create" else [],
    )
    there = sandbox.control.flow(flow.wiseflow_id)["reviewers"]
    assert len(there) == (answer != "leave_out")
    assert "not found" not in manager.get(address).text


def test_who_was_made_a_user_stays_on_the_flows_page_until_somebody_has_looked(manager: Client, flow: Flow) -> None:
    account = StaffAccount.objects.create(flow=flow, organisation_id=TYPO, name="Okänd", user_id=7)
    late = StaffAccount.objects.create(flow=flow, organisation_id="late@liu.example", name="Sen")
    for _ in range(2):
        page = manager.get(f"/flows/{flow.pk}/").text
        assert "2 people were made users in WISEflow" in page
        assert f"Okänd ({TYPO})" in page
        assert "perhaps: WISEflow has not answered" in page
    assert manager.get(f"/flows/{flow.pk}/staff/accounts/").status_code == 405
    manager.post(f"/flows/{flow.pk}/staff/accounts/", {"account": [str(account.pk), "x"]})
    page = manager.get(f"/flows/{flow.pk}/").text
    assert "1 person was made a user in WISEflow" in page
    assert "Okänd" not in page
    manager.post(f"/flows/{flow.pk}/staff/accounts/", {"account": str(late.pk)})
    assert "made a user in WISEflow" not in manager.get(f"/flows/{flow.pk}/").text


def test_another_universitys_people_do_not_exist(sign_in: SignIn, olle: User, client: Client, flow: Flow) -> None:
    account = StaffAccount.objects.create(flow=flow, organisation_id=TYPO, name="Okänd", user_id=7)
    stranger = sign_in(olle)
    assert stranger.get(f"/flows/{flow.pk}/staff/").status_code == 404
    assert stranger.post(f"/flows/{flow.pk}/staff/", {}).status_code == 404
    assert stranger.post(f"/flows/{flow.pk}/staff/accounts/", {"account": account.pk}).status_code == 404
    assert client.get(f"/flows/{flow.pk}/staff/").status_code == 302
    account.refresh_from_db()
    assert account.confirmed_at is None


@pytest.mark.parametrize("state", [Flow.State.CONCLUDED, Flow.State.ARCHIVED])
def test_after_marking_nobody_is_asked_about(manager: Client, liu: Source, state: int) -> None:
    flow = FlowFactory(source=liu, state=state, staff=[{"role": "assessor", "organisation_id": TYPO, "email": ""}])
    page = manager.get(f"/flows/{flow.pk}/staff/").text
    assert "person-0-answer" not in page
    assert TYPO in page
