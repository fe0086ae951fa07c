"""A manager's work from the sign-in to grades in Ladok: by mouse, by keyboard alone and without JavaScript, in both languages."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from exports.attempts.send import send_attempt
from exports.grades import asking
from exports.models import ExportAttempt
from exports.tasks import collect_flow
from ladokflow.sandbox.server import Sandbox
from sources.flows.create import create_flow
from sources.models import Flow, Source, SyncRun
from sources.sync.run import run_sync
from tests.factories import PASSWORD
from tests.pages.browsing import Keyboard, Mouse, Open

pytestmark = pytest.mark.timeout(1200)  # some hundred pages
COURSE = "TDDE77"
# Every hand and every language is met. What depends on the language alone, page by page, is looked at in `test_states.py`;
# and each journey goes on in the other language when it has been switched.
JOURNEYS = (("mouse", "sv-SE"), ("keyboard", "en-GB"), ("no scripts", "sv-SE"))
SUBMIT = "main form button:not([name]):not([formaction])"


class Worker:
    """What the queue's workers do, when it is their turn."""

    @staticmethod
    def create() -> Flow:
        flow = Flow.objects.exclude(setup_state=Flow.Setup.READY).get()
        create_flow(flow.pk)
        flow.refresh_from_db()
        assert flow.setup_state == Flow.Setup.READY, flow.setup_reason
        return flow

    @staticmethod
    def synchronise() -> SyncRun:
        return run_sync(SyncRun.objects.get(state=SyncRun.State.QUEUED).pk)

    @staticmethod
    def send() -> ExportAttempt:
        attempt = ExportAttempt.objects.get(state=ExportAttempt.State.QUEUED)
        send_attempt(attempt.pk)
        attempt.refresh_from_db()
        return attempt


@pytest.fixture(params=JOURNEYS, ids=" in ".join)
def journey(request: pytest.FixtureRequest) -> tuple[str, str]:
    hand, language = request.param
    return hand, language


@pytest.fixture
def language(journey: tuple[str, str]) -> str:
    return journey[1]


@pytest.fixture
def hand(journey: tuple[str, str], open_page: Open) -> Mouse:
    name, language = journey
    has_scripts = name != "no scripts"
    page = open_page(language=language, java_script_enabled=has_scripts, accept_downloads=True)
    return (Keyboard if name == "keyboard" else Mouse)(page, has_scripts=has_scripts)


@pytest.fixture
def codes(sandbox: Sandbox, liu: Source) -> list[str]:
    """Three exams of a course."""
    Source.objects.filter(pk=liu.pk).update(can_read_back=True)
    sandbox.control.set_read_back("liu", True)
    return [
        sandbox.control.add_exam(
            "liu", people=6, courseCode=COURSE, gradeScale="U-3-4-5", examTitle=f"Tentamen {number}"
        )
        for number in range(3)
    ]


def test_every_hand_and_every_language_is_met() -> None:
    assert {hand for hand, _ in JOURNEYS} == {"mouse", "keyboard", "no scripts"}
    assert {language for _, language in JOURNEYS} == {"sv-SE", "en-GB"}


def test_everything_a_manager_does(hand: Mouse, anna: User, codes: list[str], sandbox: Sandbox, language: str) -> None:
    sign_in(hand, anna)
    first = create_from_the_list(hand, codes[0])
    second = create_by_code(hand, codes[1])
    synchronise_and_confirm_the_brake(hand, second, codes[1], sandbox)
    follow_ladok_again(hand, second, sandbox)
    add_and_remove_a_code(hand, second, codes[2])
    grade(first, sandbox)
    grade(second, sandbox)
    export_retry_and_check(hand, first, sandbox)
    export_and_mark(hand, second, sandbox)
    download_what_failed(hand, second)
    switch_the_language(hand, language)
    switch_the_e_mails_off(hand, anna)
    sign_out(hand)


def sign_in(hand: Mouse, user: User) -> None:
    hand.page.goto("/sign-in/")
    hand.write("#id_username", user.username)
    hand.write("#id_password", PASSWORD)
    hand.press("main form button")
    assert hand.page.url.endswith("/")


