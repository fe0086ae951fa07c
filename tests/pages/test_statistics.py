"""Statistics and logs as pages: who sees what, how many queries it takes, and that small groups are not there."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from exports.models import Figure, FlowSummary, QuestionFigure
from exports.pages.statistics import MOST_OFFERED
from exports.statistics.refresh import refresh
from ladokflow.messages import Message, message
from sources.models import AccessEntry, AuditEntry, Flow, LogEntry, LogGap, LogReading, Membership, Source
from tests.factories import (
    ApiTokenFactory,
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
    SourceFactory,
    UserFactory,
    in_hours,
)
from tests.pages.walking import main_text

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
GRADES = ("U", "3", "4", "5")


def graded_flow(source: Source, counts: dict[str, int], **fields: Any) -> Flow:
    flow: Flow = FlowFactory(
        source=source, grades=list(GRADES), participation_end_at=in_hours(-240), marking_end_at=in_hours(-24), **fields
    )
    for grade, count in counts.items():
        ParticipantFactory.create_batch(count, flow=flow, grade=grade)
    refresh([flow.pk])
    return flow


ROLES: dict[str, dict[str, Any] | None] = {
    "auditor": {"role": "auditor", "can_export": False},
    "manager": {},
    "may see logs": {"can_see_logs": True},
    "may see small groups": {"can_see_small_groups": True},
    "licence admin": {"role": "licence_admin"},
    "stranger": None,
}


@pytest.fixture
def flow() -> Flow:
    flow = graded_flow(SourceFactory(slug="uni"), {"U": 3, "3": 8, "4": 7}, codes=["TDDE01-TEN1"])
    LogReading.objects.create(source=flow.source, read_to=timezone.now())
    return flow


def client_as(role: str, flow: Flow, sign_in: SignIn) -> Client:
    facts = ROLES[role]
    user = UserFactory()
    MembershipFactory(user=user, source=SourceFactory(), role=Membership.Role.LICENCE_ADMIN)  # of another university
    if facts is not None:
        MembershipFactory(user=user, source=flow.source, **facts)
    return sign_in(user)


@pytest.mark.parametrize(
    ("role", "statuses"),
    [
        # statistics of the source, of the flow, as files; the log, as a file; the timeline
        ("manager", [200, 200, 200, 200, 403, 403, 403]),
        ("may see logs", [200, 200, 200, 200, 200, 200, 200]),
        ("may see small groups", [200, 200, 200, 200, 403, 403, 403]),
        ("licence admin", [200, 200, 200, 200, 200, 200, 200]),
        ("auditor", [200, 200, 200, 200, 200, 200, 200]),
        ("stranger", [404, 404, 404, 404, 404, 404, 404]),
    ],
)
def test_who_may_see_what(role: str, statuses: list[int], flow: Flow, sign_in: SignIn) -> None:
    client, person = client_as(role, flow, sign_in), flow.participants.first()
    addresses = [
        "/statistics/?source=uni",
        f"/flows/{flow.pk}/statistics/",
        "/statistics.csv?source=uni",
        f"/flows/{flow.pk}/statistics.xlsx",
        "/logs/?source=uni",
        "/logs/?source=uni&first=2026-11-01&last=2026-11-02&kind=csv",
        f"/flows/{flow.pk}/participants/{person.pk}/timeline/",
    ]
    assert [client.get(address).status_code for address in addresses] == statuses


def test_who_has_the_right_at_one_university_does_not_find_the_log_of_another(flow: Flow, sign_in: SignIn) -> None:
    user = UserFactory()
    MembershipFactory(user=user, source=flow.source, can_see_logs=True)
    other = FlowFactory()
    MembershipFactory(user=user, source=other.source)
    client, person = sign_in(user), ParticipantFactory(flow=other)
    assert client.get(f"/logs/?source={other.source.slug}").status_code == 403
    assert client.get(f"/logs/?source={other.source.slug}&first=2026-11-01&last=2026-11-02&kind=csv").status_code == 403
    assert client.get(f"/flows/{other.pk}/participants/{person.pk}/timeline/").status_code == 403
    # A participant of another flow, under one's own flow's address
    assert client.get(f"/flows/{flow.pk}/participants/{person.pk}/timeline/").status_code == 404


def test_nobody_who_is_not_signed_in_sees_any_of_it(flow: Flow, client: Client) -> None:
    for address in ("/statistics/", "/statistics.csv", "/logs/", f"/flows/{flow.pk}/statistics/"):
        assert client.get(address).status_code == 302
        assert client.post(address).status_code in (302, 405)


def test_who_looks_at_a_timeline_or_takes_the_log_along_is_written_down(flow: Flow, sign_in: SignIn) -> None:
    client, person = client_as("may see logs", flow, sign_in), flow.participants.first()
    LogEntry.objects.create(source=flow.source, flow=flow, key="a", sort=1, at=timezone.now(), kind="opened")
    client.get(f"/flows/{flow.pk}/participants/{person.pk}/timeline/")
    today = timezone.localdate().isoformat()
    answer = client.get(f"/logs/?source=uni&first={today}&last={today}&kind=csv")
    assert b"opened" in answer.getvalue()
    told = [Message.from_json(entry.message) for entry in AuditEntry.objects.filter(source=flow.source).order_by("pk")]
    assert [each.code for each in told if each] == ["log.timeline_seen", "log.downloaded"]
    assert AuditEntry.objects.filter(actor=None).count() == 0
    seen = AccessEntry.objects.filter(source=flow.source).order_by("pk").values_list("kind", "participant")
    assert [each for each in seen if each[0] in ("student", "file")] == [("student", person.pk), ("file", None)]


@pytest.mark.parametrize(
    "query",
    [
        "first=x&last=2026-11-02",
        "first=2026-11-03&last=2026-11-02",
        "first=2026-11-01",
        "first=0001-01-01&last=2026-11-29",
        "first=2026-11-01&last=9999-12-31",
        "first=2026-02-31&last=2026-11-01",
    ],
)
def test_days_that_are_none_are_told_beside_the_field_and_nothing_is_taken(
    query: str, flow: Flow, sign_in: SignIn
) -> None:
    answer = client_as("may see logs", flow, sign_in).get(f"/logs/?source=uni&kind=csv&{query}")
    assert 'class="errorlist"' in answer.text
    assert not AuditEntry.objects.exists()


def test_a_gap_stands_with_its_dates_on_the_page_of_the_logs(flow: Flow, sign_in: SignIn) -> None:
    told = message("log.not_kept", weeks=16).to_json()
    LogGap.objects.create(
        reading=LogReading.objects.get(), first_at=in_hours(-9000), last_at=in_hours(-4000), message=told
    )
    page = main_text(client_as("licence admin", flow, sign_in).get("/logs/").text)
    assert "for 16 weeks" in page or "16 veckor" in page


def shown_in(answer: Any) -> dict[str, dict[str, int]]:
    """The file's rows of people, by their codes: table -> name -> count."""
    tables: dict[str, dict[str, int]] = {}
    for _table, _group, _value, count, unit, kind, _side, name in rows_of(answer):
        if count and unit != "%" and kind != "work":
            tables.setdefault(kind, {})[name] = int(count)
    return tables


