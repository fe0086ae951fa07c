"""The request body of an export, as bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ladokflow.ladok.base import GradeLine
from ladokflow.ladok.bodies import build_body
from sources.models import Flow, FlowSource


def body_of(flow: Flow, code: FlowSource, lines: Sequence[GradeLine], managers: Sequence[str]) -> bytes:
    """The university's own body, or the one that the source's expression builds. Refused where that gives none."""
    document = {
        "id": flow.wiseflow_id,
        "code": code.code,
        "title": flow.title,
        "subtitle": flow.subtitle,
        "type": flow.flow_type,
    }
    body = build_body(flow.source.rules, lines, managers, flow.source.export_body, document)
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
