import itertools
import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import pytest

from ladokflow.wiseflow import WiseflowError, connection
from tests.wiseflow.conftest import Reply, envelope, refusal

FLOW = {"id": 5, "name": "TDDE01", "state": 0}


def test_answers_with_and_without_an_envelope_are_read_alike(peer, wiseflow):
    peer.answer("GET", "/flow/5", FLOW, envelope(FLOW))
    assert wiseflow.flow(5) == wiseflow.flow(5)


def test_read_that_fails_in_passing_is_tried_three_times_at_most(peer, wiseflow):
    peer.answer("GET", "/flow/5", Reply({}, 503), Reply(cut=True), FLOW)
    assert wiseflow.flow(5).id == 5
    peer.answer("GET", "/flow/6", Reply({}, 500))
    with pytest.raises(WiseflowError) as caught:
        wiseflow.flow(6)
    assert caught.value.message.code == "remote.server_error"
    assert len(peer.asked("GET", "/flow/6")) == 3


def test_search_by_post_is_a_read_and_is_tried_again(peer, wiseflow):
    peer.answer("POST", "/users/search", Reply({}, 502), envelope([]))
    assert wiseflow.search_users([(1, "a")]) == []


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply({}, 503), "remote.server_error"),
        (Reply(cut=True), "remote.cut"),
        (Reply(envelope(), delay=20), "remote.timeout"),
    ],
)
def test_write_is_never_repeated_when_it_may_have_been_done(peer, wiseflow, settings, reply, code):
    peer.answer("GET", "/webhooks", envelope([]))
    wiseflow.webhooks()  # signed in and connected: all the time there is goes to the writing
    if reply.delay:
        settings.REMOTE_TIMEOUT_SECONDS = 2
    peer.answer("PUT", "/flows/5/grading-scale", reply)
    with pytest.raises(WiseflowError) as caught:
        wiseflow.put_grading_scale(5, 3)
    assert caught.value.message.code == code
    assert not caught.value.permanent
    assert len(peer.asked("PUT", "/flows/5/grading-scale")) == 1


class Late(Exception):
    """Another worker has taken over."""


def test_right_before_each_writing_and_no_reading_it_is_looked_once_more(peer, make_client):
    looks = []
    client = make_client(last_look=lambda: looks.append(len(peer.asked("PUT", "/flows/5/grading-scale"))))
    peer.answer("GET", "/flow/5", FLOW)
    peer.answer("POST", "/users/search", envelope([]))
    client.flow(5)
    client.search_users([(1, "a")])
    assert looks == []
    peer.answer("PUT", "/flows/5/grading-scale", Reply({}, 429, {"Retry-After": "1"}), refusal(401), envelope())
    client.put_grading_scale(5, 3)
    assert looks == [0, 1, 2]


@pytest.mark.parametrize("is_connected", [False, True])
def test_what_the_last_look_raises_leaves_the_writing_undone(peer, make_client, is_connected):
    def look():
        raise Late

    client = make_client(last_look=look)
    peer.answer("GET", "/flow/5", FLOW)
    peer.answer("PUT", "/flows/5/grading-scale", envelope())
    if is_connected:
        client.flow(5)
    with pytest.raises(Late):
        client.put_grading_scale(5, 3)
    assert not peer.asked("PUT", "/flows/5/grading-scale")
    assert client.flow(5).id == 5


def test_write_that_was_turned_away_for_too_many_requests_is_sent_again(peer, wiseflow):
    peer.answer("PUT", "/flows/5/grading-scale", Reply({}, 429, {"Retry-After": "1"}), envelope())
    started = time.monotonic()
    wiseflow.put_grading_scale(5, 3)
    assert time.monotonic() - started >= 1
    assert len(peer.asked("PUT", "/flows/5/grading-scale")) == 2


def test_everybody_with_the_credential_waits_after_a_429(peer, make_client):
    peer.answer("GET", "/webhooks", Reply({}, 429, {"RateLimit-Reset": "2"}))
    peer.answer("GET", "/flow/5", FLOW)
    first, second = make_client(patience=0), make_client()
    stranger = make_client(client_id="somebody-else", patience=0)
    started = time.monotonic()
    with pytest.raises(WiseflowError) as caught:
        first.webhooks()
    assert caught.value.message.code == "wiseflow.busy"
    assert stranger.flow(5).id == 5  # who has no patience goes only where there is nothing to wait for
    assert second.flow(5).id == 5
    assert time.monotonic() - started >= 2


