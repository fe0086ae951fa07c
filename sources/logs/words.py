"""What WISEflow's words in a log entry mean. Pure.

How an entry is built is published nowhere, and WISEflow says that it may change: each fact is looked for under the names that it has
been seen under, at any depth, and what is not found stays empty. The words for what was done are those of `POST /participation-events`
and of the marking audit trail.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import pgettext_lazy

from ladokflow.identifiers import normal
from ladokflow.messages import Text
from ladokflow.privacy import redact
from ladokflow.wiseflow.schemas import LogEntry as Raw
from sources.models import LogEntry

Kind = LogEntry.Kind
Hide = Callable[[str], str]

DEEPEST = 5
LONGEST_DETAIL = 4000
LONGEST_ACTION = 200
LONGEST_KEY = 200
HIDDEN = "…"

FLOW = ("flowid", "assignmentid", "flow.id")
PARTICIPANT = ("participantid", "participant.id")
USER = ("userid", "user.id", "triggeredby.userid", "actorid")
ACTION = ("action", "eventtype", "event", "logtype", "type", "message")
CONTEXT = ("context", "contexttype", "role")
# Whose values say who somebody is, where from, or what somebody wrote: none of it is needed to tell what happened
LEFT_OUT = re.compile(
    r"name|mail|phone|address|\bip|ip$|person|nationalid|ssn|civic|birth|token|password|secret|session|cookie|agent|externalid"
    r"|userdata|(?<!con)text|content|comment|answer|image|photo|url|link",
    re.I,
)
_WORD = re.compile(r"[A-Za-z][\w.:/-]*", re.ASCII)
_NAMED = re.compile(r"[\w\u0300-\u036f]+")  # a word, with the signs that its letters may be composed of
_EMAIL = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+\.\w+")
# In this order: the first that is found counts.
KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (Kind.WITHDRAWN, re.compile(r"withdraw|paper.?removed|submission.?removed", re.I)),
    (Kind.RECONNECTED, re.compile(r"re.?connect|back.?online|connection.?(restored|established)", re.I)),
    (Kind.DISCONNECTED, re.compile(r"disconnect|offline|connection.?lost|heartbeat.?(lost|missed)", re.I)),
    (
        Kind.HANDED_IN,
        # What is done, and no page, day or try of it; nor the type of flow that is called so. A submission is there once it is opened.
        re.compile(
            r"handed.?in|(?<!flow)hand.?in(?=\W*$|.?(success|done|complete|confirm))"
            r"|(paper|submission).?submitted|submi(t|tted).?(paper|submission)",
            re.I,
        ),
    ),
    (Kind.MARKED, re.compile(r"(?<!up)(?<!de)grade|rubric|score|assessment|marking", re.I)),
    (Kind.WROTE, re.compile(r"saved|autosave|typed|wrote|progress", re.I)),
    (Kind.OPENED, re.compile(r"open|accessed|enter|started|log.?in\b", re.I)),
)


# What did not happen is told by other words than what did; that somebody is cut off may well be an error.
_UNDONE = re.compile(
    r"(?<![a-z])(not|never|fail(ed|s|ure|ing)?|errors?|denied|rejected|refused|cancel(l?ed)?|abort(ed)?|attempted|trying"
    r"|could|cannot|can.t|unable|invalid|impossible)(?![a-z])"
)
_FAULT = re.compile(r"(?<![a-z])(fail(ed|ure)?|errors?|denied|rejected|refused|abort(ed)?|invalid)(?![a-z])", re.I)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
OUTCOME = ("status", "statuscode", "httpstatus", "result", "outcome")
FIRST_FAULT = 400  # of the numbers of HTTP
# What an action is called where more can be said than its kind. In this order, too.
ACTIONS: tuple[tuple[re.Pattern[str], Text], ...] = (
    (re.compile(r"\.finalized\.grade$"), pgettext_lazy("timeline", "Grade decided")),
    (re.compile(r"\.submit\.grade$"), pgettext_lazy("timeline", "Grade given")),
    (re.compile(r"\.remove\.grade$"), pgettext_lazy("timeline", "Grade taken away")),
    (re.compile(r"\.rubric$"), pgettext_lazy("timeline", "Marked by rubric")),
    (re.compile(r"^FLOW_ACTIVATED$"), pgettext_lazy("timeline", "Flow activated")),
)
ROLES: Mapping[str, Text] = {
    "participant": pgettext_lazy("timeline", "The student"),
    "assessor": pgettext_lazy("timeline", "Assessor"),
    "reviewer": pgettext_lazy("timeline", "Reviewer"),
    "administrator": pgettext_lazy("timeline", "Administrator"),
}


def in_words(kind: str, action: str) -> Text:
    """What an entry says, to a reader who does not know WISEflow's names."""
    return next((words for pattern, words in ACTIONS if pattern.search(action)), Kind(kind).label)


def role_in_words(action: str, context: str) -> Text:
    """As what somebody did it. A reviewer's marking has the context of an assessor's: the action says whose it is."""
    marker = action.partition(".audit.log.")[0]
    return ROLES.get(marker) or ROLES.get(context, context)


