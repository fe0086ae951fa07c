"""Testing a credential, and switching over to it: what is in use goes on until another has signed in, and stands by afterwards."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.utils import timezone

from ladokflow.messages import Refused, message
from sources import audit
from sources.models import Credential, Source
from sources.universities.clients import Check, check_connection

logger = logging.getLogger(__name__)

Actor = AbstractBaseUser | AnonymousUser | None


def test(credential: Credential) -> list[Check]:
    """Sign in with this very credential, in use or not, and keep what came of it; changes nothing over there. Call it outside a
    transaction."""
    checks = check_connection(credential.source, credential.system, credential)
    with transaction.atomic():
        stored = (
            Credential.objects.select_for_update(of=("self",)).select_related("source").filter(pk=credential.pk).first()
        )
        if stored is not None and _is_same(stored, credential):
            Credential.objects.filter(pk=stored.pk).update(
                tested_at=timezone.now(),
                tested_address=stored.address,
                has_passed=any(check.proves_credential for check in checks),
                test_told=[check.message.to_json() for check in checks if not check.ok],
            )
    return checks


def test_of(source: Source, system: str) -> list[Check]:
    """As `test`, of the one in use."""
    in_use = (
        Credential.objects.filter(source=source, system=system)
        .defer("secret")
        .in_use()
        .select_related("source")
        .first()
    )
    return check_connection(source, system) if in_use is None else test(in_use)


def _is_same(stored: Credential, tested: Credential) -> bool:
    """Nobody has typed another one, or moved the source, while it was tested."""
    names = (*Credential.SIGNS_IN_WITH, "address", "former_host")
    return all(getattr(stored, name) == getattr(tested, name) for name in names)


def switch_to(credential: Credential, *, actor: Actor = None, address: str | None = None) -> Credential | None:
    """From now on this one is in use; gives the one that was, and that stands by. Refused unless it has been tested as it is now."""
    with transaction.atomic():
        new = _held(credential)
        if new.former_host:
            facts = {"system": new.get_system_display(), "label": new.label, "former": new.former_host}
            raise Refused(message("sources.credential_of_another_host", **facts))
        if not new.is_proven:
            raise Refused(message("sources.credential_unproven", label=new.label))
        former = _in_use_with(new)
        if former == new:
            return None
        _put_in_use(new, former)
        if former is None:
            _record(new, "sources.audit.credential_taken", actor, address, label=new.label)
        else:
            _record(new, "sources.audit.credential_switched", actor, address, label=new.label, former=former.label)
    logger.info("source.credential.switched source=%s credential=%s", new.source_id, new.pk)
    return former


def go_back(credential: Credential, *, actor: Actor = None, address: str | None = None) -> Credential:
    """The one that this one took over from is in use again, as it was; gives it. Refused where that is not there any more."""
    with transaction.atomic():
        new = _held(credential)
        former = new.former
        if former is None or former.former_host or _in_use_with(new) != new:
            raise Refused(message("sources.credential_no_way_back", label=new.label))
        _put_in_use(former, former.former)
        _record(new, "sources.audit.credential_back", actor, address, label=new.label, former=former.label)
    logger.info("source.credential.back source=%s credential=%s", new.source_id, former.pk)
    return former


def _held(credential: Credential) -> Credential:
    """As it is stored now. Whoever switches over at the source waits for whoever does it already."""
    Source.objects.select_for_update().get(pk=credential.source_id)
    return Credential.objects.select_related("source", "former").get(pk=credential.pk)


def _in_use_with(credential: Credential) -> Credential | None:
    return Credential.objects.filter(source=credential.source_id, system=credential.system).newest_enabled().first()


def _put_in_use(credential: Credential, former: Credential | None) -> None:
    others = Credential.objects.filter(source=credential.source_id, system=credential.system, enabled=True)
    others.exclude(pk=credential.pk).update(enabled=False)
    Credential.objects.filter(pk=credential.pk).update(enabled=True, former=former)


def _record(credential: Credential, code: str, actor: Actor, address: str | None, **facts: Any) -> None:
    told = message(code, system=credential.get_system_display(), **facts)
    audit.record(message=told, source=credential.source, actor=actor, address=address)