def rows_of(answer: Any) -> list[list[str]]:
    _headings, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";")
    return rows


@pytest.mark.parametrize("address", ["/statistics.csv?source=uni", "/flows/{pk}/statistics.csv"])
def test_a_group_of_three_is_in_no_file_and_cannot_be_worked_out(address: str, flow: Flow, sign_in: SignIn) -> None:
    told = shown_in(client_as("manager", flow, sign_in).get(address.format(pk=flow.pk)))
    assert told["grade"] == {"4": 7, "hidden": 11}
    assert told["result"] == {"hidden": 18}
    told = shown_in(client_as("licence admin", flow, sign_in).get(address.format(pk=flow.pk)))
    assert told["grade"] == {"U": 3, "3": 8, "4": 7}


@pytest.mark.parametrize("address", ["/statistics/?source=uni", "/flows/{pk}/statistics/"])
def test_a_group_of_three_is_on_no_page(address: str, flow: Flow, sign_in: SignIn) -> None:
    charts = client_as("manager", flow, sign_in).get(address.format(pk=flow.pk)).context["charts"]
    (grades,) = [chart for chart in charts if chart.slug == "grades"]
    assert [(bar.label, bar.figures[0]) for bar in grades.bars] == [("4", "7")]  # and not that nobody has U
    assert grades.hidden == 11
    (parts,) = [chart for chart in charts if chart.slug == "result"]
    assert (parts.bars, parts.hidden) == ([], 18)


