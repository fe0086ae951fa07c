"""How a Ladok may answer an export: the bytes of it, and whether it has done the work.

A trick is a tuple, its name first, so that an attack can be printed and played again. None of them is a lie that is whole and agrees
with itself: such a one nobody could see through. What is not registered is never said to be in a way that proves it, and the
other way round.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from typing import Any

from ladokflow.ladok.answers import CLEAR_REFUSALS
from ladokflow.sandbox.answers import Call, Reply
from tests.attack.base import AttackSandbox, Bytes
from tests.raw import FRAMINGS, PACKINGS, answer_bytes

Trick = tuple[Any, ...]

# Whether the work is done in truth: DONE and NOT where the answer says the one, EITHER where it proves nothing.
DONE, NOT, EITHER = "done", "not", "either"

WORDS = {
    "plain": "Det gick inte att rapportera.",
    "already": "Resultatet är redan registrerat.",
    "wrong": "Ett oväntat fel inträffade.",
    "html": "<html><body><h1>Driftstopp</h1></body></html>",
    "empty": "",
    "brackets": "[" * 20_000,
}


def _body(successes: Any, failures: Any = 0, errors: Any = (), **more: Any) -> str:
    errors = list(errors) if isinstance(errors, tuple) else errors
    return json.dumps({"numberOfSuccess": successes, "numberOfErrors": failures, "errors": errors, **more})


def _named(names: list[str], info: Any = "Redan attesterat.") -> list[dict[str, Any]]:
    return [{"userId": name, "errorInfo": info} for name in names]


# Bodies of a 200, made of the names of those who were sent; with what is true when they are sent.
BODIES: dict[str, tuple[str, Callable[[list[str]], str]]] = {
    "all": (DONE, lambda names: _body(len(names))),
    "as text": (DONE, lambda names: _body(str(len(names)), "0")),
    "as float": (DONE, lambda names: _body(float(len(names)))),
    "none, all named": (NOT, lambda names: _body(0, len(names), _named(names, "Fel."))),
    "one too many": (EITHER, lambda names: _body(len(names) + 1)),
    "one too few": (EITHER, lambda names: _body(len(names) - 1) if len(names) > 1 else _body(7)),
    "negative": (EITHER, lambda names: _body(-len(names))),
    "true": (EITHER, lambda names: _body(True)),
    "surrogate": (EITHER, lambda names: '{"numberOfSuccess": "\\ud800", "numberOfErrors": 0, "errors": []}'),
    "infinite": (EITHER, lambda names: '{"numberOfSuccess": 1e400, "numberOfErrors": 0, "errors": []}'),
    "not a number": (EITHER, lambda names: '{"numberOfSuccess": NaN, "errors": []}'),
    "huge": (EITHER, lambda names: '{"numberOfSuccess": ' + "9" * 400 + ', "errors": []}'),
    "list": (EITHER, lambda names: "[]"),
    "object": (EITHER, lambda names: "{}"),
    "no errors": (EITHER, lambda names: '{"errors": []}'),
    "ok": (EITHER, lambda names: '{"ok": true}'),
    "key twice": (
        EITHER,
        lambda names: f'{{"numberOfSuccess": 0, "numberOfSuccess": {len(names)}, "numberOfErrors": 0, "errors": []}}',
    ),
    "stranger": (EITHER, lambda names: _body(len(names) - 1, 1, _named(["nobody-0000"]))),
    "null in errors": (EITHER, lambda names: _body(len(names) - 1, 1, [None])),
    "number in errors": (EITHER, lambda names: _body(len(names) - 1, 1, [17])),
    "errors of text": (EITHER, lambda names: _body(len(names), 0, "Något gick fel")),
    "all counted, all named": (EITHER, lambda names: _body(len(names), 0, _named(names))),
    "unsuccessful": (EITHER, lambda names: _body(len(names), 0, (), success=False)),
    "an error beside": (EITHER, lambda names: _body(len(names), 0, (), error="Rullades tillbaka")),
    "nul": (EITHER, lambda names: _body(len(names), 1, [{"userId": "a\0b", "errorInfo": "\0\ud800"}])),
    "brackets": (EITHER, lambda names: '{"errors": ' + "[" * 20_000),
    "html": (EITHER, lambda names: "<html><body>200 OK</body></html>"),
    "half": (EITHER, lambda names: '{"numberOfSuccess": '),
}

REFUSING = tuple(sorted(CLEAR_REFUSALS))
UNCLEAR = (402, 406, 408, 409, 412, 418, 423, 424, 425, 426, 428, 451)
OTHERS = (202, 203, 206, 208, 226, 300, 301, 302, 304, 307, 500, 502, 503, 504, 507, 599)
EMPTY = (200, 201, 204, 205)


def names_of(call: Call) -> list[str]:
    """What the people of an export are called in it."""
    rows = json.loads(call.content)["gradeExports"]
    return [next(str(row[key]) for key in ("studentUid", "liUID", "federeradIdentitet") if key in row) for row in rows]


def by_lot(rng: random.Random) -> Trick:
    chance = rng.random()
    if chance < 0.35:
        return ("cut", rng.choice(FRAMINGS), rng.choice((*PACKINGS, "twice")), round(rng.random(), 3))
    if chance < 0.60:
        return ("body", rng.choice(tuple(BODIES)), int(rng.random() < 0.7))
    if chance < 0.75:
        return ("status", rng.choice((*UNCLEAR, *OTHERS)), rng.choice(tuple(WORDS)), int(rng.random() < 0.7))
    if chance < 0.82:
        return ("refusal", rng.choice(REFUSING), rng.choice(("plain", "already", "html")))
    if chance < 0.90:
        return ("names", rng.choice((400, 409, 422, 200)), rng.randint(1, 2))
    if chance < 0.94:
        return ("nothing", rng.choice(EMPTY), rng.choice(("length", "close", "no head")))
    return (rng.choice(("lost", "never")),)


def perform(sandbox: AttackSandbox, trick: Trick) -> Callable[[Call, Callable[[], Reply]], Reply | None]:
    """What the sandbox does with the export, as `AttackSandbox.trick` takes it."""
    kind, options = trick[0], trick[1:]

    def play(call: Call, work: Callable[[], Reply]) -> Reply | None:
        return PLAYED[kind](sandbox, call, work, *options)

    return play


Work = Callable[[], Reply]


def _cut(_: AttackSandbox, call: Call, work: Work, framing: str, packing: str, share: float) -> Reply:
    """The right answer, of which so much comes."""
    body = _bytes(work())
    wire = (
        answer_bytes(gzip.compress(gzip.compress(body)), framing=framing, more="Content-Encoding: gzip, gzip\r\n")
        if packing == "twice"
        else answer_bytes(body, framing=framing, packing=packing)
    )
    return Bytes(wire=wire[: int(len(wire) * share)])


def _strange(_: AttackSandbox, call: Call, work: Work, name: str, works: int) -> Reply:
    truth, make = BODIES[name]
    is_done = truth == DONE or (truth == EITHER and works)
    if is_done and _refuses_some(work()) and truth == DONE:
        return Bytes()
    return Bytes(wire=answer_bytes(make(names_of(call)).encode("utf-8", "surrogatepass")))


def _status(_: AttackSandbox, call: Call, work: Work, status: int, words: str, works: int) -> Reply:
    if works:
        work()
    return Bytes(wire=answer_bytes(WORDS[words].encode(), status=status))


def _refusal(_: AttackSandbox, call: Call, work: Work, status: int, words: str) -> Reply:
    """One of those statuses by which nothing of a request is acted on: with words of "already" it may have been."""
    if words == "already":
        work()
    return Bytes(wire=answer_bytes(json.dumps({"message": WORDS[words]}).encode(), status=status))


def _names(_: AttackSandbox, call: Call, work: Work, status: int, count: int) -> Reply:
    """Some are refused by name, and the others registered, which a refusal does not say."""
    body = json.loads(call.content)
    names = names_of(call)[:count]
    kept = body["gradeExports"][count:]
    if kept:
        call.content = json.dumps(body | {"gradeExports": kept}).encode()
        if _refuses_some(work()):
            return Bytes()
    said: dict[str, Any] = {"errors": _named(names, "Betyget saknas i skalan.")}
    if status == 200:
        said |= {"numberOfSuccess": len(kept), "numberOfErrors": len(names)}
    return Bytes(wire=answer_bytes(json.dumps(said).encode(), status=status))


def _nothing(_: AttackSandbox, call: Call, work: Work, status: int, how: str) -> Reply:
    """No body: an answer only where the head says that there is none."""
    if _refuses_some(work()):
        return Bytes()
    head = f"HTTP/1.1 {status} OK\r\n"
    ends = {"length": "Content-Length: 0\r\n\r\n", "close": "\r\n", "no head": ""}[how]
    return Bytes(wire=(head + ends).encode())


def _lost(_: AttackSandbox, call: Call, work: Work) -> None:
    work()


def _never(_: AttackSandbox, call: Call, work: Work) -> None:
    pass


def _later(sandbox: AttackSandbox, call: Call, work: Work) -> None:
    """Ladok has the request, and goes on working when the connection is long gone: see `ladok_finishes`."""
    sandbox.unfinished.append(work)


PLAYED: dict[str, Callable[..., Reply | None]] = {
    "cut": _cut, "body": _strange, "status": _status, "refusal": _refusal, "names": _names, "nothing": _nothing,
    "lost": _lost, "never": _never, "later": _later,
}  # fmt: skip


def _bytes(reply: Reply) -> bytes:
    return reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()


def _refuses_some(reply: Reply) -> bool:
    """Then an answer that says otherwise would be a lie, and none comes."""
    return reply.status != 200 or bool(json.loads(_bytes(reply)).get("numberOfErrors"))
