"""A caller with a secret, and a worker that works when it is told."""

from __future__ import annotations

import json
from typing import Any

import httpx
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from ladokflow.http import tls_context
from ladokflow.wiseflow.webhooks import signature_of
from sources.models import Webhook


class WebhookCaller:
    def __init__(self, hook: Webhook) -> None:
        self.hook = hook

    def raw(self, body: bytes, headers: dict[str, str] | None = None, *, url: str = "") -> httpx.Response:
        url = url or self.hook.url
        return httpx.post(url, content=body, headers=headers or {}, trust_env=False, timeout=60, verify=tls_context())

    def signed(self, body: bytes) -> dict[str, str]:
        hook = self.hook
        signature = signature_of(secret=hook.secret, body=body, encoding=hook.encoding, prefix=hook.prefix)
        return {hook.header: signature, "Content-Type": "application/json"}

    def body(self, body: bytes) -> httpx.Response:
        return self.raw(body, self.signed(body))

    def __call__(self, **payload: Any) -> httpx.Response:
        return self.body(json.dumps(payload).encode())


def queued() -> list[str]:
    return [entry.task["func"] for entry in OrmQ.objects.order_by("pk")]


def work(most: int = 50) -> list[str]:
    """Do what is in the queue, and what that puts there, as a worker does; which tasks it was."""
    done: list[str] = []
    while (entry := OrmQ.objects.order_by("pk").first()) and len(done) < most:
        task = entry.task
        entry.delete()
        import_string(task["func"])(*task["args"])
        done.append(task["func"].rpartition(".")[2])
    return done
