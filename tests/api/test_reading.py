"""What can be asked."""

from __future__ import annotations

from typing import Any

import pytest

from exports.grades.asking import ask
from sources.models import Flow
from tests.api.conftest import NATIONAL_ID
from tests.factories import FlowFactory, ParticipantFactory, SyncRunFactory

pytestmark = pytest.mark.django_db


def test_a_flow_tells_how_it_is(api: Any, ours: Any) -> None:
    flow = api.get(f"/flows/{ours.flow.pk}").json()
    assert flow["flow"] == ours.flow.pk
    assert flow["wiseflowFlow"] == ours.flow.wiseflow_id
    assert flow["codes"] == [{"code": "OURS-TEN1", "title": ""}]
    assert (flow["state"], flow["phase"], flow["creation"]) == ("pending", Flow.State.CONCLUDED, "ready")
    assert flow["page"].endswith(f"/flows/{ours.flow.pk}/")
    assert flow["isCollecting"] is False
    ask(ours.flow.pk)
    assert api.get(f"/flows/{ours.flow.pk}").json()["isCollecting"] is True


def test_flows_are_found_by_what_they_show(api: Any, ours: Any) -> None:
    failed = FlowFactory(source=ours.source, export_state="failed", state=Flow.State.PARTICIPATION_ENDED, codes=["Å 1"])

    def found(**query: Any) -> list[int]:
        return [flow["flow"] for flow in api.get("/flows", **query).json()["items"]]

    assert found() == [ours.flow.pk, failed.pk]
    assert found(state="failed") == [failed.pk]
    assert found(phase=int(Flow.State.PARTICIPATION_ENDED)) == [failed.pk]
    assert found(code="å  1") == found(wiseflowFlow=failed.wiseflow_id) == [failed.pk]
    assert found(asks="true") == []
    assert found(asks="false") == [ours.flow.pk, failed.pk]
    stopped = FlowFactory(source=ours.source, setup_state="stopped", wiseflow_id=None)
    assert found(asks="true") == [stopped.pk]
    asked = api.get(f"/flows/{stopped.pk}").json()["asks"]
    assert [(each["kind"], each["page"].partition("#")[2]) for each in asked] == [("creation", "creation")]


def test_a_list_is_gone_through_by_key(api: Any, ours: Any) -> None:
    wanted = [ours.flow.pk, *(FlowFactory(source=ours.source).pk for _ in range(4))]
    found: list[int] = []
    after: dict[str, Any] = {}
    while True:
        page = api.get("/flows", limit=2, **after).json()
        found += [flow["flow"] for flow in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert found == wanted
    response = api.get("/flows", after="999999")
    assert (response.status_code, response.json()["code"]) == (422, "api.unknown_after")


def test_a_list_asks_the_database_as_often_for_many_rows_as_for_few(
    api: Any, ours: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        FlowFactory(source=ours.source, setup_state="stopped", wiseflow_id=None)
        ParticipantFactory(flow=ours.flow, grade="4")
    for path in ("/flows", *(f"/flows/{ours.flow.pk}/{name}" for name in ("participants", "grades"))):
        api.get(path)
        with django_assert_max_num_queries(9):
            api.get(path)


def test_people_are_told_by_their_identifiers_and_their_codes(api: Any, ours: Any) -> None:
    (person,) = api.get(f"/flows/{ours.flow.pk}/participants").json()["items"]
    assert person["organisationId"] == "stude001@ours.example"
    assert person["studentNumber"] == ours.person.external_user_id
    assert person["nationalId"] == "19900101-****"
    assert person["codes"] == ["OURS-TEN1"]
    assert (person["isActive"], person["isFromLadok"]) == (True, True)
    assert api.get(f"/flows/{ours.flow.pk}/participants", state="failed").json()["items"] == []


def test_a_grade_is_told_with_what_was_sent(api: Any, ours: Any) -> None:
    (grade,) = api.get(f"/flows/{ours.flow.pk}/grades").json()["items"]
    assert (grade["grade"], grade["isAlternative"], grade["points"]) == ("5", False, None)
    (sent,) = grade["sent"]
    assert (sent["attempt"], sent["code"], sent["state"]) == (str(ours.attempt.pk), "OURS-TEN1", "failed")


def test_exports_and_synchronisations_are_told(api: Any, ours: Any) -> None:
    (attempt,) = api.get(f"/flows/{ours.flow.pk}/attempts").json()["items"]
    assert attempt == api.get(f"/attempts/{ours.attempt.pk}").json()
    assert (attempt["state"], attempt["failed"]) == ("failed", 1)
    (item,) = api.get(f"/attempts/{ours.attempt.pk}/people").json()["items"]
    assert item["participant"] == ours.person.pk
    SyncRunFactory(flow=ours.flow, state="queued")
    newest, oldest = api.get(f"/flows/{ours.flow.pk}/synchronisations").json()["items"]
    assert (newest["state"], oldest["run"]) == ("queued", str(ours.run.pk))
    assert oldest == api.get(f"/synchronisations/{ours.run.pk}").json()


def test_exams_are_told_with_and_without_a_flow(api: Any, ours: Any) -> None:
    (on_flow,) = api.get("/exams/with-flow").json()["items"]
    assert (on_flow["code"], on_flow["flow"]) == ("OURS-TEN1", ours.flow.pk)
    without = api.get("/exams/without-flow").json()
    assert [exam["code"] for exam in without["items"]] == ["OURS-COMING"]
    assert without["readAt"] is None
    assert api.get("/exams/without-flow", code="ours-coming").json()["items"] != []
    assert api.get("/exams/without-flow", last="2020-01-01").json()["items"] == []
    FlowFactory(source=ours.source, codes=["OURS-COMING"])
    assert api.get("/exams/without-flow").json()["items"] == []


def test_no_national_id_leaves_in_clear(api: Any, ours: Any) -> None:
    ours.person.organisation_id = "19900101-1234"
    ours.person.save()
    paths = [path.replace("{flow}", str(ours.flow.pk)) for path in api.get("/openapi.json").json()["paths"]]
    paths = [path.replace("{attempt}", str(ours.attempt.pk)).replace("{run}", str(ours.run.pk)) for path in paths]
    told = [api.client.get(path, headers=api.headers).content.decode() for path in paths]
    assert sum("****" in text for text in told) >= 6
    assert not [text for text in told if NATIONAL_ID in text or "0101-1234" in text or "900101-1234" in text]
