"""Errors to Sentry, where SENTRY_DSN is set: where in the code it happened, and what the process was at. Nothing of people.

No body, no cookie, no header, no user, no local variable leaves; of what is left national ids are hidden (`ladokflow/privacy.py`), and of an
address only its route is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ladokflow import __version__, logs
from ladokflow.privacy import redact_by_looks

# What an event may hold; whatever a later version of the library adds is left out until somebody has looked at it.
KEPT = {
    "event_id", "timestamp", "platform", "level", "logger", "release", "environment", "exception", "logentry", "transaction", "sdk",
    "tags", "fingerprint", "type",
}  # fmt: skip
KEPT_OF_A_FRAME = ("filename", "abs_path", "function", "module", "lineno", "in_app")


def start(dsn: str, environment: str) -> None:
    """Before anything can go wrong: called while the settings are made."""
    import sentry_sdk
    from sentry_sdk.integrations.logging import LoggingIntegration

    sentry_sdk.init(
        dsn=dsn,
        release=f"ladokflow@{__version__}",
        environment=environment,
        send_default_pii=False,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        server_name="",
        before_send=scrubbed,
        before_send_transaction=lambda event, hint: None,
        integrations=[LoggingIntegration(level=None)],
    )


def scrubbed(event: Any, hint: Mapping[str, Any] | None = None) -> Any:
    """`before_send`: the event without what may be about a person."""
    left = {name: value for name, value in event.items() if name in KEPT}
    if isinstance(left.get("exception"), dict):
        left["exception"] = {"values": [_exception(each) for each in left["exception"].get("values", [])]}
    if isinstance(left.get("logentry"), dict):
        # The sentence of the program, not what was filled in.
        left["logentry"] = {"message": left["logentry"].get("message", "")}
    left["tags"] = dict(logs.current())
    return _redacted(left)


def _exception(value: Mapping[str, Any]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames", [])
    kept = [{name: frame[name] for name in KEPT_OF_A_FRAME if name in frame} for frame in frames]
    # What an exception says may be somebody's name: a database repeats the values that it refuses.
    return {"type": value.get("type", ""), "module": value.get("module", ""), "stacktrace": {"frames": kept}}


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact_by_looks(value)
    if isinstance(value, Mapping):
        return {name: _redacted(each) for name, each in value.items()}
    return [_redacted(each) for each in value] if isinstance(value, list) else value