def test_wait_that_is_too_long_is_told_at_once_with_its_length(peer, make_client):
    peer.answer("GET", "/webhooks", Reply({}, 429, {"Retry-After": "600"}))
    client, started = make_client(patience=30), time.monotonic()
    with pytest.raises(WiseflowError) as caught:
        client.webhooks()
    assert time.monotonic() - started < 25
    assert caught.value.message.code == "wiseflow.busy"
    assert 570 <= caught.value.message.params["seconds"] <= 600
    assert not caught.value.permanent


def test_success_false_in_a_200_is_a_refusal_in_wiseflows_own_words(peer, wiseflow):
    error = {"code": 400, "message": "The licence is closed", "errors": []}
    peer.answer("GET", "/webhooks", {"success": False, "data": None, "error": error})
    with pytest.raises(WiseflowError) as caught:
        wiseflow.webhooks()
    assert caught.value.message.params["detail"] == "The licence is closed"


@pytest.mark.parametrize("body", [b"<!doctype html><p>Maintenance</p>", b"", b'[{"id": 1', b"\xff\xfe"])
def test_answer_that_is_not_json_is_told_as_such(peer, wiseflow, body):
    peer.answer("GET", "/webhooks", Reply(body, headers={"Content-Type": "text/html; charset=utf-8"}))
    with pytest.raises(WiseflowError) as caught:
        wiseflow.webhooks()
    assert caught.value.message.code == "remote.not_json"
    assert caught.value.message.params["detail"] == "text/html"


def test_answer_of_another_shape_tells_where_and_the_trace_id_but_not_the_value(peer, wiseflow):
    peer.answer("GET", "/webhooks", envelope([{"id": 1}, {"id": "19900101-2392"}]))
    with pytest.raises(WiseflowError) as caught:
        wiseflow.webhooks()
    assert caught.value.message.code == "wiseflow.unexpected"
    assert caught.value.reference == "trace-7"
    assert "1.id" in str(caught.value)
    assert "19900101" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "code"), [("Flow is archived", "wiseflow.not_allowed"), ("", "wiseflow.not_allowed_unsaid")]
)
def test_403_is_about_the_flow_and_not_about_the_token(peer, wiseflow, text, code):
    peer.answer("PUT", "/flows/5/grading-scale", refusal(403, text))
    with pytest.raises(WiseflowError) as caught:
        wiseflow.put_grading_scale(5, 3)
    assert caught.value.message.code == code
    assert (caught.value.status, caught.value.reference) == (403, "trace-7")


def test_redirect_is_not_followed(peer, wiseflow):
    peer.answer("GET", "/flow/5", Reply(b"", 302, {"Location": "http://127.0.0.1:1/steal"}))
    with pytest.raises(WiseflowError) as caught:
        wiseflow.flow(5)
    assert caught.value.status == 302


def test_log_holds_ids_and_the_trace_but_nothing_of_a_person_or_a_secret(peer, wiseflow, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("ladokflow"), "propagate", True)
    peer.answer("POST", "/license/user", refusal(400, "bad"))
    with caplog.at_level(logging.DEBUG), pytest.raises(WiseflowError):
        wiseflow.save_user(first_name="Åsa", last_name="Öberg", external_ids=[(2, "19900101-2392")], roles=[1])
    assert "path=/license/user status=400 trace=trace-7" in caplog.text
    for secret in ("Öberg", "19900101", "s3cret", "token-1"):
        assert secret not in caplog.text


def test_licence_look_ups_are_read_once_per_client(peer, wiseflow):
    peer.answer("GET", "/license/grading-scales", envelope([{"id": 1, "name": "U-G"}]))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: wiseflow.grading_scales(), range(8)))
    assert len(peer.asked("GET", "/license/grading-scales")) == 1


# --- Pages -------------------------------------------------------------------------------------------------------


def row(number):
    return {"participantId": number, "userId": number, "activated": True, "user": {"firstName": "A", "lastName": "B"}}


