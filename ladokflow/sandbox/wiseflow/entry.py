"""The door of the sandbox's WISEflow: credentials, the rate limit, the trace id, and the form of a refusal."""

from __future__ import annotations

import json
import math
import secrets
import threading
import time
import uuid
from typing import Any
from urllib.parse import parse_qs

from ladokflow.sandbox.answers import Call, Refusal, Reply
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow import (  # noqa: F401 - each brings its routes
    external_sources,
    flow_settings,
    flows,
    grades,
    licence,
    logs,
    marking,
    participants,
    rooms,
    staff,
    submissions,
    users,
    webhooks,
)
from ladokflow.sandbox.wiseflow.base import route, without_nulls

PREFIX = "/wiseflow/v1"
TOKEN_SECONDS = 3599
# What the two generations of paths send when they refuse: the older ones nothing at all.
OLD_PATHS = ("/license/", "/user/", "/flow/")
NEW_AMONG_OLD = ("/license/rooms", "/license/roles", "/license/user-data-types")


class Door:
    """Answers every request to WISEflow. Tokens and counts of requests live here, and die with the process."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.tokens: dict[str, tuple[str, float]] = {}
        self.disabled: set[str] = set()
        self.windows: dict[tuple[str, str, int], int] = {}
        self.lock = threading.Lock()

    def answer(self, call: Call) -> Reply:
        trace = str(uuid.uuid4())
        limits: dict[str, str] = {}
        try:
            if (call.method, call.path) == ("POST", "/oauth2/token"):
                reply = self._token(call)
            else:
                credential = self._credential(call)
                limits = self._count(credential)
                reply = self._work(call, credential.split(":")[1])
        except Refusal as refusal:
            limits |= refusal.headers
            reply = refused(call, refusal)
        if not self.state.data["wiseflow"]["sends_nulls"] and reply.kind == "application/json":
            reply.body = without_nulls(reply.body)
        reply.headers |= limits | {"X-Trace-Id": trace}
        return reply

    def _work(self, call: Call, name: str) -> Reply:
        found = route.find(call.method, call.path)
        if found is None:
            raise Refusal(404, "Not found")
        handler, call.parts = found
        call.body = _json(call) if call.content else None
        if call.method != "GET":
            self.state.is_changed = True
        return handler(self.state, call, self.state.data["wiseflow"]["licences"][name])

    # --- Credentials --------------------------------------------------------------------------------------------

    def _token(self, call: Call) -> Reply:
        form = {key: values[0] for key, values in parse_qs(call.content.decode("utf-8", "replace")).items()}
        client = form.get("client_id", "")
        if form.get("grant_type") != "client_credentials":
            return _token_error("unsupported_grant_type", "The grant type is not supported.")
        is_known = client in self.state.data["wiseflow"]["licences"] and f"secret:{client}" not in self.disabled
        if not is_known or not secrets.compare_digest(
            form.get("client_secret", "").encode(), f"{client}-secret".encode()
        ):
            return _token_error("invalid_client", "Client authentication failed.")
        token = secrets.token_urlsafe(24)
        self.tokens[token] = (client, time.monotonic() + TOKEN_SECONDS)
        return Reply(200, {"access_token": token, "expires_in": TOKEN_SECONDS, "token_type": "bearer", "scope": ""})

    def _credential(self, call: Call) -> str:
        """Whose credential it is, as `oauth:liu` or `key:liu`."""
        kind, _, token = call.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and token in self.tokens:
            name, expires_at = self.tokens[token]
            if time.monotonic() < expires_at:
                return f"oauth:{name}"
        key = call.headers.get("x-api-key", "")
        name = key.removesuffix("-key")
        if (
            key.endswith("-key")
            and name in self.state.data["wiseflow"]["licences"]
            and f"key:{name}" not in self.disabled
        ):
            return f"key:{name}"
        raise Refusal(401)

    # --- The rate limit: so many in each second and each minute, for each credential ------------------

    def _count(self, credential: str) -> dict[str, str]:
        now = time.monotonic()  # also where a test has stopped the clock
        most = self.state.data["wiseflow"]["limits"]
        headers: dict[str, str] = {}
        is_over, wait = False, 0
        with self.lock:
            for window, seconds in (("second", 1), ("minute", 60)):
                slot = int(now // seconds)
                used = self.windows.get((credential, window, slot), 0) + 1
                if used == 1:
                    self.windows = {
                        key: count for key, count in self.windows.items() if key[:2] != (credential, window)
                    }
                self.windows[credential, window, slot] = used
                reset = math.ceil((slot + 1) * seconds - now)
                left = max(0, most[window] - used)
                name = f"X-RateLimit-{window.capitalize()}"
                headers |= {
                    f"{name}-Limit": str(most[window]),
                    f"{name}-Remaining": str(left),
                    f"{name}-Reset": str(reset),
                }
                if used > most[window]:
                    is_over, wait = True, max(wait, reset)
        tightest = (
            "Minute"
            if int(headers["X-RateLimit-Minute-Remaining"]) <= int(headers["X-RateLimit-Second-Remaining"])
            else "Second"
        )
        headers |= {
            f"RateLimit-{part}": headers[f"X-RateLimit-{tightest}-{part}"] for part in ("Limit", "Remaining", "Reset")
        }
        if is_over:
            raise Refusal(
                429,
                "API rate limit exceeded",
                headers=headers | {"Retry-After": str(wait), "RateLimit-Reset": str(wait)},
            )
        return headers


def _json(call: Call) -> Any:
    try:
        return json.loads(call.content)
    except ValueError:
        raise Refusal(400, "The body is not JSON") from None


def _token_error(code: str, words: str) -> Reply:
    return Reply(400, {"error": code, "error_description": words})


def refused(call: Call, refusal: Refusal) -> Reply:
    """401 is a bare text, the older paths have no body, the newer ones the envelope."""
    if refusal.status == 401:
        return Reply(401, "Unauthorized")
    if call.path.startswith(OLD_PATHS) and not call.path.startswith(NEW_AMONG_OLD):
        return Reply(refusal.status)
    errors = [{"reason": reason, "message": words} for reason, words in refusal.errors]
    body = {
        "success": False,
        "data": None,
        "error": {"code": refusal.status, "message": refusal.message, "errors": errors},
    }
    if _is_called_plain_text(call, refusal.status):
        return Reply(refusal.status, json.dumps(body), kind="text/plain")
    return Reply(refusal.status, body)


def _is_called_plain_text(call: Call, status: int) -> bool:
    """The description calls the refusals about rooms text/plain, those of a sent booking's own fields excepted, and some about
    anonymisation."""
    if call.path.endswith("/anonymisation"):
        return status != 403
    if call.path.startswith("/license/rooms"):
        return True
    return "/room-bookings" in call.path and (status != 400 or call.method == "GET")