def test_assessors_are_for_those_alone_who_may_see_small_groups(flow: Flow, sign_in: SignIn) -> None:
    summary = FlowSummary.objects.get(pk=flow.pk)
    for assessor, grade, count in ((51, "U", 9), (51, "3", 30), (52, "3", 4)):
        Figure.objects.create(summary=summary, kind="assessor", side=str(assessor), name=grade, count=count)
    for number, people in ((1, 18), (2, 4)):
        QuestionFigure.objects.create(
            summary=summary, item=number, question=1, reference=str(number), people=people, mean=1.5
        )
    address = f"/flows/{flow.pk}/statistics/"
    context = client_as("manager", flow, sign_in).get(address).context
    assert ("assessors" in context, [one.people for one in context["questions"]]) == (False, [18])
    answer = client_as("may see small groups", flow, sign_in).get(address)
    assert [(one.graded, one.passed, one.is_few) for one in answer.context["assessors"]] == [
        (39, 30, False),
        (4, 4, True),
    ]
    assert [one.people for one in answer.context["questions"]] == [18, 4]
    assert "51" not in main_text(answer.text).split()  # they are counted, not named


def test_the_page_takes_as_many_queries_for_much_as_for_little_and_twelve_at_most(sign_in: SignIn) -> None:
    member = MembershipFactory(source=SourceFactory(departments={"A": "IDA", "B": "MAI"}))
    MembershipFactory(user=member.user)
    client = sign_in(member.user)
    flow = graded_flow(member.source, {"3": 6, "U": 7}, codes=["A1-TEN"])
    term = FlowSummary.objects.get().term
    token = ApiTokenFactory(membership=member).secret
    addresses = [
        "/statistics/",
        *(f"/statistics/?by={by}" for by in ("course", "department", "source", "flow")),
        f"/statistics/?source={member.source.slug}&term={term}&department=IDA&course=A1&by=flow&order=title",
        *(f"/statistics.csv?by={by}" for by in ("term", "course", "department", "source", "flow")),
        "/statistics.xlsx?by=flow",
        f"/flows/{flow.pk}/statistics/",
        f"/flows/{flow.pk}/statistics.csv",
        "/api/v1/statistics",
        f"/api/v1/statistics?term={term}&department=IDA&course=A1",
        *(f"/api/v1/statistics/{by}" for by in ("term", "course", "department", "flow")),
        f"/api/v1/flows/{flow.pk}/statistics",
    ]
    client.get("/api/v1/statistics", headers={"Authorization": f"Bearer {token}"})  # when it was used is written down
    counts: list[dict[str, int]] = []
    for turn in range(2):
        counts.append({})
        for address in addresses:
            headers = {"Authorization": f"Bearer {token}"} if address.startswith("/api/") else {}
            with CaptureQueriesContext(connection) as queries:
                answer = client.get(address, headers=headers)
                assert (answer.status_code, len(b"".join(answer)) > 0) == (200, True)
            counts[turn][address] = len(queries)
        for number in range(5):
            graded_flow(member.source, {"3": 6, "U": 7}, codes=[f"B{number}{turn}-TEN"], participation_start_at=None)
    assert counts[0] == counts[1]
    # Eight of a flow's are of the head that all its pages have, and of the record that it was seen.
    assert counts[0].pop(f"/flows/{flow.pk}/statistics/") <= 20
    assert max(counts[0].values()) <= 12


def test_courses_are_offered_of_what_else_is_chosen_and_not_when_they_are_too_many(sign_in: SignIn) -> None:
    member = MembershipFactory(source=SourceFactory(departments={"A": "IDA", "B": "MAI"}))
    client = sign_in(member.user)
    for code in ("A1-TEN", "B1-TEN"):
        graded_flow(member.source, {"3": 6}, codes=[code])
    assert client.get("/statistics/").context["form"].courses == ["A1", "B1"]
    assert client.get("/statistics/?department=IDA&course=B1").context["form"].courses == ["A1"]
    flows = Flow.objects.bulk_create(
        FlowFactory.build(source=member.source, created_by=member.user, setup_mark=f"m{number}", wiseflow_id=number)
        for number in range(10**6, 10**6 + MOST_OFFERED)
    )
    FlowSummary.objects.bulk_create(
        FlowSummary(flow=flow, source=member.source, course=f"C{flow.wiseflow_id}", computed_at=timezone.now())
        for flow in flows
    )
    assert client.get("/statistics/").context["form"].courses == []
    assert client.get("/statistics/?department=IDA").context["form"].courses == ["A1"]


