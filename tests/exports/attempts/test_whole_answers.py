"""Only a whole answer is an answer: over a socket, cut at every byte, in every framing and packing, and of every shape."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports.attempts.answer import Reading, read_answer
from ladokflow import response
from ladokflow.http import build_client, exchange
from ladokflow.response import Answer, NoAnswer, NotData
from tests.raw import EVERY_FORM, FRAMINGS, PACKINGS, RawServer, answer_bytes, chunked, serving

SENT = [frozenset({"900001"}), frozenset({"900002", "annan12"}), frozenset({"900003"})]
ALL = {"numberOfSuccess": 3, "numberOfErrors": 0, "errors": []}
SOME = {"numberOfSuccess": 2, "numberOfErrors": 1, "errors": [{"userId": "annan12", "errorInfo": "Övning"}]}


@pytest.fixture
def server() -> Iterator[RawServer]:
    yield from serving()


Ask = Callable[[bytes], Answer | NoAnswer]


@pytest.fixture
def ask(server: RawServer) -> Iterator[Ask]:
    """What comes of a request that is answered with these bytes and then hung up on. One request each, always."""
    client = build_client()

    def send(data: bytes) -> Answer | NoAnswer:
        server.answer = data
        before = len(server.requests)
        came = exchange(client, "POST", f"{server.url}/x", body=b"{}", headers={"Connection": "close"}, seconds=20)
        assert len(server.requests) == before + 1
        return came

    yield send
    client.close()


def letters(reading: Reading) -> str:
    return "".join(item.state[0] for item in reading.items)


def states(came: Answer | NoAnswer) -> str:
    return letters(read_answer(came, SENT))


def encoded(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


@pytest.mark.parametrize(("framing", "packing"), EVERY_FORM)
def test_whole_answer_counts_in_every_form(ask: Ask, framing: str, packing: str) -> None:
    assert states(ask(answer_bytes(encoded(ALL), framing=framing, packing=packing))) == "eee"
    assert states(ask(answer_bytes(encoded(SOME), framing=framing, packing=packing))) == "efe"


@pytest.mark.parametrize("body", [ALL, SOME], ids=["all", "some"])
@pytest.mark.parametrize(("framing", "packing"), EVERY_FORM)
def test_answer_cut_at_any_byte_proves_nothing(ask: Ask, framing: str, packing: str, body: Any) -> None:
    whole = answer_bytes(encoded(body), framing=framing, packing=packing)
    for size in range(len(whole)):
        assert states(ask(whole[:size])) == "uuu", whole[:size]


@pytest.mark.parametrize("status", [200, 201, 204, 205])
def test_empty_answer_cut_at_any_byte_proves_nothing(ask: Ask, status: int) -> None:
    whole = answer_bytes(b"", status=status)
    assert states(ask(whole)) == "eee"
    for size in range(len(whole)):
        assert states(ask(whole[:size])) == "uuu", whole[:size]


HEAD = b"HTTP/1.1 200 OK\r\n"
EMPTY_GZIP = gzip.compress(b"", mtime=0)


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
        HEAD + b"Content-Encoding: gzip\r\n\r\n",
        HEAD + b"Content-Encoding: gzip\r\n\r\n" + EMPTY_GZIP[:10],
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\n" + EMPTY_GZIP[:10],
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 18\r\n\r\n" + EMPTY_GZIP[:18],
        HEAD + b"Content-Encoding: deflate\r\nContent-Length: 2\r\n\r\n" + zlib.compress(b"")[:2],
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Content-Length: 0\r\n\r\n" + encoded({"numberOfSuccess": 0, "numberOfErrors": 3}),
        b"HTTP/1.1 204 No Content\r\n\r\n" + encoded({"numberOfSuccess": 0, "numberOfErrors": 3}),
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 206 Partial Content\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"",
    ],
)
def test_empty_answer_that_does_not_say_so_proves_nothing(ask: Ask, data: bytes) -> None:
    assert states(ask(data)) == "uuu"


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_packed_answer_with_a_wrong_checksum_or_more_behind_it_proves_nothing(
    ask: Ask, server: RawServer, framing: str, packing: str
) -> None:
    packed = PACKINGS[packing](encoded(ALL))
    for broken in (packed[:-1] + bytes([packed[-1] ^ 1]), packed + b"{}"):
        head = HEAD + f"Content-Encoding: {packing}\r\n".encode()
        if framing == "length":
            head += f"Content-Length: {len(broken)}\r\n".encode()
        if framing == "chunks":
            head += b"Transfer-Encoding: chunked\r\n"
        assert states(ask(head + b"\r\n" + (chunked(broken) if framing == "chunks" else broken))) == "uuu"


def test_gzip_in_parts_is_read_to_the_last(ask: Ask) -> None:
    body = encoded(SOME)
    packed = gzip.compress(body[:20]) + gzip.compress(body[20:])
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    assert states(ask(head + packed)) == "efe"
    packed = gzip.compress(b"") * 50_000
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    assert ask(head + packed) == NoAnswer("garbled", sent=True, detail="bytes after the end")


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip,deflate", "br", "zstd", "compress", "x", "deflate, br, gzip"])
def test_answer_packed_twice_or_in_a_way_that_was_not_asked_for_is_not_opened(ask: Ask, encoding: str) -> None:
    bomb = gzip.compress(gzip.compress(bytes(3_000_000)))
    came = ask(HEAD + f"Content-Encoding: {encoding}\r\nContent-Length: {len(bomb)}\r\n\r\n".encode() + bomb)
    assert isinstance(came, NoAnswer)
    assert (came.kind, came.sent) == ("garbled", True)
    assert read_answer(came, SENT).message.code == "answer.garbled"


@pytest.mark.parametrize("encoding", ["", "identity", "gzip, identity", "x-gzip", "GZIP"])
def test_one_layer_may_be_called_by_any_of_its_names(ask: Ask, encoding: str) -> None:
    packed = gzip.compress(encoded(ALL)) if "gzip" in encoding.lower() else encoded(ALL)
    head = HEAD + f"Content-Encoding: {encoding}\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    assert states(ask(head + packed)) == "eee"


@pytest.mark.parametrize("packing", ["plain", "gzip", "deflate", "raw-deflate"])
def test_answer_that_is_too_large_is_told_before_it_is_all_there(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, packing: str
) -> None:
    monkeypatch.setattr(response, "MAX_BODY_BYTES", 100_000)  # the setting of a limit, not our code
    for framing in FRAMINGS:
        came = ask(answer_bytes(bytes(100_001), framing=framing, packing=packing))
        assert came == NoAnswer("oversized", sent=True, detail="100000")
        came = ask(answer_bytes(bytes(100_000), framing=framing, packing=packing))
        assert isinstance(came, Answer)
        assert len(came.body) == 100_000
    assert read_answer(NoAnswer("oversized", sent=True), SENT).message.code == "answer.oversized"


# --- What the JSON holds


@pytest.mark.parametrize(
    "body",
    [
        b'{"numberOfSuccess": "\\ud800", "numberOfErrors": 0}',
        b'{"numberOfSuccess": 3, "numberOfSuccess": 3, "numberOfErrors": 0}',
        b'{"numberOfSuccess": NaN}',
        b'{"numberOfSuccess": Infinity, "errors": []}',
        b'{"numberOfSuccess": 3, "x": 1e400}',
        b'{"numberOfSuccess": 3, "x": 99999999999999999999}',
        b'{"numberOfSuccess": 3, "x": ' + b"9" * 100_000 + b"}",
        b'{"numberOfSuccess": 3, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"numberOfSuccess": 3, "x": ' + b"[" * 70 + b"]" * 70 + b"}",
        b'{"numberOfSuccess": 3, "x": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        b'{"numberOfSuccess": 3, "x": [' + b"[]," * 2_000_000 + b"[]]}",
        b'{"numberOfSuccess": 3, "x": "\xed\xa0\x80"}',
        '{"numberOfSuccess": 3, "x": "å"}'.encode("latin-1"),
        encoded(ALL) + b"\0",
        encoded(ALL) * 2,
    ],
    ids=lambda body: repr(body[:60]),
)
@pytest.mark.parametrize("status", [200, 500])
def test_body_without_bounds_is_one_clear_sentence(ask: Ask, body: bytes, status: int) -> None:
    reading = read_answer(ask(answer_bytes(body, status=status, framing="length")), SENT)
    assert letters(reading) == "uuu"
    assert reading.message.code in ("answer.not_json", "answer.repeated", "answer.wrong_numbers", "answer.server_error")


def test_nothing_that_is_told_holds_what_no_database_takes(ask: Ask) -> None:
    for status in (200, 400, 409, 500):
        for words in ("\ud800", "a\0b", "\udfff\0", "å" * 2000, "\x1b[31m"):
            body = {
                "numberOfSuccess": 2,
                "numberOfErrors": 1,
                "errors": [{"userId": "900001", "errorInfo": words}],
                "message": words,
                words: words,
            }
            for part in (body, {"message": words}, {"numberOfSuccess": words, "errors": []}):
                reading = read_answer(ask(answer_bytes(json.dumps(part).encode(), status=status)), SENT)
                for told in (reading.message, *(item.message for item in reading.items if item.message)):
                    stored = json.dumps(told.to_json())
                    assert not {"\\u0000", "\\ud800", "\\udfff"} & {stored[n : n + 6] for n in range(len(stored))}
                    assert str(told).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON | st.text(st.characters(exclude_categories=()), max_size=8))
def test_json_that_is_read_can_be_stored_anywhere(value: Any) -> None:
    try:
        read = Answer(200, {}, json.dumps(value).encode()).json()
    except NotData:
        return
    stored = json.dumps(read, allow_nan=False, ensure_ascii=False)
    assert "\0" not in stored
    assert "\\u0000" not in stored.replace("\\\\", "")
    assert stored.encode()


@settings(deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["", "application/json; charset=windows-1252", "charset=latin1"]))
def test_no_body_makes_reading_fail_in_any_other_way(body: bytes, kind: str) -> None:
    came = Answer(200, {"content-type": kind}, body)
    came.text.encode()
    try:
        came.json()
    except NotData:
        return


# --- Whatever the bytes

HEAD_ONLY = (204, 304)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(EVERY_FORM),
    st.sampled_from([200, 201, 202, 203, 204, 205, 206, 207, 226, 304, 400, 404, 409, 422, 500]),
    st.sampled_from([encoded(ALL), encoded(SOME), b"", b"{}", b'{"errors": []}', b"OK"]),
    st.integers(0, 2**32),
)
def test_exported_is_only_said_of_an_answer_that_was_not_touched(
    ask: Ask, form: tuple[str, str], status: int, body: bytes, seed: int
) -> None:
    """Cut off anywhere, or packed and with one bit turned: the checksum holds the second."""
    framing, packing = form
    if status in HEAD_ONLY:  # whatever comes after the head is none of the answer's
        body, framing, packing = b"", "length", "plain"
    whole = answer_bytes(body, status=status, framing=framing, packing=packing)
    chance = random.Random(seed)
    place = chance.randrange(len(whole))
    cut = states(ask(whole[:place]))
    assert "e" not in cut
    assert cut == "uuu"
    if packing in ("gzip", "deflate") and body:
        start = whole.index(b"\r\n\r\n") + 4
        place = chance.randrange(start, len(whole))
        turned = whole[:place] + bytes([whole[place] ^ (1 << chance.randrange(8))]) + whole[place + 1 :]
        came = ask(turned)
        # The checksum holds: either the very body, or nothing of it.
        assert not isinstance(came, Answer) or came.body in (body, b"")
        if isinstance(came, Answer) and not came.body:
            assert "e" not in states(came) or not body
