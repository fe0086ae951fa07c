"""The check of requests and answers against WISEflow's document must itself find what is wrong."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("openapi_path")


def request(method, path, *, query="", body=None, kind="application/json"):
    headers = {"Authorization": "(secret)"} | ({"Content-Type": kind} if body is not None else {})
    return {"method": method, "path": path, "query": query, "headers": headers, "body": body}


def problems(*args, **options):
    from tests.openapi import check_requests

    return check_requests([request(*args, **options)])


@pytest.mark.parametrize("query", ["offset=0&limit=100", {"offset": "0", "limit": ["100"]}, [("offset", "0")], ""])
def test_request_that_is_as_documented_passes_however_it_was_recorded(query):
    assert problems("GET", "/wiseflow/v1/flows/1/participants", query=query) == []
    assert problems("get", "/flows/1/participants", query=query) == []


def test_form_of_the_token_passes():
    body = "client_id=a&client_secret=b&grant_type=client_credentials"
    assert problems("POST", "/v1/oauth2/token", body=body, kind="application/x-www-form-urlencoded") == []
    assert problems("POST", "/v1/oauth2/token", body=body) != []


@pytest.mark.parametrize(
    ("args", "options", "word"),
    [
        (("GET", "/v1/nothing/here"), {}, "no such operation"),
        (("GET", "/v1/flow/1/assessors"), {}, "deprecated"),
        (("GET", "/v1/flows/1/participants"), {"query": "page=2"}, "undocumented query parameter page"),
        (("GET", "/v1/flows/1/participants"), {"query": "limit=many"}, "limit"),
        (("GET", "/v1/flows/x/dates"), {}, "flowId"),
        (("POST", "/v1/license/create/flow"), {"body": b'{"title": "T"}'}, "'managers' is a required property"),
        (("POST", "/v1/license/create/flow"), {"body": '{"title":"T","type":2,"managers":[1],"subtitle":"S"}'}, "subtitle"),
        (("POST", "/v1/license/create/flow"), {"body": '{"title":"T","type":"2","managers":[1]}'}, "not of type 'integer'"),
        (("POST", "/v1/license/create/flow"), {}, "body"),
        (("POST", "/v1/flows/1/external-sources"), {"body": '{"reference":"a b"}'}, "does not match"),
        (("POST", "/v1/flows/1/participants"), {"body": '[{"userId":1,"uniqueExamID":"U"}]'}, "[].uniqueExamID"),
        (("PATCH", "/v1/flows/1/activate"), {"body": "{}"}, "a body where none is described"),
        (("PUT", "/v1/flows/1/grading-scale"), {"body": '{"gradingScaleId":1}', "kind": "text/plain"}, "text/plain"),
    ],
)  # fmt: skip
def test_request_that_is_not_as_documented_is_told(args, options, word):
    assert any(word in problem for problem in problems(*args, **options)), problems(*args, **options)


def answered(method, path, status, body, kind="application/json"):
    from tests.openapi import check_answer

    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return check_answer(request(method, path), status, {"Content-Type": kind}, text)


def test_answer_that_is_as_documented_passes():
    data = {"participation": {"start": 1, "end": 2}, "marking": {"start": 3, "end": 4}}
    assert answered("GET", "/v1/flows/1/dates", 200, {"success": True, "data": data, "error": None}) == []
    assert answered("DELETE", "/v1/flows/1/participants/2/unique-exam-id", 204, "") == []
    assert answered("GET", "/v1/flows/1/dates", 401, '"Unauthorized"') == []
    assert answered("GET", "/v1/flow/1/assessments", 200, [{"id": None, "participantId": 1}]) == []


@pytest.mark.parametrize(
    ("method", "path", "status", "body", "word"),
    [
        ("GET", "/v1/flow/1", 200, {"id": 1}, "'state' is a required property"),
        ("GET", "/v1/flow/1", 200, [], "type 'object'"),
        ("GET", "/v1/flow/1", 418, {}, "no such answer"),
        ("GET", "/v1/flow/1/assessments", 200, [{"id": None, "participantId": "1"}], "0.participantId"),
        ("DELETE", "/v1/flows/1/participants/2/unique-exam-id", 204, "{}", "a body where none is described"),
        ("GET", "/v1/nothing", 200, {}, "no such operation"),
    ],
)
def test_answer_that_is_not_as_documented_is_told(method, path, status, body, word):
    found = answered(method, path, status, body)
    assert any(word in problem for problem in found), found
