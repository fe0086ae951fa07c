"""The server's half of the control: `POST /control/<action>` with the arguments as a JSON object.

It does what people do in the real systems: examiners grade, managers press buttons, registers change, machines fail.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ladokflow.sandbox import diary, grading, hands, licences, owners, papers, registers
from ladokflow.sandbox.answers import Call, Reply
from ladokflow.sandbox.state import STOCKHOLM

if TYPE_CHECKING:
    from ladokflow.sandbox.server import Sandbox

ACTIONS: dict[str, Callable[..., Any]] = {}


def action(handler: Callable[..., Any]) -> Callable[..., Any]:
    ACTIONS[handler.__name__] = handler
    return handler


def act(sandbox: Sandbox, name: str, arguments: dict[str, Any]) -> Any:
    """Do an action; KeyError where there is none of the name."""
    with sandbox.state.lock:
        result = ACTIONS[name](sandbox, **arguments)
        sandbox.state.is_changed = True
        return result


def answer(sandbox: Sandbox, call: Call) -> Reply:
    name = call.path.removeprefix("/control/")
    if name not in ACTIONS or call.method != "POST":
        return Reply(404, {"message": f"There is no action {call.path}."})
    try:
        with sandbox.state.lock:
            result = act(sandbox, name, json.loads(call.content or b"{}"))
            return Reply(200, json.dumps(result, ensure_ascii=False, default=str).encode())
    except (KeyError, ValueError, TypeError) as error:
        said = f"Unknown: {error}" if isinstance(error, KeyError) else str(error)
        return Reply(400, {"message": said})


for _module in (registers, owners, hands, grading, papers, licences, diary):
    for _name in _module.ACTIONS:
        action(getattr(_module, _name))


@action
def reset(sandbox: Sandbox) -> None:
    """As new: data, clock, faults, limits, tokens, and what was received."""
    sandbox.state.reset()
    sandbox.faults.clear()
    sandbox.received.clear()
    sandbox.door.tokens.clear()
    sandbox.door.disabled.clear()
    sandbox.door.windows.clear()


@action
def received(sandbox: Sandbox, system: str) -> list[dict[str, Any]]:
    return [_shown(row) for row in list(sandbox.received) if row["system"] == system]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    text = {key: value.decode("utf-8", "replace") if isinstance(value, bytes) else value for key, value in row.items()}
    return {"status": None, "answer": "", "answer_headers": {}, "answer_kind": ""} | text


@action
def clear_received(sandbox: Sandbox) -> None:
    sandbox.received.clear()


@action
def fault(
    sandbox: Sandbox,
    system: str,
    path_pattern: str,
    kind: str,
    times: int = 1,
    method: str = "",
    options: dict[str, Any] | None = None,
) -> int:
    if system not in (*sandbox.state.data["ladok"], "wiseflow", "storage", "*"):
        raise ValueError(f"Unknown system: {system}")
    if kind == "by_hand" and (options or {}).get("action") not in ACTIONS:
        raise ValueError(f"Unknown action: {(options or {}).get('action')}")
    return sandbox.faults.add(system, path_pattern, kind, times, method.upper(), options or {}).id


@action
def faults(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [vars(row) for row in sandbox.faults.rows]


@action
def clear_faults(sandbox: Sandbox) -> None:
    sandbox.faults.clear()


@action
def delay(sandbox: Sandbox, seconds: float) -> None:
    sandbox.delay = seconds


# --- Time and credentials ---------------------------------------------------------------------------------------


@action
def clock(sandbox: Sandbox) -> str:
    return sandbox.state.moment().isoformat()


@action
def advance(sandbox: Sandbox, seconds: float) -> str:
    sandbox.state.data["clock"] += seconds
    return clock(sandbox)


@action
def set_clock(sandbox: Sandbox, iso: str) -> str:
    moment = dt.datetime.fromisoformat(iso)
    sandbox.state.set_clock(moment if moment.tzinfo else moment.replace(tzinfo=STOCKHOLM))
    return clock(sandbox)


@action
def expire_tokens(sandbox: Sandbox) -> int:
    """Every bearer token of WISEflow is refused from now on; new ones may be had."""
    count = len(sandbox.door.tokens)
    sandbox.door.tokens.clear()
    return count


@action
def enable_credential(sandbox: Sandbox, licence: str, kind: str, enabled: bool) -> None:
    """Switch a credential of a WISEflow licence off or on: `kind` is oauth_client or api_key."""
    name = f"{'secret' if kind == 'oauth_client' else 'key'}:{licence}"
    if enabled:
        sandbox.door.disabled.discard(name)
    else:
        sandbox.door.disabled.add(name)
        for token in [
            token for token, (owner, _) in sandbox.door.tokens.items() if kind == "oauth_client" and owner == licence
        ]:
            del sandbox.door.tokens[token]


@action
def set_rate_limit(sandbox: Sandbox, second: int = 200, minute: int = 5000) -> None:
    sandbox.state.data["wiseflow"]["limits"] = {"second": second, "minute": minute}
    sandbox.door.windows.clear()


@action
def set_nulls(sandbox: Sandbox, on: bool) -> None:
    """Whether WISEflow says null where the description has no null for it, as its published examples do."""
    sandbox.state.data["wiseflow"]["sends_nulls"] = on


@action
def set_already_assessor_status(sandbox: Sandbox, status: int) -> None:
    """What adding an assessor who is one already is met with: the sources say 400 or 403."""
    sandbox.state.data["wiseflow"]["already_assessor_status"] = status


@action
def set_webhook_signature(
    sandbox: Sandbox, header: str = "X-Wiseflow-Signature", encoding: str = "hex", prefix: str = ""
) -> None:
    if encoding not in ("hex", "base64"):
        raise ValueError("encoding is hex or base64")
    sandbox.state.data["wiseflow"]["signature"] = {"header": header, "encoding": encoding, "prefix": prefix}


@action
def save(sandbox: Sandbox) -> None:
    sandbox.state.is_changed = True
    sandbox.state.save()
