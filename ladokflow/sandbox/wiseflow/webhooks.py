"""Webhooks as a client sees them: registered with a secret that is given once, looked at, changed, tested, removed."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ladokflow.sandbox.answers import Call, Refusal, Reply
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import body_of, envelope, iso, route
from ladokflow.sandbox.wiseflow.calls import catch_up, queue

EVENTS = (
    "ALTERNATIVE_GRADE", "ASSESSMENT", "ASSIGNMENT", "FINAL_GRADE", "FLOW_EXTERNAL_SOURCE", "FLOW_PERIOD_UPDATED",
    "FLOW_STATE_UPDATED", "PAPER_SUBMITTED",
)  # fmt: skip
MOST_WEBHOOKS = 10


def _shape(webhook: dict[str, Any]) -> dict[str, Any]:
    shown = {key: webhook[key] for key in ("id", "title", "url", "active", "events")}
    return shown | {"createdAt": iso(webhook["created"]), "updatedAt": iso(webhook["updated"])}


def _fields(call: Call) -> dict[str, Any]:
    kinds = {"secret": "text", "title": "text", "url": "text", "active": "yes-no", "events": "list"}
    body = body_of(call, "title", "url", "active", "events", **kinds)
    if set(body["events"]) - set(EVENTS) or urlsplit(body["url"]).scheme not in ("http", "https"):
        raise Refusal(400, "Unknown event or address")
    return {key: body[key] for key in ("title", "url", "active", "events")}


def _own(state: State, licence: dict[str, Any]) -> list[dict[str, Any]]:
    return [webhook for webhook in state.data["wiseflow"]["webhooks"].values() if webhook["licence"] == licence["name"]]


def _one(state: State, call: Call, licence: dict[str, Any]) -> dict[str, Any]:
    found = state.data["wiseflow"]["webhooks"].get(call.parts["webhookId"])
    if found is None or found["licence"] != licence["name"]:
        raise Refusal(404, "Webhook not found")
    return found


@route("GET", "/webhooks")
def several(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope([_shape(webhook) for webhook in _own(state, licence)])


@route("POST", "/webhooks")
def create(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    fields = _fields(call)
    secret = call.body.get("secret")
    if not secret:
        raise Refusal(400, "A secret is required")
    if len(_own(state, licence)) >= MOST_WEBHOOKS:
        raise Refusal(400, "The license has as many webhooks as it may have")
    now = int(state.now())
    catch_up(state, licence["name"])
    webhook = {
        "id": state.next_id("row"),
        "licence": licence["name"],
        "secret": secret,
        **fields,
        "created": now,
        "updated": now,
    }
    state.data["wiseflow"]["webhooks"][str(webhook["id"])] = webhook
    return envelope(_shape(webhook), status=201)


@route("GET", "/webhooks/{webhookId}")
def one(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    return envelope(_shape(_one(state, call, licence)))


@route("PUT", "/webhooks/{webhookId}")
def replace(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    """All but the secret, which is given once and never again."""
    webhook = _one(state, call, licence)
    webhook.update(_fields(call), updated=int(state.now()))
    return envelope(_shape(webhook))


@route("DELETE", "/webhooks/{webhookId}")
def delete(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    del state.data["wiseflow"]["webhooks"][str(_one(state, call, licence)["id"])]
    return envelope()


@route("POST", "/webhooks/{webhookId}/test")
def test(state: State, call: Call, licence: dict[str, Any]) -> Reply:
    webhook = _one(state, call, licence)
    queue(state, webhook, {"event": "TEST", "webhookId": webhook["id"], "occurredAt": iso(state.now()), "data": {}})
    return envelope()
