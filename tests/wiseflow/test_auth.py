import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import pytest

from ladokflow.wiseflow import WiseflowError
from tests.wiseflow.conftest import Reply, envelope

TOKEN = "/oauth2/token"
ROLES = "/license/roles"


def bearer(value, lasts=3599):
    return Reply({"access_token": value, "expires_in": lasts, "scope": "", "token_type": "bearer"})


def test_client_credentials_are_sent_as_a_form_and_the_token_as_a_bearer(peer, make_client):
    peer.answer("GET", ROLES, envelope([]))
    make_client(client_id="liu & co", secret="hemligt=å").licence_roles()
    (asked,) = peer.asked("POST", TOKEN)
    assert asked["headers"]["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(asked["body"]) == {
        "client_id": ["liu & co"],
        "client_secret": ["hemligt=å"],
        "grant_type": ["client_credentials"],
    }
    (call,) = peer.asked("GET", ROLES)
    assert call["headers"]["authorization"] == "Bearer token-1"
    assert call["headers"]["x-client-name"] == "LadokFlow"


def test_token_is_fetched_once_for_all_threads_and_clients_with_the_credential(peer, make_client):
    peer.answer("GET", "/webhooks", envelope([]))
    clients = [make_client() for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: clients[n % 4].webhooks(), range(24)))
    assert len(peer.asked("GET", "/webhooks")) == 24
    assert len(peer.asked("POST", TOKEN)) == 1


def test_token_is_renewed_before_it_expires(peer, make_client):
    peer.answer("POST", TOKEN, bearer("first", 0.3), bearer("second"))
    peer.answer("GET", "/webhooks", envelope([]))
    client = make_client()
    client.webhooks()
    time.sleep(0.2)
    client.webhooks()
    assert [r["headers"]["authorization"] for r in peer.asked("GET", "/webhooks")] == ["Bearer first", "Bearer second"]


def test_refused_token_is_renewed_once_and_the_call_repeated_even_if_it_writes(peer, wiseflow):
    peer.answer("POST", TOKEN, bearer("old"), bearer("new"))
    peer.answer("PATCH", "/flows/1/activate", Reply("Unauthorized", 401), envelope())
    assert wiseflow.activate(1) is True
    calls = peer.asked("PATCH", "/flows/1/activate")
    assert [r["headers"]["authorization"] for r in calls] == ["Bearer old", "Bearer new"]


def test_second_refusal_of_a_token_is_an_error_that_names_the_credential(peer, wiseflow):
    peer.answer("GET", "/webhooks", Reply("Unauthorized", 401))
    with pytest.raises(WiseflowError) as caught:
        wiseflow.webhooks()
    assert caught.value.message.code == "remote.unauthorised"
    assert caught.value.permanent
    assert (len(peer.asked("GET", "/webhooks")), len(peer.asked("POST", TOKEN))) == (2, 2)


@pytest.mark.parametrize("status", [400, 401])
def test_wrong_client_secret_is_told_as_a_refused_credential(peer, wiseflow, status):
    peer.answer("POST", TOKEN, Reply({"error": "invalid_client", "error_description": "no"}, status))
    with pytest.raises(WiseflowError) as caught:
        wiseflow.webhooks()
    assert caught.value.message.code == "remote.unauthorised"
    assert len(peer.asked("POST", TOKEN)) == 1


def test_token_endpoint_that_fails_in_passing_is_asked_again(peer, wiseflow):
    peer.answer("POST", TOKEN, Reply({}, 503), bearer("late"))
    peer.answer("GET", "/webhooks", envelope([]))
    assert wiseflow.webhooks() == []


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(b"<html>Sign in</html>", headers={"Content-Type": "text/html"}), "remote.not_json"),
        (Reply({"token": "x"}), "wiseflow.unexpected"),
        (Reply(["x"]), "wiseflow.unexpected"),
        (Reply({"access_token": None}), "wiseflow.unexpected"),
    ],
)
def test_answer_that_holds_no_token_is_an_error_in_words(peer, wiseflow, reply, code):
    peer.answer("POST", TOKEN, reply)
    with pytest.raises(WiseflowError) as caught:
        wiseflow.webhooks()
    assert caught.value.message.code == code


def test_api_key_goes_in_its_own_header_and_no_token_is_asked_for(peer, make_client):
    peer.answer("GET", ROLES, envelope([{"roleId": 7, "name": "Participant", "isProtected": False}]))
    roles = make_client(kind="api_key", client_id="", secret=" liu-key\n").licence_roles()
    assert [(role.id, role.name) for role in roles] == [(7, "Participant")]
    (call,) = peer.requests
    assert call["headers"]["x-api-key"] == "liu-key"
    assert "authorization" not in call["headers"]


def test_refused_api_key_is_not_tried_again(peer, make_client):
    peer.answer("GET", ROLES, Reply("Unauthorized", 401))
    with pytest.raises(WiseflowError) as caught:
        make_client(kind="api_key").licence_roles()
    assert caught.value.message.code == "remote.unauthorised"
    assert len(peer.requests) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "bearer"},
        {"kind": "api_key", "secret": ""},
        {"kind": "api_key", "secret": "nyckel\nmed rad"},
        {"kind": "api_key", "secret": "nyckelå"},
        {"kind": "oauth_client", "client_id": ""},
    ],
)
def test_credential_that_cannot_be_used_is_refused_before_anything_is_sent(peer, make_client, options):
    with pytest.raises(WiseflowError) as caught:
        make_client(**options)
    assert caught.value.message.code == "remote.bad_credential"
    assert peer.requests == []
