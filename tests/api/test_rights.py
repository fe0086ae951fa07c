"""Each call, by each scope, role and university: what a token may do is what it was given and its member may, and nothing of others."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from django.utils import timezone

from ladokflow.api.app import api as the_api
from ladokflow.messages import message
from sources.models import AccessEntry, ApiToken, LogEntry, Scope
from sources.universities.permissions import SCOPES, rights_of
from tests.api.calling import Caller
from tests.api.conftest import as_role
from tests.factories import OAuthClientFactory

pytestmark = pytest.mark.django_db

ROLES = ("manager", "licence admin", "without the right", "auditor", "gone")
KINDS = ("with all scopes", "without the scope")
BODIES = {"mark": {"word": "in-ladok", "reason": "Seen in Ladok."}}
# Which scope each call asks for; None: any token. A call that is missing here fails the test.
CALLS = {
    "me": None,
    "list_flows": Scope.FLOWS_READ,
    "get_flow": Scope.FLOWS_READ,
    "list_synchronisations": Scope.FLOWS_READ,
    "get_synchronisation": Scope.FLOWS_READ,
    "list_attempts": Scope.FLOWS_READ,
    "get_attempt": Scope.FLOWS_READ,
    "list_attempt_people": Scope.PEOPLE_READ,
    "list_participants": Scope.PEOPLE_READ,
    "list_grades": Scope.PEOPLE_READ,
    "list_exams_with_flow": Scope.EXAMS_READ,
    "list_exams_without_flow": Scope.EXAMS_READ,
    "list_log_entries": Scope.LOGS_READ,
    "get_timeline": Scope.LOGS_READ,
    "get_statistics": Scope.STATISTICS_READ,
    "list_statistics": Scope.STATISTICS_READ,
    "get_flow_statistics": Scope.STATISTICS_READ,
    "synchronise": Scope.FLOWS_SYNCHRONISE,
    "collect": Scope.GRADES_COLLECT,
    "preview": Scope.GRADES_EXPORT,
    "export": Scope.GRADES_EXPORT,
    "retry": Scope.GRADES_EXPORT,
    "mark": Scope.GRADES_MARK,
}
OPEN = {"token"}  # has no bearer token


@cache
def calls() -> dict[str, tuple[str, str]]:
    """By name: method and path."""
    paths = the_api.get_openapi_schema()["paths"]
    return {
        call["operationId"]: (method, path.removeprefix("/api/v1"))
        for path, methods in paths.items()
        for method, call in methods.items()
    }


def make(caller: Caller, name: str, of: Any) -> Any:
    method, path = calls()[name]
    keys = {"flow": of.flow.pk, "attempt": of.attempt.pk, "run": of.run.pk, "participant": of.person.pk}
    path = path.format_map(keys | {"apart": "term"})
    return caller.get(path) if method == "get" else caller.post(path, BODIES.get(name, {}))


def test_every_call_is_placed_in_the_matrix() -> None:
    assert calls().keys() == CALLS.keys() | OPEN


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_token_may_do(ours: Any, role: str, kind: str) -> None:
    """Both the scope and the right are asked for, by every call."""
    as_role(ours.membership, role)
    for name, scope in CALLS.items():
        scopes = set(Scope) - ({scope} if kind == "without the scope" else set())
        ApiToken.objects.filter(pk=ours.token.pk).update(scopes=sorted(scopes))
        status = make(ours.api, name, ours).status_code
        if role == "gone":
            assert status == 401, name
        elif scope is not None and (scope not in scopes or SCOPES[scope] not in rights_of(ours.membership)):
            assert status == 403, name
        else:
            assert status not in (401, 403, 404, 500), name


def test_an_oauth_client_is_held_to_the_same(ours: Any) -> None:
    client = OAuthClientFactory(membership=ours.membership, scopes=[Scope.FLOWS_READ, Scope.GRADES_EXPORT])
    as_role(ours.membership, "without the right")
    caller = Caller(access_token_of(client))
    for name, scope in CALLS.items():
        may = scope in (None, Scope.FLOWS_READ)
        assert (make(caller, name, ours).status_code == 200) == may, name


def access_token_of(client: Any, **more: str) -> str:
    given = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.secret}
    return str(Caller(None).client.post("/api/v1/oauth/token", given | more).json()["access_token"])


def test_what_belongs_to_another_university_is_not_there(ours: Any, theirs: Any) -> None:
    """Every call, with each kind of key of theirs: 404, and not a word of it; a list of ours has none of their rows."""
    as_role(ours.membership, "licence admin")
    for of in (ours, theirs):
        LogEntry.objects.create(source=of.source, flow=of.flow, key=f"of {of.source.slug}", sort=1, at=timezone.now())
    words = ("theirs", "THEIRS", theirs.source.name, str(theirs.attempt.pk), str(theirs.run.pk))
    for name in CALLS:
        is_keyed = "{" in calls()[name][1].replace("{apart}", "")
        response = make(ours.api, name, theirs)
        assert response.status_code == (404 if is_keyed else 200), name
        body = {key: value for key, value in response.json().items() if key != "instance"}
        assert not [word for word in words if word in json.dumps(body)], name
    assert theirs.flow.attempts.count() == theirs.flow.sync_runs.count() == 1


def test_people_of_another_flow_cannot_be_named(ours: Any, theirs: Any) -> None:
    for name, body in (("export", {}), ("retry", {}), ("export-preview", {}), ("mark", BODIES["mark"])):
        response = ours.api.post(f"/flows/{ours.flow.pk}/{name}", body | {"participants": [theirs.person.pk]})
        assert (response.status_code, response.json()["code"]) == (422, "api.no_such_participants")


def test_a_right_that_is_lost_is_lost_at_once(ours: Any) -> None:
    path = f"/flows/{ours.flow.pk}/retry"
    as_role(ours.membership, "without the right")
    refused = ours.api.post(path).json()
    assert (refused["status"], refused["code"]) == (403, "api.right_missing")
    assert ours.membership.user.email in refused["detail"]
    as_role(ours.membership, "manager")
    assert ours.api.post(path).status_code == 202
    ours.membership.delete()
    assert ours.api.get("/me").status_code == 401
    assert not ApiToken.objects.exists()


def test_who_has_the_token_is_told_what_it_may_do(ours: Any) -> None:
    as_role(ours.membership, "without the right")
    me = ours.api.get("/me").json()
    assert (me["source"], me["actsAs"]) == ("ours", ours.membership.user.email)
    assert me["scopes"] == sorted(set(Scope) - {Scope.GRADES_EXPORT, Scope.GRADES_MARK, Scope.LOGS_READ})
    assert me["scopesGiven"] == sorted(Scope)


def test_who_takes_people_along_is_on_record(ours: Any) -> None:
    ours.api.get(f"/flows/{ours.flow.pk}")
    assert not AccessEntry.objects.exists()
    for path in (f"/flows/{ours.flow.pk}/participants", f"/flows/{ours.flow.pk}/grades"):
        ours.api.get(path)
    entry = AccessEntry.objects.get()
    assert (entry.user, entry.flow, entry.kind) == (ours.membership.user, ours.flow, AccessEntry.Kind.FILE)
    assert entry.address == "127.0.0.1"


@pytest.mark.parametrize("path", ["/synchronisations/{run}", "/flows/{flow}/synchronisations"])
def test_problems_name_students_only_to_who_may_read_people(ours: Any, path: str) -> None:
    """What a synchronisation could not settle says of whom; and who reads that is on record."""
    told = message("sources.person_refused", name="Stina Sjö", organisation_id="stina99", detail="no").to_json()
    type(ours.run).objects.filter(pk=ours.run.pk).update(problems=[told])
    path = path.format(run=ours.run.pk, flow=ours.flow.pk)

    def read(*scopes: str) -> dict[str, Any]:
        ApiToken.objects.update(scopes=scopes)
        found = ours.api.get(path).json()
        (run,) = found.get("items", [found])
        return dict(run)

    assert (read(Scope.FLOWS_READ)["problems"], read(Scope.FLOWS_READ)["problemCount"]) == ([], 1)
    assert not AccessEntry.objects.exists()
    assert "Stina Sjö" in read(Scope.FLOWS_READ, Scope.PEOPLE_READ)["problems"][0]
    assert AccessEntry.objects.get().flow == ours.flow


@pytest.mark.parametrize("path", ["/flows", "/flows/{flow}"])
def test_what_a_flow_asks_names_no_student(ours: Any, path: str) -> None:
    told = message("sources.person_refused", name="Stina Sjö", organisation_id="stina99", detail="no").to_json()
    type(ours.flow).objects.filter(pk=ours.flow.pk).update(warnings=[told], state=1)
    found = ours.api.get(path.format(flow=ours.flow.pk)).json()
    (flow,) = found.get("items", [found])
    assert [asked["message"].partition(".")[0] for asked in flow["asks"] if asked["kind"] == "warnings"] == [
        "1 thing to look at since the last synchronisation"
    ]


def test_every_scope_has_its_right() -> None:
    assert set(SCOPES) == set(Scope)