def create_from_the_list(hand: Mouse, code: str) -> Flow:
    hand.press('main a[href="/flows/new/"]')
    hand.press('a[href="/flows/new/liu/list/"]')
    hand.write("#id_course", COURSE)
    hand.press("main form button:not([formaction])")
    hand.tick(f'input[value="{code}"]')
    hand.press("button[formaction]")
    return finish_the_wizard(hand)


def create_by_code(hand: Mouse, code: str) -> Flow:
    hand.press('nav a[href="/flows/"]')
    hand.press('main a[href="/flows/new/"]')
    hand.press('a[href="/flows/new/liu/code/"]')
    hand.write("#id_typed", "FINNS-INTE")
    hand.press(SUBMIT)
    hand.write("#id_typed", code)
    hand.press(SUBMIT)
    return finish_the_wizard(hand)


def finish_the_wizard(hand: Mouse) -> Flow:
    hand.press('main a[href*="/settings/"]')
    hand.tick("#id_activates")
    hand.press("main form button[name=back]")
    hand.press('main a[href*="/settings/"]')
    assert hand.page.is_checked("#id_activates")
    hand.press("form.form button:not([name])")
    hand.page.wait_for_selector("#progress li[aria-current=step]")
    flow = Worker.create()
    hand.see("#sync-now")
    assert hand.page.locator("#progress").count() == 0
    assert flow.participants.count() == 6
    return flow


def synchronise_and_confirm_the_brake(hand: Mouse, flow: Flow, code: str, sandbox: Sandbox) -> None:
    hand.press("#sync-now")
    hand.page.wait_for_selector("#progress")
    assert Worker.synchronise().state == SyncRun.State.SUCCESS
    hand.see("#sync-now")
    sandbox.control.change_people("liu", code, remove=5)
    hand.press("#sync-now")
    assert Worker.synchronise().asks
    hand.see("#sync-anyway")
    assert flow.participants.filter(is_active=True).count() == 6
    hand.press('a[href$="/synchronisations/preview/"]')
    assert hand.page.locator("#goers-title").is_visible()
    hand.press(f'main .button--quiet[href="{reverse("flows:detail", args=[flow.pk])}"]')
    hand.press("#sync-anyway")
    assert Worker.synchronise().state == SyncRun.State.SUCCESS
    hand.see("#sync-now")
    assert hand.page.locator("#sync-anyway").count() == 0
    assert flow.participants.filter(is_active=True).count() == 1
    hand.press(f'nav.tabs a[href="{reverse("flows:syncs", args=[flow.pk])}"]')
    assert hand.page.locator("tbody tr").count() >= 3
    hand.press(f'nav.tabs a[href="{reverse("flows:detail", args=[flow.pk])}"]')


def follow_ladok_again(hand: Mouse, flow: Flow, sandbox: Sandbox) -> None:
    sandbox.control.set_metadata_by_hand(flow.wiseflow_id, title="Satt för hand")
    hand.press("#sync-now")
    Worker.synchronise()
    hand.see('form[action$="/follow-again/"] button')
    hand.press('form[action$="/follow-again/"] button')
    Worker.synchronise()
    hand.see("#sync-now")
    assert hand.page.locator('form[action$="/follow-again/"]').count() == 0
    assert sandbox.control.flow(flow.wiseflow_id)["title"] != "Satt för hand"


def add_and_remove_a_code(hand: Mouse, flow: Flow, code: str) -> None:
    codes = reverse("flows:codes", args=[flow.pk])
    hand.press(f'nav.tabs a[href="{codes}"]')
    hand.write("#id_code", "FINNS-INTE")
    hand.press('form[action$="/codes/add/"] button')
    hand.write("#id_code", code)
    hand.press('form[action$="/codes/add/"] button')
    Worker.synchronise()
    added = flow.codes.get(code=code)
    hand.page.goto(codes)
    hand.press(f'a[href="{reverse("flows:code_remove", args=[flow.pk, added.pk])}"]')
    hand.press("main form .button--danger")
    added.refresh_from_db()
    assert added.removed_at is not None
    for run in SyncRun.objects.filter(state=SyncRun.State.QUEUED):
        run_sync(run.pk)