def test_what_is_chosen_narrows_everything_and_rows_lead_further(sign_in: SignIn) -> None:
    member = MembershipFactory(can_see_small_groups=True)
    client = sign_in(member.user)
    graded_flow(member.source, {"3": 6}, codes=["A1-TEN"], title="Första")
    graded_flow(member.source, {"U": 2}, codes=["B1-TEN"])
    by_course = client.get("/statistics/?by=course").context["rates"].bars
    assert [(bar.label, bar.figures[0]) for bar in by_course] == [("A1", "6"), ("B1", "2")]
    one = client.get("/statistics/" + by_course[0].address)
    assert one.context["found"].graded == 6
    flows = client.get("/statistics/?by=flow&course=A1").context["rates"].bars
    assert [bar.label.split(" · ")[:2] for bar in flows] == [["Första", "A1-TEN"]]
    assert client.get(flows[0].address).status_code == 200
    for query in ("term=nonsense", "by=nonsense", "page=99", "course=%00", "department=x"):
        assert client.get(f"/statistics/?{query}").status_code == 200


def test_a_course_is_found_in_any_case_and_an_unknown_one_is_said_once_to_be_none(sign_in: SignIn) -> None:
    client = sign_in(MembershipFactory().user)
    source = Source.objects.get()
    graded_flow(source, {"3": 6, "U": 7}, codes=["TDDE01-TEN"])
    assert client.get("/statistics/?course=tdde01").context["found"].flows == 1
    answer = client.get("/statistics/?course=TATA24", headers={"accept-language": "en"})
    page = main_text(answer.text)
    assert page.count("No flow of this course.") == 1
    assert "There are no figures of it yet." not in page
    assert '<option value="TDDE01">' in answer.text


def test_two_of_forty_who_are_not_in_ladok_cannot_be_worked_out(sign_in: SignIn) -> None:
    """On no page and in no file is there a number that they would be the rest of; and what is hidden is not said to be nothing."""
    member = MembershipFactory(source=SourceFactory(slug="uni"))
    flow = graded_flow(member.source, {"U": 20, "3": 20})
    people = list(flow.participants.all())
    for state, some in (("exported", people[:38]), ("failed", people[38:])):
        attempt = ExportAttemptFactory(flow=flow, state=state, finished_at=timezone.now())
        for person in some:
            ExportItemFactory(attempt=attempt, participant=person, state=state)
    refresh([flow.pk])
    client = sign_in(member.user)
    for address in ("/statistics", f"/flows/{flow.pk}/statistics"):
        told = shown_in(client.get(f"{address}.csv"))
        assert told["grade"] == {"U": 20, "3": 20}
        assert not {"to_ladok", "reported", "rejection"} & told.keys()
        page = client.get(f"{address}/", headers={"accept-language": "en"})
        charts = {chart.slug: chart for chart in page.context["charts"]}
        for slug in ("to-ladok", "reported", "rejections"):
            assert charts[slug].bars == []
            assert charts[slug].absence == "It is not shown, because a group would be too small."
        assert "None." not in main_text(page.text)
    member.can_see_small_groups = True
    member.save()
    told = shown_in(client.get("/statistics.csv"))
    assert (sum(told["to_ladok"].values()), sum(told["rejection"].values())) == (38, 2)


def test_a_rate_of_which_a_part_is_hidden_is_said_to_be_hidden(sign_in: SignIn) -> None:
    member = MembershipFactory()
    client = sign_in(member.user)
    graded_flow(member.source, {"3": 10, "U": 10}, codes=["A1-TEN"])
    graded_flow(member.source, {"3": 20, "U": 3}, codes=["A1-LAB"])
    graded_flow(member.source, {"3": 43, "U": 43}, codes=["B1-TEN"])
    chart = client.get("/statistics/?by=course", headers={"accept-language": "en"}).context["rates"]
    assert [(bar.label, *bar.figures[:2]) for bar in chart.bars] == [
        ("A1", "43", "Hidden"),
        ("B1", "86", "50.0\u00a0%"),
    ]
    assert chart.notes
    member.can_see_small_groups = True
    member.save()
    chart = client.get("/statistics/?by=course", headers={"accept-language": "en"}).context["rates"]
    assert [bar.figures[1] for bar in chart.bars] == ["69.8\u00a0%", "50.0\u00a0%"]
    assert not chart.notes


