"""JMESPath within bounds: an expression is written by a licence admin and evaluated by the process that serves everybody.

A few hundred characters can ask for more than a machine has, for what is put into a list twice, and that list twice again, doubles
with every step, and is compared, joined or written out as large as it seems. So the length and depth of an expression are bounded; each
step is counted; each value has a size, that of the JSON it would be; and steps and sizes come out of one allowance, which grows with the document.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jmespath
from jmespath.visitor import TreeInterpreter

LONGEST_EXPRESSION = 4000  # characters
DEEPEST_EXPRESSION = 60  # levels of its parts in each other
ALLOWANCE, ALLOWANCE_PER_SIZE = 200_000, 40
SIGNS_PER_SIZE = 16


class TooMuch(Exception):
    """The expression is larger, or asks for more, than any body needs."""


def parse(expression: str) -> Any:
    """TooMuch, or what the library raises: JMESPathError, RecursionError."""
    if len(expression) > LONGEST_EXPRESSION:
        raise TooMuch
    parsed = jmespath.compile(expression).parsed
    if _depth(parsed) > DEEPEST_EXPRESSION:
        raise TooMuch
    return parsed


def evaluate(parsed: Any, document: Any) -> Any:
    """TooMuch, or what the library raises: JMESPathError, and Python's own errors out of some functions."""
    return _Bounded(document).visit(parsed, document)


def _depth(node: Any) -> int:
    """Of an expression as it was parsed, level by level."""
    level, depth = [node], 0
    while level:
        depth += 1
        level = [child for each in level for child in each.get("children", ()) if isinstance(child, dict)]
    return depth


class _Bounded(TreeInterpreter):
    """What it has measured it keeps: a value that goes in many times is looked through once."""

    def __init__(self, document: Any) -> None:
        super().__init__()
        self._sizes: dict[int, tuple[Any, int]] = {}
        self._left = self._largest = float("inf")
        self._left = self._largest = ALLOWANCE + ALLOWANCE_PER_SIZE * self._size(document)

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._take(1)
        return super().visit(node, *args, **kwargs)

    def _take(self, much: float) -> None:
        self._left -= much
        if self._left < 0:
            raise TooMuch

    def _size(self, value: Any) -> int:
        if isinstance(value, str):
            return 1 + len(value) // SIGNS_PER_SIZE
        if not isinstance(value, dict | list):
            return 1
        known = self._sizes.get(id(value))
        if known is None:
            inner = value.values() if isinstance(value, dict) else value
            known = value, 1 + sum(map(self._size, inner))
            self._sizes[id(value)] = known  # with the value itself, or another could come to have its id
        if known[1] > self._largest:
            raise TooMuch
        return known[1]

    def _made(self, value: Any) -> Any:
        """A list or object that was put together anew."""
        self._size(value)
        self._take(len(value) if isinstance(value, dict | list) else 0)
        return value

    def visit_comparator(self, node: Any, value: Any) -> Any:
        left, right = (self.visit(child, value) for child in node["children"])
        self._take(min(self._size(left), self._size(right)))
        plain: Any = {"type": "comparator", "value": node["value"], "children": [_literal(left), _literal(right)]}
        return super().visit_comparator(plain, value)

    def visit_function_expression(self, node: Any, value: Any) -> Any:
        arguments = [self.visit(child, value) for child in node["children"]]
        sizes = [self._size(argument) for argument in arguments]
        self._take(sum(sizes))
        if node["value"] == "join" and len(arguments) == 2 and isinstance(arguments[1], list):
            self._take(sizes[0] * len(arguments[1]))
        result = self._functions.call_function(node["value"], arguments)  # type: ignore[attr-defined]
        self._take(self._size(result))
        return result


def _literal(value: Any) -> dict[str, Any]:
    return {"type": "literal", "value": value, "children": []}


def _measured(name: str) -> Callable[[_Bounded, Any, Any], Any]:
    def visit(self: _Bounded, node: Any, value: Any) -> Any:
        return self._made(getattr(super(_Bounded, self), name)(node, value))

    return visit


for _kind in (
    "multi_select_dict",
    "multi_select_list",
    "flatten",
    "slice",
    "projection",
    "value_projection",
    "filter_projection",
):
    setattr(_Bounded, f"visit_{_kind}", _measured(f"visit_{_kind}"))
