"""OpenTelemetry, where OPENTELEMETRY is on: a span for each request, task and call to Ladok or WISEflow. Off, nothing of it is loaded.

The spans are our own, and not the libraries' for Django and httpx: these put whole addresses on them, with what somebody has searched
for. Ours have names of routes and tasks, ids and status. Where they go is said by OpenTelemetry's own variables (`OTEL_EXPORTER_OTLP_ENDPOINT`
and the like).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings

from ladokflow import __version__

_providers: dict[int, Any] = {}  # by process: a worker that has been forked has its own exporter


@contextmanager
def span(name: str, **facts: Any) -> Iterator[Any]:
    """What goes on in here, as one span; gives it, or None where tracing is off. Facts are ids and codes, nothing of people."""
    if not settings.OPENTELEMETRY:
        yield None
        return
    from opentelemetry.trace import StatusCode

    # What an exception says may be about a person: its kind is enough.
    opened = tracer().start_as_current_span(
        name, attributes=_plain(facts), record_exception=False, set_status_on_exception=False
    )
    with opened as found:
        try:
            yield found
        except Exception as error:
            found.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def say(found: Any, **facts: Any) -> None:
    """What has come out since it began."""
    if found is not None:
        found.set_attributes(_plain(facts))


def current() -> Any:
    """The span that something goes on in; None where tracing is off."""
    if not settings.OPENTELEMETRY:
        return None
    from opentelemetry import trace

    return trace.get_current_span()


def _plain(facts: dict[str, Any]) -> dict[str, str | int]:
    return {f"ladokflow.{name}": value if isinstance(value, int) else str(value) for name, value in facts.items()}


def tracer() -> Any:
    if os.getpid() not in _providers:
        _providers.clear()
        _providers[os.getpid()] = provider()
    return _providers[os.getpid()].get_tracer("ladokflow", __version__)


def shut_down() -> None:
    """Sends what has not been sent yet."""
    if made := _providers.pop(os.getpid(), None):
        made.shutdown()


def provider() -> Any:
    """Sends spans by OTLP over HTTP, now and then."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # Who has set OTEL_SERVICE_NAME has the last word.
    named = {"service.name": os.environ.get("OTEL_SERVICE_NAME") or "ladokflow", "service.version": __version__}
    made = TracerProvider(resource=Resource.create(named))
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return made