@dataclass(frozen=True)
class Read:
    """One entry, in our words. Numbers are None where it does not tell them."""

    key: str
    kind: str
    action: str
    context: str
    flow_id: int | None
    participant_id: int | None
    user_id: int | None
    content: Mapping[str, Any]


def read(entry: Raw) -> Read:
    facts = {name.lower(): value for name, value in _facts(entry.content)}
    said = [text for name in ACTION if isinstance(text := facts.get(name), str)]
    # A word of a program's. A sentence may name somebody: it says of what kind the entry is, and stands in the detail alone.
    action = redact(next((text for text in said if _WORD.fullmatch(text)), ""))[:LONGEST_ACTION]
    return Read(
        key=_key(entry),
        kind=Kind.OTHER if _went_wrong(facts) else _kind_of_all(said),
        action=action,
        context=_text(facts, CONTEXT)[:30],
        flow_id=_number(facts, FLOW),
        participant_id=_number(facts, PARTICIPANT),
        user_id=_number(facts, USER),
        content=entry.content,
    )


def kind_of(action: str) -> str:
    found = next((kind for kind, words in KINDS if words.search(action)), Kind.OTHER)
    return Kind.OTHER if found != Kind.DISCONNECTED and is_undone(action) else found


def is_undone(text: str) -> bool:
    """Whether it says that something did not happen."""
    return _UNDONE.search(_HUMP.sub(" ", text).lower()) is not None


def _kind_of_all(said: Iterable[str]) -> str:
    """Of the first text that tells one; none where that which stands before it says that it did not happen."""
    for text in said:
        kind = kind_of(text)
        if kind != Kind.OTHER or is_undone(text):
            return kind
    return Kind.OTHER


def _went_wrong(facts: Mapping[str, Any]) -> bool:
    if facts.get("success") is False:
        return True
    told = [facts.get(name) for name in OUTCOME]
    return any(
        _FAULT.search(each) is not None
        if isinstance(each, str)
        else isinstance(each, int) and FIRST_FAULT <= each < 600
        for each in told
    )


def _key(entry: Raw) -> str:
    """WISEflow's id of the entry. One without an id, or with an endless one, is known by what it says."""
    if entry.id and len(entry.id) <= LONGEST_KEY:
        return entry.id
    said = json.dumps([entry.id, entry.sort, entry.content], sort_keys=True, ensure_ascii=False, default=str)
    return f"sha256:{hashlib.sha256(said.encode()).hexdigest()}"


def key_apart(key: str, sort: int, flow_id: int | None) -> str:
    """Of an entry whose id another one has."""
    return f"sha256:{hashlib.sha256(json.dumps([key, sort, flow_id]).encode()).hexdigest()}"


def _facts(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every single value with its name, and with the name of what it stands in before it. The outermost ones count, so they come last."""
    if isinstance(value, Mapping) and depth < DEEPEST:
        inner = [(str(name), each) for name, each in value.items()]
        for name, each in inner:
            if isinstance(each, Mapping):
                yield from _facts(each, name, depth + 1)
        for name, each in inner:
            if not isinstance(each, Mapping | list):
                plain = name.replace("_", "")
                yield f"{path.replace('_', '')}.{plain}", each
                yield plain, each


def _text(facts: Mapping[str, Any], names: Iterable[str]) -> str:
    return next((text for name in names if isinstance(text := facts.get(name), str) and text.strip()), "").strip()


def _number(facts: Mapping[str, Any], names: Iterable[str]) -> int | None:
    for name in names:
        value = facts.get(name)
        if isinstance(value, str) and re.fullmatch(r"\d{1,18}", value.strip(), re.ASCII):
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
            return value
    return None


# --- What is kept of it ---------------------------------------------------------------------------------------------


def hiding(names: Iterable[str] | None) -> Hide:
    """What hides these names in a text. Word by word, so that a text takes no longer where many names are known. None: a university
    that hides names knows none that could be looked for, so no word is kept, but for numbers."""
    if names is None:
        return lambda text: _NAMED.sub(lambda word: word[0] if word[0].isdigit() else HIDDEN, text)
    known = {normal(word) for each in names for word in _NAMED.findall(each) if len(word) > 1}
    return lambda text: _NAMED.sub(lambda word: HIDDEN if normal(word[0]) in known else word[0], text)


def detail_of(content: Mapping[str, Any], hide: Hide | None = None) -> str:
    """The entry as JSON, without what says who somebody is: no e-mail address, no national id, and nothing that `hide` finds."""
    return json.dumps(_without(content, hide), ensure_ascii=False, sort_keys=True)[:LONGEST_DETAIL]


def _without(value: Any, hide: Hide | None, depth: int = 0) -> Any:
    if depth > DEEPEST:
        return HIDDEN
    if isinstance(value, Mapping):
        return {
            str(name): _without(each, hide, depth + 1) for name, each in value.items() if not LEFT_OUT.search(str(name))
        }
    if isinstance(value, list):
        return [_without(each, hide, depth + 1) for each in value[:50]]
    if isinstance(value, str):
        text = redact(_EMAIL.sub(HIDDEN, value))
        return hide(text) if hide else text
    return value