def page(first, count, **facts):
    return envelope([row(n) for n in range(first, first + count)], **({"pagination": facts} if facts else {}))


def queries(peer):
    return [request["query"] for request in peer.asked("GET", "/flows/5/participants")]


def test_pages_are_read_until_the_total_and_not_beyond(peer, wiseflow):
    pages = [page(0, 100, limit=100, offset=0, total=200), page(100, 100, limit=100, offset=100, total=200)]
    peer.answer("GET", "/flows/5/participants", *pages, Reply({}, 500))
    assert len(wiseflow.participants(5)) == 200
    assert queries(peer) == ["offset=0&limit=100", "offset=100&limit=100"]


def test_pages_without_a_total_are_read_until_a_short_one(peer, wiseflow):
    peer.answer("GET", "/flows/5/participants", page(0, 100), page(100, 3))
    assert len(wiseflow.participants(5)) == 103


def test_peer_that_gives_smaller_pages_than_asked_for_is_read_to_the_end(peer, wiseflow):
    pages = [page(n, 50, limit=50, total=120) for n in (0, 50)] + [page(100, 20, limit=50, total="120")]
    peer.answer("GET", "/flows/5/participants", *pages)
    assert len(wiseflow.participants(5)) == 120
    assert queries(peer)[1:] == ["offset=50&limit=100", "offset=100&limit=100"]


def test_total_that_is_never_reached_does_not_go_on_for_ever(peer, wiseflow):
    peer.answer("GET", "/flows/5/participants", page(0, 2, total=5), page(2, 0, total=5))
    assert len(wiseflow.participants(5)) == 2


def test_participant_who_moves_between_pages_comes_once(peer, wiseflow):
    peer.answer("GET", "/flows/5/participants", page(0, 100, total=150), page(99, 50, total=150))
    assert len(wiseflow.participants(5)) == 149


def offset_of(request):
    return int(parse_qs(request["query"])["offset"][0])


def test_pages_of_a_long_list_are_asked_for_together_and_come_in_their_order(peer, wiseflow):
    together = threading.Barrier(4, timeout=60)  # a page that is alone breaks it

    def answer(request):
        first = offset_of(request)
        if first >= 200:
            together.wait()
        return Reply(page(first, 100, limit=100, total=600), delay=(600 - first) / 5000)

    peer.answer("GET", "/flows/5/participants", answer)
    assert [person.id for person in wiseflow.participants(5)] == list(range(600))
    assert not together.broken
    assert sorted(map(offset_of, peer.asked("GET", "/flows/5/participants"))) == list(range(0, 600, 100))


def test_list_that_changes_its_length_meanwhile_is_read_from_there(peer, wiseflow):
    def answer(request):
        first = offset_of(request)
        return page(first, 70, limit=100, total=670) if first == 300 else page(first, min(100, 670 - first), total=670)

    peer.answer("GET", "/flows/5/participants", answer)
    assert [person.id for person in wiseflow.participants(5)] == list(range(670))
    assert {370, 470, 570} <= set(map(offset_of, peer.asked("GET", "/flows/5/participants")))


def test_page_that_fails_among_others_is_told(peer, wiseflow):
    def answer(request):
        return refusal(403, "no") if offset_of(request) == 400 else page(offset_of(request), 100, total=1000)

    peer.answer("GET", "/flows/5/participants", answer)
    with pytest.raises(WiseflowError) as caught:
        wiseflow.participants(5)
    assert caught.value.status == 403


def test_many_identifiers_are_looked_up_together(peer, wiseflow):
    together = threading.Barrier(3, timeout=60)

    def answer(request):
        together.wait()
        values = [row["value"] for row in json.loads(request["body"])["dataTypes"]]
        return envelope([{"id": int(value)} for value in values], pagination={"limit": 100, "total": len(values)})

    peer.answer("POST", "/users/search", answer)
    found = wiseflow.search_users((1, str(number)) for number in range(300))
    assert [user.id for user in found] == list(range(300))
    assert len(peer.asked("POST", "/users/search")) == 3


# Ways in which a list does not come to an end.
SAME = page(0, 100, limit=100, total=450)


