"""A value that was changed by hand in WISEflow follows Ladok again, because a manager says so."""

from __future__ import annotations

import logging

from django.contrib.auth.models import AbstractBaseUser

from ladokflow.fingerprints import Fingerprint, fingerprint, require_seen
from ladokflow.messages import Refused, message
from sources import audit
from sources.models import Flow, SyncRun
from sources.sync.lease import alone_with
from sources.sync.run import request_sync

logger = logging.getLogger(__name__)


def fingerprint_of(flow: Flow, field: str) -> Fingerprint:
    """Of a field that was changed by hand: Ladok's value and WISEflow's."""
    return fingerprint("sources.unfollowed", [flow.pk, field, flow.unfollowed[field]])


def follow_again(
    *,
    flow: Flow,
    field: str,
    by: AbstractBaseUser,
    seen: str | None = None,
    address: str | None = None,
    enqueue: bool = True,
) -> SyncRun | None:
    """Whatever WISEflow has in `field` (a key of `Flow.unfollowed`) is replaced by Ladok's at the next synchronisation.

    That synchronisation is asked for, too. `seen`: the fingerprint (`fingerprint_of`) of the two values that a manager was shown;
    NotAsShown where they are others by now. None where the field follows Ladok already, as after a second click.
    Refused when marking has ended, and while the flow is being synchronised.
    """
    if flow.is_marking_over:
        raise Refused(message("sources.marking_over"))
    with alone_with(flow.pk) as fresh:
        if field not in fresh.unfollowed:
            return None
        require_seen(seen, fingerprint_of(fresh, field))
        # A field that is in neither is taken for ours, whatever value it has by then.
        followed = {name: value for name, value in fresh.followed.items() if name != field}
        unfollowed = {name: both for name, both in fresh.unfollowed.items() if name != field}
        Flow.objects.filter(pk=fresh.pk).update(followed=followed, unfollowed=unfollowed)
        followed_again = message(f"sources.audit.followed_again.{field}")
        audit.record(message=followed_again, source=fresh.source, flow=fresh, actor=by, address=address)
        run = request_sync(flow=fresh, trigger=SyncRun.Trigger.MANAGER, requested_by=by, enqueue=enqueue)
    logger.info("flow.followed_again flow=%s field=%s", flow.pk, field)
    return run
