"""When the address of one of a source's two systems leads to another host.

A secret is only ever sent to the host it was given for. When the host changes, the credentials of that side are disabled in
the same transaction. Each remembers its host, and is enabled again with a new secret, or when that host is back.

The flows that are in WISEflow remember the host, too, and are left alone until they are found again (`sources/sync/gather.py`): a
number is another flow's elsewhere. WISEflow's webhook is forgotten: the former host calls for flows that are not those of the new one, and its number of the webhook
may be somebody else's there. In which form the licence gives out grades has to be found out anew.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Q
from django.db.models.functions import Length

from ladokflow.messages import Message, message
from sources import audit
from sources.models import Credential, Flow, Source, Webhook

logger = logging.getLogger(__name__)

USUAL_PORTS = {"https": 443, "http": 80}


def host_of(address: str) -> str:
    """Scheme, host and port of an address, as they are compared: "https://ladok.example", "http://10.0.0.1:8080"."""
    parts = urlsplit(address.strip())
    scheme, name = parts.scheme.lower(), (parts.hostname or "").rstrip(".")
    port = "" if parts.port in (None, USUAL_PORTS.get(scheme)) else f":{parts.port}"
    return f"{scheme}://{f'[{name}]' if ':' in name else name}{port}"


def hosts(source: Source) -> dict[str, str]:
    """System -> the host that its credentials are sent to."""
    return {
        Credential.System.LADOK: host_of(source.ladok_url),
        Credential.System.WISEFLOW: host_of(source.wiseflow_url),
    }


def leave_credentials_behind(
    source: Source,
    before: Mapping[str, str],
    *,
    given: Collection[tuple[str, str]] = (),
    grade_form: str = "",
    actor: AbstractBaseUser | AnonymousUser | None = None,
    address: str | None = None,
) -> list[Message]:
    """Call it in the transaction that changes the addresses, with the `hosts(...)` from before; gives what is to be told.

    `given`: (system, label) of the credentials whose secrets are given anew in the same breath. `grade_form`: how WISEflow gives out
    grades at the new host, where that was said in it, too.
    """
    notices = []
    for system, host in hosts(source).items():
        if host == before[system]:
            continue
        rows = Credential.objects.filter(source=source, system=system)
        for row in rows.select_for_update().defer("secret"):
            if (row.system, row.label) in given or row.former_host not in ("", host):
                continue
            # Back at the host it was given for, it may be enabled as it is.
            former_host = before[system] if not row.former_host else ""
            Credential.objects.filter(pk=row.pk).update(former_host=former_host, enabled=False)
            if row.enabled:
                facts = {"system": row.get_system_display(), "label": row.label, "former": former_host, "host": host}
                notices.append(message("sources.credential_left_behind", **facts))
                entry = message("sources.audit.credential_left_behind", **facts)
                audit.record(message=entry, source=source, actor=actor, address=address)
                logger.info("source.credential.left_behind source=%s credential=%s", source.pk, row.pk)
        if system != Credential.System.WISEFLOW:
            continue
        # In which form grades are given out was found out over there.
        Source.objects.filter(pk=source.pk).update(grade_form=grade_form)
        count = _leave_flows(source, before[system], host)
        if count:
            left: dict[str, Any] = {"count": count, "former": before[system], "host": host}
            notices.append(message("sources.flows_left_behind", **left))
            entry = message("sources.audit.flows_left_behind", **left)
            audit.record(message=entry, source=source, actor=actor, address=address)
            logger.info("source.flows.left_behind source=%s count=%s", source.pk, count)
        if _forget_webhook(source):
            facts = {"former": before[system], "host": host}
            notices.append(message("sources.webhook_left_behind", **facts))
            entry = message("sources.audit.webhook_left_behind", **facts)
            audit.record(message=entry, source=source, actor=actor, address=address)
            logger.info("source.webhook.left_behind source=%s", source.pk)
    return notices


def _leave_flows(source: Source, former: str, host: str) -> int:
    """How many are at the former host now; those that had been left at this one are here again."""
    flows = Flow.objects.filter(source=source, wiseflow_id__isnull=False)
    count = flows.filter(former_host="").update(former_host=former)
    flows.filter(former_host=host).update(former_host="")
    return count


def _forget_webhook(source: Source) -> bool:
    """Whether there was one. How its calls are signed is WISEflow's way, and stays."""
    nothing: dict[str, Any] = {
        "secret": "",
        "url": "",
        "wiseflow_id": None,
        "registered_at": None,
        "tested_at": None,
        "signed_with": {},
    }
    hooks = Webhook.objects.annotate(size=Length("secret")).filter(source=source)  # none is decrypted for it
    return bool(hooks.filter(Q(size__gt=0) | Q(wiseflow_id__isnull=False)).update(**nothing))