def grade(flow: Flow, sandbox: Sandbox) -> None:
    """What the teachers do in WISEflow, and what the schedule does after it."""
    people = flow.participants.filter(is_active=True)
    sandbox.control.end_participation(flow.wiseflow_id)
    sandbox.control.grade(flow.wiseflow_id, dict.fromkeys(people.values_list("wiseflow_id", flat=True), "5"))
    sandbox.control.end_marking(flow.wiseflow_id)
    assert asking.ask(flow.pk)
    collect_flow(str(flow.pk))
    flow.refresh_from_db()
    assert (flow.state, flow.graded_count) == (Flow.State.CONCLUDED, people.count())


def export_retry_and_check(hand: Mouse, flow: Flow, sandbox: Sandbox) -> None:
    """One grade is refused, goes through when it is retried, but the answer is lost: Ladok itself says that it is there."""
    refused = flow.participants.first()
    sandbox.control.reject("liu", refused.unique_exam_id or refused.organisation_id)
    hand.page.goto(reverse("flows:detail", args=[flow.pk]))
    hand.press(f'main a[href="{reverse("exports:preview", args=[flow.pk])}"]')
    hand.press('form[action$="/collect/"] button')
    hand.press('form[action$="/send/"] button')
    hand.page.wait_for_selector("#progress")
    attempt = Worker.send()
    assert (attempt.exported_count, attempt.failed_count) == (5, 1)
    hand.see(".figure--bad")
    sandbox.control.reject("liu", refused.unique_exam_id or refused.organisation_id, None)
    sandbox.control.fault("liu", "/exams/*/grades", "lost_answer", method="POST")
    hand.press('nav a[href="/exports/"]')
    hand.press(f"#send-{flow.pk}")
    hand.press("#send")
    hand.press('nav a[href="/exports/"]')
    hand.page.wait_for_selector("#live")
    assert Worker.send().unknown_count == 1
    hand.press("#tab-failed")
    hand.see(f"#check-{flow.pk}")
    hand.press(f"#check-{flow.pk}")
    flow.refresh_from_db()
    assert (flow.export_state, flow.exported_count) == ("exported", 6)
    assert [row["times"] for row in sandbox.control.grades("liu", flow.codes.get().code)] == [1] * 6


def export_and_mark(hand: Mouse, flow: Flow, sandbox: Sandbox) -> None:
    """Nobody knows if Ladok has it: the manager looks there, and says so."""
    sandbox.control.fault("liu", "/exams/*/grades", "status", method="POST", status=502)
    hand.press('nav a[href="/exports/"]')
    hand.press("#tab-pending")
    hand.tick(f"#flow-{flow.pk}")
    hand.press("#export-chosen")
    hand.press("#send")
    attempt = Worker.send()
    hand.see(f"#item-{attempt.items.get().pk}")
    hand.tick(f"#item-{attempt.items.get().pk}")
    hand.press("button[name=mark]")
    hand.write("#id_reason", "Sedd i Ladok")
    hand.press(f'form[action="{reverse("exports:mark", args=[flow.pk])}"] button')
    flow.refresh_from_db()
    assert flow.export_state == "exported"


def download_what_failed(hand: Mouse, flow: Flow) -> None:
    hand.page.goto(reverse("exports:attempt", args=[flow.attempts.get().pk]))
    text = hand.download('a[href*="people.csv"]')
    assert flow.attempts.get().items.get().organisation_id in text


def switch_the_language(hand: Mouse, language: str) -> None:
    other = {"sv-SE": "en", "en-GB": "sv"}[language]
    before = hand.page.url
    hand.press(f"button[lang={other}]")
    assert hand.page.get_attribute("html", "lang") == other
    assert hand.page.url == before
    hand.press('nav a[href="/"]')
    assert hand.page.get_attribute("html", "lang") == other


def switch_the_e_mails_off(hand: Mouse, user: User) -> None:
    hand.press('.foot a[href="/preferences/"]')
    hand.untick("main input[type=checkbox]")
    hand.choose("#id_language", "en")
    hand.press(SUBMIT)
    assert user.memberships.get().gets_summary is False
    assert user.memberships.get().language == "en"


def sign_out(hand: Mouse) -> None:
    hand.press('form[action="/sign-out/"] button')
    hand.page.goto("/flows/")
    assert "/sign-in/" in hand.page.url
