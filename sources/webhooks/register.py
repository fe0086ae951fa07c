"""The webhook's place in WISEflow: registering, testing and removing it.

The secret is made here, given to WISEflow once, and shown to nobody. It cannot be changed there, so a new registration is a
new secret, and the old webhook goes.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from ladokflow.http import RemoteError
from ladokflow.messages import Refused, message
from ladokflow.wiseflow.client import WiseflowClient
from sources import audit
from sources.models import Source, Webhook
from sources.universities.clients import wiseflow_for
from sources.webhooks import handle

logger = logging.getLogger(__name__)

BUSY = dt.timedelta(minutes=3)
NOT_FOUND = 404
User = AbstractBaseUser | AnonymousUser | None


def url_of(source: Source) -> str:
    """Where WISEflow is to call."""
    return settings.PUBLIC_URL + reverse("webhook", args=[source.slug])


def webhook_of(source: Source) -> Webhook:
    return Webhook.objects.get_or_create(source=source)[0]


def register(*, source: Source, by: User = None, address: str | None = None) -> Webhook:
    """Have WISEflow call us, with a new secret. Webhooks of ours that are there already go.

    Refused where WISEflow could not reach us; RemoteError where it does not do as asked.
    """
    url = url_of(source)
    if urlsplit(url).scheme != "https" and urlsplit(source.wiseflow_url).scheme == "https":
        raise Refused(message("sources.webhook.not_public", url=url))
    hook = webhook_of(source)
    with _alone(hook), wiseflow_for(source) as client:
        for old in client.webhooks():
            if old.id == hook.wiseflow_id or old.url == url:
                _delete(client, old.id)
        # Kept before WISEflow has it: the first call may come before the answer.
        secret = secrets.token_urlsafe(48)
        _write(hook, secret=secret, url=url, wiseflow_id=None, registered_at=None, tested_at=None, signed_with={})
        made = client.create_webhook(
            title=f"LadokFlow {source.slug}", url=url, secret=secret, events=sorted(handle.EVENTS)
        )
        with transaction.atomic():
            _write(hook, wiseflow_id=made.id, registered_at=timezone.now())
            entry = message("sources.audit.webhook_registered", webhook=made.id)
            audit.record(message=entry, source=source, actor=by, address=address)
    logger.info("webhook.registered source=%s webhook=%s", source.pk, made.id)
    return webhook_of(source)


def ask_for_test(*, source: Source, by: User = None, address: str | None = None) -> Webhook:
    """Have WISEflow make a test call. Whether it comes is seen in `Webhook.has_come_back`, a moment later."""
    hook = webhook_of(source)
    if hook.wiseflow_id is None:
        raise Refused(message("sources.webhook.not_registered"))
    with wiseflow_for(source) as client:
        _write(hook, tested_at=timezone.now(), signed_with={})
        try:
            client.test_webhook(hook.wiseflow_id)
        except RemoteError as error:
            _write(hook, tested_at=None)
            if error.status == NOT_FOUND:
                raise Refused(message("sources.webhook.gone")) from error
            raise
    audit.record(message=message("sources.audit.webhook_tested"), source=source, actor=by, address=address)
    return webhook_of(source)


def remove(*, source: Source, by: User = None, address: str | None = None) -> Webhook:
    """Have WISEflow call no more. Calls that still come are refused."""
    hook = webhook_of(source)
    if hook.wiseflow_id is None and not hook.secret:
        raise Refused(message("sources.webhook.not_registered"))
    with _alone(hook), wiseflow_for(source) as client:
        if hook.wiseflow_id is not None:
            _delete(client, hook.wiseflow_id)
        with transaction.atomic():
            _write(hook, secret="", url="", wiseflow_id=None, registered_at=None, tested_at=None, signed_with={})
            entry = message("sources.audit.webhook_removed")
            audit.record(message=entry, source=source, actor=by, address=address)
    logger.info("webhook.removed source=%s", source.pk)
    return webhook_of(source)


def _write(hook: Webhook, **fields: Any) -> None:
    Webhook.objects.filter(pk=hook.pk).update(**fields)


def _delete(client: WiseflowClient, webhook_id: int) -> None:
    try:
        client.delete_webhook(webhook_id)
    except RemoteError as error:
        if error.status != NOT_FOUND:
            raise


@contextlib.contextmanager
def _alone(hook: Webhook) -> Iterator[None]:
    """One at a time: two that register at once would leave a webhook in WISEflow whose secret nobody has."""
    now = timezone.now()
    free = Webhook.objects.filter(Q(busy_until__isnull=True) | Q(busy_until__lt=now), pk=hook.pk)
    if not free.update(busy_until=now + BUSY):
        raise Refused(message("sources.webhook.busy"))
    hook.refresh_from_db()
    try:
        yield
    finally:
        _write(hook, busy_until=None)