@pytest.mark.parametrize(
    "pages",
    [
        [SAME],
        [page(0, 100)],
        [page(0, 100, limit=100, total=-1)],
        [page(0, 100, limit=100, total="very many")],
        [page(0, 100, limit=100, total=10**15)],
        [page(0, 100, limit=100, total=250), page(100, 100, limit=100, total=250), SAME],
        [page(0, 100), page(100, 100), page(0, 100)],
        [page(0, 1, limit=1, total=450)],
        [page(0, 100, limit=1, total=0)],
    ],
    ids=itertools.count(),
)
def test_list_that_gives_nothing_new_is_ended_with_a_sentence(peer, wiseflow, pages):
    peer.answer("GET", "/flows/5/participants", *pages)
    with pytest.raises(WiseflowError) as caught:
        wiseflow.participants(5)
    assert (caught.value.message.code, caught.value.permanent, caught.value.reference) == (
        "wiseflow.endless",
        True,
        "trace-7",
    )
    assert len(queries(peer)) == len(pages) + (len(pages) == 1)


@pytest.mark.parametrize("limit", ["MAX_PAGES", "MAX_ROWS", "MAX_LIST_BYTES"])
def test_list_with_something_new_on_every_page_is_ended_too(peer, wiseflow, monkeypatch, limit):
    monkeypatch.setattr(connection, limit, {"MAX_PAGES": 5, "MAX_ROWS": 500, "MAX_LIST_BYTES": 50_000}[limit])
    pages = [page(first, 100, limit=100, total=first + 101) for first in range(0, 2000, 100)]
    peer.answer("GET", "/flows/5/participants", *pages)
    with pytest.raises(WiseflowError) as caught:
        wiseflow.participants(5)
    assert caught.value.message.code == "wiseflow.endless"
    assert len(queries(peer)) <= 6


def test_part_of_an_answer_is_told_and_not_read(peer, wiseflow):
    peer.answer("GET", "/flow/5", Reply(FLOW, 206))
    with pytest.raises(WiseflowError) as caught:
        wiseflow.flow(5)
    assert (caught.value.message.code, caught.value.status) == ("remote.refused_unsaid", 206)


def test_key_that_comes_twice_is_told(peer, wiseflow):
    peer.answer("GET", "/flow/5", Reply(b'{"id": 5, "id": 6}'))
    with pytest.raises(WiseflowError) as caught:
        wiseflow.flow(5)
    assert (caught.value.message.code, caught.value.reference) == ("remote.repeated", "trace-7")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"id": 5, "state": 0, "deep": ' + b"[" * 64 + b"]" * 64 + b"}",
        b'{"id": NaN}',
        b'{"id": 99999999999999999999}',
        '{"id": 5, "name": "å"}'.encode("latin-1"),
        b'{"id": "99999999999999999999", "name": "x", "state": 0}',
    ],
    ids=repr,
)
def test_what_no_column_holds_is_told(peer, wiseflow, body):
    peer.answer("GET", "/flow/5", Reply(body))
    with pytest.raises(WiseflowError) as caught:
        wiseflow.flow(5)
    assert caught.value.message.code in ("remote.not_json", "wiseflow.unexpected")


def test_what_no_database_takes_is_left_out_of_texts(peer, wiseflow):
    peer.answer("GET", "/flow/5", Reply(json.dumps(FLOW | {"name": "T\0DD\ud800E01"}).encode()))
    assert wiseflow.flow(5).title == "TDDE01"


def test_what_is_not_deeper_than_anybody_would_send_is_read(peer, wiseflow):
    peer.answer("GET", "/flow/5", Reply(b'{"id": 5, "state": 0, "deep": ' + b"[" * 63 + b"]" * 63 + b"}"))
    assert wiseflow.flow(5).id == 5


@pytest.mark.parametrize("asked", ["86400", "1e300", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_wait_of_a_day_is_not_waited_for_and_ends_sooner_for_the_others(peer, make_client, asked):
    peer.answer("GET", "/webhooks", Reply({}, 429, {"Retry-After": asked}))
    started = time.monotonic()
    with pytest.raises(WiseflowError) as caught:
        make_client(patience=60).webhooks()
    assert time.monotonic() - started < 50
    assert caught.value.message.code in ("wiseflow.busy", "remote.too_many_requests")
    assert caught.value.message.params["seconds"] <= 600
