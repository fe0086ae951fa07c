"""The test of a connection tells in words what works and what does not."""

import pytest

from ladokflow.http import RemoteError
from sources.flows.exams import fetch_exam, list_exams
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
    listed = list_exams(liu, " TDDE01 ")
    assert listed
    assert not listed[0].people
    fetched = fetch_exam(liu, listed[0].code)
    assert len(fetched.people) == len(sandbox.control.exam("liu", listed[0].code)["participants"])
