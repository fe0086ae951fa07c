"""Who is to be told by e-mail, and of which synchronisations. `exports/operation/digest.py` writes and sends it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.db.models import Q

from ladokflow.identifiers import normal
from sources.models import Flow, Membership, Source, SyncRun
from sources.sync.nightly import due_at, flows_of_the_night

LATEST = dt.timedelta(hours=5)  # a flow that is still under way then is not waited for


def runs_to_tell(*, since: dt.datetime, now: dt.datetime) -> list[SyncRun]:
    """Synchronisations that ask, or failed at night, and that nobody has put right since; newest first.

    One that somebody asked for and that failed is told on the page. A night comes as a whole, when it is over.
    """
    unsettled = Flow.objects.syncable().exclude(sync_message={})
    runs = SyncRun.objects.filter(
        Q(asks=True) | Q(trigger=SyncRun.Trigger.NIGHT),
        state=SyncRun.State.FAILED,
        finished_at__gte=since,
        flow__in=unsettled.order_by().values("pk"),
    )
    unsettled_runs = list(runs.select_related("flow__source").prefetch_related("flow__codes").order_by("-created_at"))
    nightly = {run.flow.source for run in unsettled_runs if run.trigger == SyncRun.Trigger.NIGHT}
    under_way = {source.pk: night_at for source in nightly if (night_at := _night_under_way(source, now))}
    return [run for run in unsettled_runs if not _is_of(run, under_way.get(run.flow.source_id))]


def _is_of(run: SyncRun, night_at: dt.datetime | None) -> bool:
    return night_at is not None and run.trigger == SyncRun.Trigger.NIGHT and run.created_at >= night_at


def _night_under_way(source: Source, now: dt.datetime) -> dt.datetime | None:
    """When the source's night began, while it is not over."""
    night_at = due_at(source, now)
    if now - night_at > LATEST:
        return None
    under_way = SyncRun.objects.filter(flow__source=source, created_at__gte=night_at, state__in=SyncRun.OPEN)
    return night_at if under_way.exists() or flows_of_the_night(source, night_at).exists() else None


def managers_to_tell(flows: Iterable[Flow]) -> dict[int, list[Membership]]:
    """For each flow's key: the members who made it or are its managers, and want e-mail. Others must not learn of it."""
    flows = list(flows)
    by_source: dict[int, list[Membership]] = {}
    wanted = Membership.objects.filter(
        source_id__in={flow.source_id for flow in flows}, gets_summary=True, user__is_active=True
    )
    for member in wanted.exclude(user__email="").select_related("user").order_by("pk"):
        by_source.setdefault(member.source_id, []).append(member)
    return {
        flow.pk: [member for member in by_source.get(flow.source_id, ()) if _is_manager(member, flow)] for flow in flows
    }


def _is_manager(member: Membership, flow: Flow) -> bool:
    if flow.created_by_id == member.user_id:
        return True
    member_names = {member.user.email, member.user.get_username(), member.organisation_id}
    names = {
        str(person.get(key) or "")
        for person in flow.staff
        if person.get("role") == "manager"
        for key in ("email", "organisation_id")
    }
    return bool(set(map(normal, filter(None, member_names))) & set(map(normal, filter(None, names))))
