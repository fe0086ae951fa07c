"""What is done here when something has happened elsewhere in `sources`."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from sources.models import Flow
from sources.signals import flow_synced
from sources.webhooks import handle


@receiver(flow_synced, dispatch_uid="sources.wake_calls")
def go_on_with_waiting_calls(sender: Any, flow: Flow, **kwargs: Any) -> None:
    handle.wake(flow)
