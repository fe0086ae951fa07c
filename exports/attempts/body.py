"""The request of an export: its body, as bytes, and the key that a repeat of it is known by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from exports.rules.values import Sender
from ladokflow.ladok.base import GradeLine
from ladokflow.ladok.bodies import Body, build_body
from ladokflow.ladok.contents import differences
from ladokflow.messages import Refused, message
from sources.models import Flow, FlowSource


def body_of(flow: Flow, code: FlowSource, lines: Sequence[GradeLine], managers: Sequence[str]) -> bytes:
    """The university's own body, or the one that the source's expression builds.

    Refused where that gives none, and where the bytes do not hold each of the grades once: people are marked as sent by
    what is in the request.
    """
    document = {
        "id": flow.wiseflow_id,
        "code": code.code,
        "title": flow.title,
        "subtitle": flow.subtitle,
        "type": flow.flow_type,
    }

    def build(some: Sequence[GradeLine]) -> Body:
        return build_body(flow.source.rules, some, managers, flow.source.export_body, document)

    content = json.dumps(build(lines), ensure_ascii=False, allow_nan=False).encode()
    if found := differences(content, lines, build):
        first = lines[found.missing[0]] if found.missing else None
        facts = {
            "total": len(lines),
            "missing": len(found.missing),
            "extra": found.extra,
            "person": (first.organisation_id or first.unique_exam_id) if first else "–",
        }
        raise Refused(
            message("ladok.expression_loses" if flow.source.export_body.strip() else "ladok.body_differs", **facts)
        )
    return content


def managers_of(sender: Sender | None) -> list[str]:
    """The organisation ids that go with the grades: of who sends them, as far as it is known."""
    return [sender.organisation_id] if sender and sender.organisation_id else []


def may_hold_mark(flow: Flow) -> bool:
    """Whether a body may hold the assessor's grade beside an alternative one: a university's own holds the one that counts."""
    return bool(flow.source.export_body.strip())


def idempotency_key(flow: Flow, code: FlowSource, content: Iterable[tuple[GradeLine, int]]) -> str:
    """The same for the same content, whoever sends it and however often: the managers are not part of it.

    `content` is each line that is sent, with its generation (`ExportItem.generation`).
    """
    university = flow.source.rules
    has_marks = may_hold_mark(flow)
    lines = sorted(
        (
            *university.identifiers(line)[:1],
            line.grade,
            "alternative" if line.is_alternative else "",
            "" if line.points is None else f"{line.points.normalize():f}",
            str(generation),
            *([line.mark] if has_marks and line.mark else []),
        )
        for line, generation in content
    )
    text = json.dumps([flow.setup_mark, code.code, lines], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
