"""A message's code is the catalogue's own affair: what code has to know of a message stands beside the sentence, as a trait."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ladokflow.messages import CATALOGUE, Trait, message

ROOT = Path(__file__).parents[2]
ROOMS = ("ladokflow", "sources", "exports")
PLACEHOLDER = re.compile(r"%\((\w+)\)")
# What a value that is a message, or the JSON of one, is called
MESSAGE_NAME = re.compile(r"(^|_)(message|reason|refusal|told|why|refused)$")


def is_catalogue(path: Path) -> bool:
    return "messages" in path.parts or path.name in ("messages.py", "remote_answers.py")


def modules() -> list[Path]:
    found = [path.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    return [path for path in found if not is_catalogue(path) and "migrations" not in path.parts]


def uses(source: str) -> Iterator[tuple[int, str]]:
    """(line, what) for each place that looks at a message's code, or keeps codes to look at."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in CATALOGUE and not _fills_a_message(node, parents):
            yield node.lineno, f"{node.value!r} is looked at"
        elif isinstance(node, ast.keyword) and node.arg and re.search(r"(message|reason)__code", node.arg):
            yield node.value.lineno, f"filter by {node.arg}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "message__code" in node.value:
            yield node.lineno, "lookup of a message's code"
        elif _takes_code(node) and not _is_only_written(node, parents):
            yield getattr(node, "lineno", 0), "a message's code is asked for"


def _fills_a_message(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether the code is given to something that makes a message: as an argument, or out of a choice or a table."""
    parent = parents[node]
    if isinstance(parent, ast.Call):
        called = getattr(parent.func, "attr", getattr(parent.func, "id", ""))
        return node in parent.args and called not in ("startswith", "endswith", "count", "index", "has")
    if isinstance(parent, ast.IfExp):
        return node is not parent.test
    if isinstance(parent, ast.JoinedStr):
        return _fills_a_message(parent, parents)
    # A table's key is what a message is made of, too: who looks one up by a message's code is found by that.
    return isinstance(parent, ast.Dict)


def _takes_code(node: ast.AST) -> bool:
    """`error.message.code`, `export_message["code"]`, `flow.export_message.get("code")`."""
    if isinstance(node, ast.Attribute) and node.attr == "code":
        return bool(MESSAGE_NAME.search(_name(node.value)))
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value == "code":
        return bool(MESSAGE_NAME.search(_name(node.value)))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        first = node.args[0] if node.args else None
        is_code = isinstance(first, ast.Constant) and first.value == "code"
        return is_code and bool(MESSAGE_NAME.search(_name(node.func.value)))
    return False


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.BoolOp):
        return _name(node.values[0])
    return getattr(node, "attr", getattr(node, "id", ""))


def _is_only_written(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """In the log, or as the text of an exception: for operators, who search for it."""
    call = parents[node]
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    is_log = isinstance(call.func.value, ast.Name) and call.func.value.id == "logger"
    return is_log or call.func.attr == "__init__"


def test_nothing_outside_the_catalogues_looks_at_a_messages_code() -> None:
    found = [f"{path}:{line}: {what}" for path in modules() for line, what in uses((ROOT / path).read_text())]
    assert not found, "\n".join(["Ask for a Trait instead, or raise an error of its own kind:", *found])


def test_no_template_looks_at_a_messages_code() -> None:
    looks = re.compile(r"(message|reason|refusal|why|told)\.code\b")
    found = []
    for path in [*(ROOT / "templates").rglob("*.html"), *(ROOT / "templates").rglob("*.txt")]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if looks.search(line) or any(text in CATALOGUE for text in re.findall(r"[\"']([\w.]+)[\"']", line)):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert not found


@pytest.mark.parametrize(
    "line",
    [
        'if error.message.code == "ladok.unknown_code": pass',
        "if error.message.code in ASKING: pass",
        'MENDABLE = ("export.no_identifier", "export.identifier_shared")',
        'ASKING = frozenset({"sources.code_gone"})',
        'CHANGED = "export.some_changed"',
        'flows.filter(export_message__code="export.some_changed")',
        "flows.filter(export_message__code__in=UNDER_WAY)",
        'flows.exclude(**{"export_message__code": code})',
        'code = flow.export_message.get("code")',
        'code = (flow.export_message or {}).get("code", "")',
        'self.message.get("code", "").startswith("sources.brake")',
        'same = item.message["code"] == other',
        "codes = {why.code for why in reasons}",
        "count = sum(refusal.code in CODES for refusal in refusals)",
    ],
)
def test_the_search_finds_each_way_to_look_at_a_code(line: str) -> None:
    assert list(uses(line))


@pytest.mark.parametrize(
    "line",
    [
        'raise Refused(message("settle.not_open"))',
        'message("export.deactivated_by_hand" if by_hand else "export.deactivated")',
        'code = {401: "answer.unauthorised"}.get(status, "answer.refused")',
        'logger.info("export.not_started flow=%s reason=%s", flow.pk, refused.message.code)',
        "super().__init__(message.code)",
        "if exam.code in codes: pass",
        'row["code"] == asked',
    ],
)
def test_the_search_lets_messages_be_made_and_logged(line: str) -> None:
    assert not list(uses(line))


def test_each_trait_is_some_messages_and_none_is_a_text() -> None:
    assert {trait for sentence in CATALOGUE.values() for trait in sentence.traits} == set(Trait)
    assert all(isinstance(trait, Trait) for sentence in CATALOGUE.values() for trait in sentence.traits)


def calls() -> Iterator[Any]:
    """(where, code, names of the parameters) for each message that is made with all its parameters by name."""
    for path in modules():
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "message" or len(node.args) != 1:
                continue
            code, names = node.args[0], {keyword.arg for keyword in node.keywords}
            if isinstance(code, ast.Constant) and None not in names:
                yield f"{path}:{node.lineno}", code.value, names


def placeholders(code: str) -> set[str]:
    """What the sentence of a code is to be filled with, in the words of the source."""

    class Asked(dict[str, Any]):
        def __missing__(self, name: str) -> Any:
            self[name] = 1
            return 1

    sentence, asked = CATALOGUE[code], Asked()
    for text in (sentence.what, sentence.effect, sentence.todo):
        if text:
            str(text % asked)
    return set(asked)


def test_each_message_is_made_with_what_its_sentence_asks_for() -> None:
    """A sentence that cannot be filled is not shown, and nobody would notice."""
    found = [
        f"{where}: {code} lacks {', '.join(sorted(lacking))}"
        for where, code, names in calls()
        if (lacking := placeholders(message(code).code) - names)
    ]
    assert not found