def test_flows_without_figures_are_rows_as_well_and_those_with_one_title_told_apart(sign_in: SignIn) -> None:
    member = MembershipFactory()
    flows = [FlowFactory(source=member.source, title="Tenta", codes=[f"A{number}-TEN"]) for number in range(2)]
    refresh([flow.pk for flow in flows])
    graded_flow(member.source, {"3": 9}, title="Algebra", codes=["B1-TEN"])
    client = sign_in(member.user)
    answer = client.get("/statistics/?by=flow&order=title")
    assert [bar.label.split(" · ")[:2] for bar in answer.context["rates"].bars] == [
        ["Algebra", "B1-TEN"],
        ["Tenta", "A0-TEN"],
        ["Tenta", "A1-TEN"],
    ]
    assert [bar.figures[:2] for bar in answer.context["rates"].bars][1:] == [("0", "–"), ("0", "–")]
    assert len(answer.context["page"]) == 3


def test_a_file_says_in_its_name_what_it_is_of_and_has_words_and_codes(sign_in: SignIn) -> None:
    member = MembershipFactory(source=SourceFactory(slug="uni"))
    graded_flow(member.source, {"3": 6, "U": 7}, codes=["TDDE01-TEN"])
    address = "/statistics.csv?source=uni&course=TDDE01&by=course"
    answer = sign_in(member.user).get(address, headers={"accept-language": "en"})
    assert "ladokflow-statistics-uni-tdde01-" in answer.headers["Content-Disposition"]
    rows = rows_of(answer)
    assert ["Pass rate", "Course", "TDDE01", "46.2", "%", "pass_rate", "course", "TDDE01"] in rows
    assert ["Grade", "Failed", "U", "7", "students", "grade", "failed", "U"] in rows
    assert ["Result", "", "Failed", "7", "students", "result", "", "failed"] in rows


def test_hours_of_work_are_in_hours_and_next_to_none_are_not_shown(sign_in: SignIn) -> None:
    member = MembershipFactory()
    summary = FlowSummary.objects.get(flow=graded_flow(member.source, {"3": 6}))
    Figure.objects.create(summary=summary, kind="work", side="sync", name="07", count=5_400_000, shown=0)
    Figure.objects.create(summary=summary, kind="work", side="export", name="08", count=900, shown=0)
    client = sign_in(member.user)
    answer = client.get("/statistics.csv", headers={"accept-language": "en"})
    assert ["07–08", "1.50", "hours"] in [row[2:5] for row in rows_of(answer)]
    (work,) = [chart for chart in client.get("/statistics/").context["charts"] if chart.slug == "work"]
    assert [bar.label for bar in work.bars] == ["07–08"]


def test_nothing_yet_and_no_department_are_told(sign_in: SignIn) -> None:
    answer = sign_in(MembershipFactory().user).get("/statistics/", headers={"accept-language": "en"})
    assert "Which department gives a course is not known here." in main_text(answer.text)
    assert "There are no figures of it yet." in main_text(answer.text)
    source = SourceFactory(departments={"TDDE": "IDA", "TDDE01": "ITN"})
    assert [source.department_of(course) for course in ("TDDE01", "tdde02", "TATA24")] == ["ITN", "IDA", ""]


def test_the_menu_and_the_students_page_lead_there(flow: Flow, sign_in: SignIn) -> None:
    person = flow.participants.first()
    address = reverse("flows:timeline", args=[flow.pk, person.pk])
    page = reverse("student", args=[person.pk])
    assert address not in client_as("manager", flow, sign_in).get(page).text
    answer = client_as("may see logs", flow, sign_in).get(page).text
    assert address in answer
    assert reverse("statistics") in answer
    assert Membership.objects.filter(can_see_logs=True).count() == 1
