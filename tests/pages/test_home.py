"""Home: what needs me, the most urgent first, and the exams of the coming two weeks."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from exports.models import Finding
from exports.pages.findings import found_on
from exports.pages.lists import rows_of
from exports.pages.needs import EXPORTS, NEEDS, with_needs
from ladokflow.messages import message
from sources.models import BatchExam, ComingExam, ExamReading, Flow, FlowBatch, FlowRule, Membership, Source
from tests.factories import (
    CredentialFactory,
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    FlowSourceFactory,
    MembershipFactory,
    SourceFactory,
    SyncRunFactory,
    UserFactory,
    in_hours,
)
from tests.pages.walking import main_text

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
DOWN = message("remote.timeout", system="Ladok", seconds=30).to_json()
BRAKE = message("sources.brake_empty", code="X", before=9).to_json()


def told(code: str, /, **params: Any) -> dict[str, Any]:
    return message(code, **params).to_json()


def over(source: Source, **fields: Any) -> Flow:
    return FlowFactory(source=source, state=Flow.State.CONCLUDED, graded_count=3, participant_count=3, **fields)


def unknown(source: Source, *, can_read_back: bool) -> Flow:
    Source.objects.filter(pk=source.pk).update(can_read_back=can_read_back)
    flow = over(source, export_state="failed", export_message=told("export.some_unknown", count=1, total=3))
    attempt = ExportAttemptFactory(flow=flow, state="failed", unknown_count=1)
    ExportItemFactory(attempt=attempt, state="unknown")
    return flow


def found(source: Source) -> Flow:
    item = ExportItemFactory(attempt__flow=over(source, export_state="exported"), state="exported")
    Finding.objects.create(flow=item.attempt.flow, item=item, kind=Finding.Kind.TWICE, message=DOWN)
    return item.attempt.flow


def rejected(source: Source, told_of: dict[str, Any]) -> Flow:
    flow = over(source, export_state="failed", export_message=told_of, failed_count=1)
    ExportItemFactory(attempt=ExportAttemptFactory(flow=flow, state="failed", failed_count=1), state="failed")
    return flow


@dataclass(frozen=True)
class Case:
    """A flow that needs somebody; what there is to press, where it leads, and whether that takes the export right. `settle` is what
    takes it away again."""

    need: str
    make: Callable[[Source], Flow]
    button: str
    address: str
    settle: dict[str, Any]
    needs_right: bool = False


EXPORTED = {"export_state": "exported", "export_message": told("export.done", count=3)}
CASES = {
    "found": Case("found", found, "See the grades", "/exports/flows/{}/findings/", {"findings": True}),
    "unknown, readable": Case(
        "unknown",
        lambda source: unknown(source, can_read_back=True),
        "Check with Ladok",
        "/exports/flows/{}/check/",
        EXPORTED,
    ),
    "unknown": Case(
        "unknown",
        lambda source: unknown(source, can_read_back=False),
        "I have looked in Ladok…",
        "/exports/flows/{}/mark/?unknown=yes",
        EXPORTED,
        needs_right=True,
    ),
    "rejected": Case(
        "rejected",
        lambda source: rejected(source, told("export.some_failed", count=1, total=3)),
        "Retry",
        "/exports/flows/{}/preview/?asking=retry",
        EXPORTED,
        needs_right=True,
    ),
    "there already": Case(
        "rejected",
        lambda source: rejected(source, told("export.some_already", count=1, total=3)),
        "Mark as exported…",
        "/exports/flows/{}/mark/",
        EXPORTED,
        needs_right=True,
    ),
    "asks": Case(
        "asks",
        lambda source: FlowFactory(source=source, sync_message=BRAKE),
        "Answer",
        "/flows/{}/#synchronisation",
        {"sync_message": {}},
    ),
    "warning": Case(
        "asks",
        lambda source: FlowFactory(source=source, warnings=[told("sources.no_dates", code="X")]),
        "Answer",
        "/flows/{}/#warnings",
        {"warnings": []},
    ),
    "taken over": Case(
        "asks",
        lambda source: over(source, adoption="unsaid", export_message=told("export.adoption_unsaid")),
        "Answer",
        "/exports/flows/{}/exported-before/",
        {"adoption": "said", **EXPORTED},
        needs_right=True,
    ),
    "changed": Case(
        "changed",
        lambda source: over(
            source, export_state="exported", export_message=told("export.some_changed", count=1, total=3)
        ),
        "What has changed",
        "/exports/flows/{}/preview/",
        EXPORTED,
    ),
    "to send": Case(
        "to_send",
        lambda source: over(source, export_message=told("export.ready", count=3)),
        "Export",
        "/exports/flows/{}/preview/",
        EXPORTED,
        needs_right=True,
    ),
    "held": Case(
        "to_send",
        lambda source: over(source, export_message=told("export.held_back", count=3)),
        "Preview",
        "/exports/flows/{}/preview/",
        EXPORTED,
    ),
    "late": Case(
        "late",
        lambda source: FlowFactory(source=source, marking_end_at=in_hours(-5)),
        "Open",
        "/flows/{}/",
        {"state": Flow.State.CONCLUDED},
    ),
    "ending": Case(
        "ending",
        lambda source: FlowFactory(source=source, marking_end_at=in_hours(72), participant_count=3, graded_count=1),
        "Open",
        "/flows/{}/",
        {"graded_count": 3},
    ),
}


def member(source: Source, **fields: Any) -> Membership:
    row: Membership = MembershipFactory(source=source, **fields)
    return row


def row_with(page: str, flow: Flow) -> str:
    """The flow's row of Home's queue; empty where it has none."""
    rows = re.findall(r'<li class="queue__row">.*?</li>', page, re.DOTALL)
    return next((row for row in rows if f">{flow.title}</a>" in row), "")


def settle(flow: Flow, fields: dict[str, Any]) -> None:
    if "findings" in fields:
        Finding.objects.update(handled_at=timezone.now(), handled_by=flow.created_by)
        return
    Flow.objects.filter(pk=flow.pk).update(**fields)
    for attempt in flow.attempts.all():
        attempt.items.update(state="exported")


@pytest.mark.parametrize("name", CASES)
def test_what_needs_somebody_stands_with_its_button_until_it_is_settled(sign_in: SignIn, name: str) -> None:
    case = CASES[name]
    source = SourceFactory()
    flow = case.make(source)
    able, unable = member(source, user__first_name="Anna", user__last_name="Ek"), member(source, can_export=False)
    stranger = MembershipFactory()
    FlowFactory(source=stranger.source)
    address = case.address.format(flow.pk)

    page = sign_in(able.user).get("/").text
    row = row_with(page, flow)
    assert f'id="{case.need}"' in page
    assert f"{case.button}<span" in row
    assert re.search(f'(href|action)="{re.escape(address)}"', row)
    assert page.count('class="queue__row"') == 1 + page.count('id="credentials"') * 2

    row = row_with(sign_in(unable.user).get("/").text, flow)
    assert (f"{case.button}<span" in row) is not case.needs_right
    assert ("Anna Ek" in row and "can do it" in row) is case.needs_right

    # Whoever only reads is asked for no answer.
    reader = member(source, role=Membership.Role.AUDITOR, can_export=False)
    assert "Answer<span" not in row_with(sign_in(reader.user).get("/").text, flow)

    assert flow.title not in sign_in(stranger.user).get("/").text

    settle(flow, case.settle)
    page = sign_in(able.user).get("/").text
    assert row_with(page, flow) == ""
    assert f'id="{case.need}"' not in page


@pytest.mark.parametrize("name", CASES)
def test_the_flows_page_has_the_same_sentence_and_button_on_top(sign_in: SignIn, name: str) -> None:
    case = CASES[name]
    source = SourceFactory()
    flow = case.make(source)
    able, unable = member(source), member(source, can_export=False)
    address = case.address.format(flow.pk)
    # On the overview each question has a box, and what has come out about grades has one everywhere.
    tab = "participants" if case.need == "asks" else "detail"
    for user, may in ((able.user, True), (unable.user, not case.needs_right)):
        page = sign_in(user).get(reverse(f"flows:{tab}", args=[flow.pk])).text
        lead = page.split(f'id="{"found" if case.need == "found" else "lead"}"')[1].split('class="tabs"')[0]
        if case.need not in EXPORTS:  # these say it all by themselves
            assert str(NEEDS[case.need].title) in lead
        pressed = f'href="{address}"' in lead or f'action="{address}"' in lead
        assert pressed is (may and case.button != "Open")
        assert ("can do it" in lead and able.user.get_full_name() in lead) is not may


def test_a_flow_that_needs_nobody_says_so_and_where_it_is(sign_in: SignIn) -> None:
    dates = {"participation_start_at": in_hours(24 * 21), "participation_end_at": in_hours(24 * 21 + 5)}
    flow = FlowFactory(state=Flow.State.PARTICIPATION_NOT_STARTED, **dates)
    page = sign_in(member(flow.source).user).get(reverse("flows:detail", args=[flow.pk])).text
    assert "Nothing needs you now. Participation: in 21 days." in main_text(page)
    assert "Participation (in 21 days)" in main_text(page)
    assert 'aria-current="step"' not in page


def test_a_flow_that_asks_is_not_called_calm(sign_in: SignIn) -> None:
    flow = CASES["asks"].make(SourceFactory())
    for tab in ("detail", "participants"):
        page = sign_in(member(flow.source).user).get(reverse(f"flows:{tab}", args=[flow.pk])).text
        assert "Nothing needs you now" not in page


def test_the_database_and_the_row_agree_on_what_needs_somebody() -> None:
    source = SourceFactory()
    member(source)
    flows = {name: case.make(source) for name, case in CASES.items()}
    plain = {
        "done": over(source, **EXPORTED),
        "left ungraded": over(source, export_message=told("export.some_not_graded_yet", exported=2, count=1, total=3)),
        "under way": rejected(source, told("export.some_failed", count=1, total=3)),
        "let go": over(
            source, export_state="failed", released_at=timezone.now(), released_as="kept", setup_state="stopped"
        ),
        "code removed": over(source, export_state="failed", export_ended_at=timezone.now()),
        "all graded": FlowFactory(source=source, marking_end_at=in_hours(72), participant_count=3, graded_count=3),
        "long ago": FlowFactory(source=source, marking_end_at=in_hours(-24 * 400)),
        "later": FlowFactory(source=source),
    }
    ExportAttemptFactory(flow=plain["under way"], state="queued")
    rows = rows_of(with_needs(Flow.objects.all()), {source.pk: source.memberships.get()}, {})
    rows = [type(row)(row.flow, row.action, row.no_right, found_on(row.flow)) for row in rows]
    for need in NEEDS.values():
        by_row = {row.flow.pk for row in rows if need.is_of(row)}
        assert set(need.flows(Flow.objects.all()).values_list("pk", flat=True)) == by_row, need.name
        assert by_row == {flows[name].pk for name, case in CASES.items() if case.need == need.name}, need.name


def test_the_most_urgent_stands_first_and_empty_sections_are_not_there(sign_in: SignIn) -> None:
    source = SourceFactory()
    client = sign_in(member(source).user)
    for name in ("ending", "to send", "asks", "rejected", "found"):
        CASES[name].make(source)
    page = client.get("/").text
    order = re.findall(r'<section class="card card--flush queue" id="(\w+)"', page)
    assert order == ["credentials", "found", "rejected", "asks", "to_send", "ending"]


def test_of_many_the_first_stand_there_with_the_way_to_all(sign_in: SignIn) -> None:
    source = SourceFactory()
    for hours in range(8):
        FlowFactory(source=source, title=f"Asks {hours}", sync_message=BRAKE, marking_end_at=in_hours(300 + hours))
    page = sign_in(member(source).user).get("/").text
    assert [f">Asks {n}</a>" in page for n in range(8)] == [True] * 6 + [False] * 2
    assert re.search(r'href="/flows/\?asks=on">\s*Show all 8', page)


def test_all_that_can_be_sent_or_retried_opens_in_one_preview(sign_in: SignIn) -> None:
    source = SourceFactory()
    reader = MembershipFactory(source=source, can_export=True)
    ready, rejected = told("export.ready", count=3), told("answer.some_rejected", exported=0, sent=3, count=3)
    for number in range(7):
        over(source, title=f"Ready {number}", export_message=ready)
    for number in range(2):
        over(source, title=f"Bad {number}", export_state="failed", export_message=rejected, failed_count=3)
    client = sign_in(reader.user)
    home = client.get("/").text
    for name, asking, words, count in (
        ("to_send", "first", "Export all 7…", 7),
        ("rejected", "retry", "Retry all 2…", 2),
    ):
        address = f"/exports/preview/?asking={asking}&amp;need={name}"
        assert re.search(rf'href="{re.escape(address)}">\s*{words}', home)
        looks = client.get(address.replace("&amp;", "&")).context["looks"]
        assert (looks.all[0].asking, len(looks.all)) == (asking, count)


def test_someone_without_a_source_is_told_whom_to_ask(sign_in: SignIn) -> None:
    assert "licence admin" in sign_in(UserFactory()).get("/").text


def test_a_new_manager_is_led_to_the_first_flow(sign_in: SignIn) -> None:
    assert "Make the first flow" in sign_in(MembershipFactory().user).get("/").text


def test_who_has_nothing_to_do_is_told_so(sign_in: SignIn) -> None:
    flow = FlowFactory()
    for system in ("ladok", "wiseflow"):
        CredentialFactory(source=flow.source, system=system, kind="api_key")
    assert "Nothing needs you now" in sign_in(member(flow.source).user).get("/").text


# --- Credentials --------------------------------------------------------------------------------------------------


def test_who_can_mend_a_missing_credential_is_led_there_and_the_others_are_told_who(sign_in: SignIn) -> None:
    source = SourceFactory()
    CredentialFactory(source=source)
    lars = member(source, role="licence_admin", user__first_name="Lars", user__last_name="Lind", user__is_staff=True)
    page = sign_in(lars.user).get("/").text
    assert "No credential for WISEflow is enabled." in page
    assert "No credential for Ladok" not in page
    assert 'href="/admin/sources/credential/"' in page.split('id="credentials"')[1]
    page = sign_in(member(source).user).get("/").text
    assert "Lars Lind can do it" in main_text(page)
    assert "/admin/sources/credential/" not in page


@pytest.mark.parametrize(("days", "words"), [(-2, "was valid until"), (80, "is valid until"), (100, ""), (None, "")])
def test_a_credential_that_stops_working_is_told_three_months_before(
    sign_in: SignIn, days: int | None, words: str
) -> None:
    source = SourceFactory()
    CredentialFactory(source=source, system="wiseflow", kind="api_key")
    row = CredentialFactory(source=source)
    ends = None if days is None else timezone.now() + dt.timedelta(days=days)
    type(row).objects.filter(pk=row.pk).update(expires_at=ends)
    page = sign_in(member(source, role="licence_admin").user).get("/").text
    assert ('id="credentials"' in page) is bool(words)
    assert words in page
    assert (f'href="/admin/sources/credential/{row.pk}/change/"' in page) is bool(words)
    page = sign_in(member(source).user).get("/").text
    assert ('id="credentials"' in page) is (days == -2)  # who can only remind somebody of it: a month before


# --- The coming two weeks -----------------------------------------------------------------------------------------


def coming_row(page: str, title: str) -> str:
    rows = re.findall(r'<li class="coming">.*?</li>', page, re.DOTALL)
    return next((main_text(f"<main>{row}</main>") for row in rows if title in row), "")


ASSESSOR = [{"role": "assessor", "organisation_id": "a@liu.example", "email": ""}]
READY = {"state": Flow.State.PARTICIPATION_NOT_STARTED, "participant_count": 9, "staff": ASSESSOR}


@pytest.mark.parametrize(
    ("fields", "lacks"),
    [
        (READY, ""),
        (READY | {"state": Flow.State.NOT_ACTIVATED}, "Not activated"),
        (READY | {"participant_count": 0}, "No students"),
        (READY | {"staff": []}, "No assessor chosen"),
        (READY | {"staff": [], "adoption": "said"}, ""),
        (READY | {"state": 0, "staff": [], "participant_count": 0}, "No students No assessor chosen Not activated"),
        ({"setup_state": "stopped", "wiseflow_id": None, "state": None}, "Not made"),
    ],
)
def test_a_coming_exam_says_what_its_flow_lacks(sign_in: SignIn, fields: dict[str, Any], lacks: str) -> None:
    flow = FlowFactory(title="Soon", codes=["SOON-1"], participation_start_at=in_hours(72), **fields)
    row = coming_row(sign_in(member(flow.source).user).get("/").text, "Soon")
    assert row.split("SOON-1")[1].strip() == lacks


def test_exams_of_ladok_without_a_flow_stand_among_the_others_by_date(sign_in: SignIn) -> None:
    source = SourceFactory()
    to_come = {"source": source, "state": Flow.State.PARTICIPATION_NOT_STARTED}
    flow = FlowFactory(title="With", codes=["WITH-1"], participation_start_at=in_hours(72), **to_come)
    FlowFactory(title="Later", participation_start_at=in_hours(24 * 20), **to_come)
    FlowFactory(title="Before", participation_start_at=in_hours(-30), **to_come)
    FlowFactory(title="Over", source=source, participation_start_at=in_hours(0.1))
    ExamReading.objects.create(source=source, asked_at=timezone.now(), read_at=timezone.now())
    exams = {"Without": 48, "Last": 96, "Much later": 24 * 20}
    for title, hours in exams.items():
        ComingExam.objects.create(source=source, code=f"X {title}", title=title, start_at=in_hours(hours))
    ComingExam.objects.create(source=source, code="with-1", title="Listed", start_at=in_hours(72))
    ComingExam.objects.create(source=SourceFactory(), code="F", title="Foreign", start_at=in_hours(72))
    page = sign_in(member(source).user).get("/").text
    part = page.split('id="coming"')[1].split("</section>")[0]
    assert re.findall(r">(Without|With|Last|Later|Before|Over|Much later|Listed|Foreign)<", part) == [
        "Without",
        "With",
        "Last",
    ]
    assert 'href="/flows/new/' + source.slug + '/preview/?code=X+Without"' in part
    assert coming_row(page, "Without").endswith("Make flow Without, X Without X Without No flow")
    assert "Read from Ladok" in part
    flow.codes.update(removed_at=timezone.now())
    assert coming_row(sign_in(member(source).user).get("/").text, "Listed")


def test_how_old_it_is_and_why_ladok_has_not_told_since(sign_in: SignIn) -> None:
    source = SourceFactory()
    client = sign_in(member(source).user)
    assert "exams have not been read yet." in client.get("/").text
    ExamReading.objects.create(source=source, asked_at=timezone.now(), read_at=in_hours(-30), message=DOWN)
    page = client.get("/").text
    assert "Read from Ladok" in page
    assert "Ladok did not answer within 30 seconds." in page
    assert "Only exams of courses that have had a flow here." in page
    Source.objects.update(ladok_paths={"list_by_dates": "/exams?from={from}&to={to}"})
    assert "courses that have had a flow" not in client.get("/").text


# --- The rest -----------------------------------------------------------------------------------------------------


def test_exams_that_did_not_become_flows_are_told_to_who_asked_for_them_and_nobody_else(sign_in: SignIn) -> None:
    anna = MembershipFactory()
    lars = MembershipFactory(source=anna.source)
    for membership, code, message_of_it in ((anna, "REFUSED", DOWN), (anna, "WAITING", {}), (lars, "OF-LARS", DOWN)):
        batch = FlowBatch.objects.create(source=membership.source, requested_by=membership.user)
        BatchExam.objects.create(batch=batch, position=0, code=code, message=message_of_it)
    for has_flows in (False, True):
        if has_flows:
            FlowFactory(source=anna.source)
        page = sign_in(anna.user).get("/").text
        assert "Exams that did not become flows" in page
        assert "REFUSED and those chosen with it" in page
        assert "WAITING" not in page
        assert "OF-LARS" not in page


def test_an_exam_that_is_on_a_flow_after_all_is_not_told_as_one_that_became_none(sign_in: SignIn) -> None:
    anna = MembershipFactory()
    batch = FlowBatch.objects.create(source=anna.source, requested_by=anna.user)
    BatchExam.objects.create(batch=batch, position=0, code="SENT-TWICE", message=DOWN)
    code = FlowSourceFactory(flow__source=anna.source, code="SENT-TWICE")
    assert "Exams that did not become flows" not in sign_in(anna.user).get("/").text
    code.removed_at = timezone.now()
    code.save()
    assert "Exams that did not become flows" in sign_in(anna.user).get("/").text


def test_a_batch_that_waits_is_shown_instead_of_the_first_flow_to_make(sign_in: SignIn) -> None:
    anna = MembershipFactory()
    batch = FlowBatch.objects.create(source=anna.source, requested_by=anna.user)
    exam = BatchExam.objects.create(batch=batch, position=0, code="WAITING")
    FlowBatch.objects.create(source=SourceFactory(), requested_by=anna.user)
    page = sign_in(anna.user).get("/").text
    assert "The first flows are being made" in page
    assert reverse("flows:batch", args=[batch.pk]) in page
    assert "Make the first flow" not in page
    BatchExam.objects.filter(pk=exam.pk).update(message=DOWN)
    assert "Make the first flow" in sign_in(anna.user).get("/").text


def test_a_rule_that_asks_stands_with_who_can_answer_it(sign_in: SignIn) -> None:
    source = SourceFactory()
    admin, manager = member(source, role="licence_admin"), member(source)
    asks, down = told("sources.rule.too_many", count=30, most=20), DOWN
    for name, is_on, said in (("Asks", True, [asks, down]), ("Off", False, [asks]), ("Ladok", True, [down])):
        FlowRule.objects.create(
            source=source,
            name=name,
            manager=manager.user,
            courses="A",
            is_on=is_on,
            told=said,
            looked_at=timezone.now(),
        )
    rule = FlowRule.objects.get(name="Asks")
    address = reverse("flows:rule", args=[source.slug, rule.pk])
    section = sign_in(admin.user).get("/").text.split('id="rules"')[1].split("</section>")[0]
    assert "The rule would make 30 flows" in section
    assert section.count("<li") == 1
    assert re.search(rf'<a class="button[^>]*href="{address}"', section)
    section = sign_in(manager.user).get("/").text.split('id="rules"')[1].split("</section>")[0]
    assert 'class="button' not in section
    assert admin.user.get_full_name() in section
    FlowRule.objects.update(told=[])
    assert 'id="rules"' not in sign_in(admin.user).get("/").text


def test_last_night_is_summed_up(sign_in: SignIn) -> None:
    membership = MembershipFactory()
    flow = FlowFactory(source=membership.source)
    SyncRunFactory(flow=flow, trigger="night", added=3)
    SyncRunFactory(flow=flow, trigger="night", state="failed")
    SyncRunFactory(trigger="night", added=99)  # another university's
    text = main_text(sign_in(membership.user).get("/").text)
    assert "Last night: 2 flows synchronised. Students added: 3, removed: 0, deactivated: 0. 1 failed." in text


def test_home_takes_at_most_twelve_queries_however_many_rows(sign_in: SignIn) -> None:
    """Also where everything there is stands on it, and somebody else has to be named."""
    source = SourceFactory()
    member(source, role="licence_admin")
    manager = member(source, can_export=False).user
    client = sign_in(manager)
    counts = []
    for _more in range(2):
        for case in CASES.values():
            for _each in range(4):
                case.make(source)
        FlowFactory.create_batch(9, source=source, participation_start_at=in_hours(30), state=0)
        for number in range(9):
            code = f"{_more}-{number}"
            ComingExam.objects.create(source=source, code=code, title=code, start_at=in_hours(40))
        said = [told("sources.rule.too_many", count=30, most=20)]
        rule = {"name": str(_more), "manager": manager, "courses": "A", "is_on": True, "told": said}
        FlowRule.objects.create(source=source, **rule)
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12
