"""The test of a connection tells in words what works and what does not."""

import datetime as dt

import pytest
from django.utils import timezone

from ladokflow.http import RemoteError
from sources.flows.exams import courses_since, exams_between, fetch_exam, list_exams
from sources.universities.clients import check_connection, ladok_for, wiseflow_for
from tests.factories import CredentialFactory, FlowFactory, FlowSourceFactory


def told(checks, ok):
    return [check.message.code for check in checks if check.ok is ok]


@pytest.mark.parametrize("slug", ["liu", "oru", "boras"])
@pytest.mark.parametrize("system", ["ladok", "wiseflow"])
def test_the_sandbox_passes(load_source, slug, system):
    checks = check_connection(load_source(slug), system)
    assert told(checks, ok=False) == []
    assert "sources.check.signed_in" in told(checks, ok=True)


@pytest.mark.parametrize("system", ["ladok", "wiseflow"])
def test_a_wrong_secret_is_told(liu, system):
    liu.credentials.filter(system=system).update(secret="wrong")
    assert told(check_connection(liu, system), ok=False) == ["remote.unauthorised"]


@pytest.mark.parametrize("system", ["ladok", "wiseflow"])
def test_no_enabled_credential_is_told(liu, system):
    liu.credentials.filter(system=system).update(enabled=False)
    assert told(check_connection(liu, system), ok=False) == ["remote.no_credential"]
    with pytest.raises(RemoteError):
        (ladok_for if system == "ladok" else wiseflow_for)(liu)


@pytest.mark.parametrize("system", ["ladok", "wiseflow"])
def test_a_side_that_is_down_is_told(liu, system):
    liu.ladok_url = liu.wiseflow_url = "http://127.0.0.1:9/x"
    assert told(check_connection(liu, system), ok=False) == ["remote.unreachable"]


def test_what_is_missing_on_the_licence_is_told(liu):
    liu.user_data_types = {"national_id": "Shoe size"}
    liu.grading_scales = {"U-3-4-5": "U345", "ABC": "nowhere"}
    checks = check_connection(liu, "wiseflow")
    assert told(checks, ok=False) == ["sources.check.no_data_type", "sources.check.no_scale"]


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ("", "sources.check.grade_form_unknown"),
        ("shown", "sources.check.grades_as_shown"),
        ("stored", "sources.check.grades_as_stored"),
    ],
)
def test_the_form_in_which_grades_are_given_out_is_told_and_so_is_a_scale_in_use_without_a_counterpart(liu, form, code):
    liu.grade_form = form
    FlowSourceFactory(flow=FlowFactory(source=liu, codes=[]), grade_scale="Okänd")
    FlowSourceFactory(flow=FlowFactory(source=liu, codes=[]), grade_scale="U-3-4-5")
    checks = check_connection(liu, "wiseflow")
    assert told(checks, ok=False) == ["sources.check.scale_in_use"]
    assert told(checks, ok=True)[-1] == code


def test_the_newest_enabled_credential_is_used(liu):
    CredentialFactory(source=liu, system="ladok", kind="bearer", label="new", secret="wrong")
    assert told(check_connection(liu, "ladok"), ok=False) == ["remote.unauthorised"]


def test_exams_are_listed_and_fetched(liu, sandbox):
    listed, _failures = list_exams(liu, [" TDDE01 "])
    assert listed
    assert not listed[0].people
    fetched = fetch_exam(liu, listed[0].code)
    assert len(fetched.people) == len(sandbox.control.exam("liu", listed[0].code)["participants"])


@pytest.mark.parametrize("paths", [{}, {"list_by_dates": "/exams?from={from}&to={to}"}], ids=["by course", "by dates"])
def test_the_exams_between_two_dates_are_asked_for_in_the_way_that_ladok_has(liu, sandbox, paths):
    liu.ladok_paths = paths
    sandbox.control.clear_received()
    first = dt.datetime.fromisoformat(sandbox.control.clock()).date()
    last = first + dt.timedelta(days=14)
    exams, failures = exams_between(liu, first, last, ["TDDE01", "TDDD17"])
    assert failures == []
    assert len(sandbox.control.received("liu")) == (1 if paths else 2)
    courses = {liu.rules.course_of(exam) for exam in exams}
    assert courses == {"TDDE01", "TDDD17"} if not paths else courses > {"TDDE01", "TDDD17"}
    starts = [exam.participation_start_at.date() for exam in exams]
    assert first <= min(starts) <= max(starts) <= last
    assert starts == sorted(starts)


def test_what_ladok_does_not_tell_of_some_courses_is_told_and_the_others_exams_come(liu, sandbox):
    sandbox.control.fault("liu", "/exams", "status", times=1, status=403)
    day = dt.datetime.fromisoformat(sandbox.control.clock()).date()
    exams, failures = exams_between(liu, day, day + dt.timedelta(days=30), ["TDDE01", "TATA24"])
    assert exams
    assert [failure.code for failure in failures] == ["remote.unauthorised"]


def test_the_courses_to_ask_for_are_those_of_late(liu):
    now = timezone.now()
    for title, days in (("TDDE01 Maskininlärning", 5), ("TDDE01 Maskininlärning", 9), ("TATA24 Algebra", 400), ("", 1)):
        flow = FlowFactory(source=liu, codes=[], participation_start_at=now - dt.timedelta(days=days))
        FlowSourceFactory(flow=flow, title=title)
    assert courses_since(liu, (now - dt.timedelta(days=365)).date()) == ["TDDE01"]
