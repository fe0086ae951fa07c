"""Having packages made, by a person, a command or the schedule; and deleting those that have been kept long enough."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from exports.archive import stores
from exports.models import Package, PackageFile, PackagePerson
from exports.writing import refused_where_taken
from ladokflow.dates import moment_in_words
from ladokflow.messages import Message, Refused, message
from ladokflow.wiseflow.words import MARKING_OVER
from sources.audit import record
from sources.models import Flow, Source
from sources.universities.permissions import Right, Rights, refusal_of, require

logger = logging.getLogger(__name__)

State = Package.State
Trigger = Package.Trigger

ENDED = (State.READY, State.FAILED)
MOST_AT_ONCE = 20  # packages of a source that one look at the schedule asks for
FORGOTTEN = dt.timedelta(days=365)  # whose marking ended longer ago is not taken up by itself


def right_refusal(flow: Flow, by: AbstractBaseUser) -> Message | None:
    """Why somebody may neither make a package of the flow nor have anything of one."""
    return None if Rights(by).may(Right.ARCHIVE, flow.source_id) else refusal_of(Right.ARCHIVE, flow.source)


def refusal(flow: Flow) -> Message | None:
    """Why no package can be made of the flow now."""
    if flow.setup_state != Flow.Setup.READY or flow.wiseflow_id is None or flow.is_released:
        return message("archive.not_there")
    if flow.purged_at is not None:
        return message("archive.purged")
    return message("archive.too_early") if (flow.state or 0) < Flow.State.PARTICIPATION_ENDED else None


def request_package(
    *, flow: Flow, trigger: str, by: AbstractBaseUser | None = None, address: str | None = None, enqueue: bool = True
) -> Package:
    """A package for a worker to make. Refused without the right to it (`by`; None is for who has none to have), where none can be made, and
    where one is being made already."""
    if by is not None:
        require(by, Right.ARCHIVE, flow.source)
    if why := refusal(flow):
        raise Refused(why)
    with refused_where_taken(message("archive.under_way")), transaction.atomic():
        package = Package(
            flow=flow, trigger=trigger, requested_by_id=by.pk if by else None, store=stores.current().kind
        )
        package.place = f"{flow.source.slug}/{flow.pk}/{package.pk}"
        package.save()
        record(message=message("audit.package_requested"), source=flow.source, flow=flow, actor=by, address=address)
        if enqueue:
            Package.objects.put_in_queue(package.pk)
    logger.info("package.requested package=%s flow=%s", package.pk, flow.pk)
    return package


def go_on(*, package: Package, by: AbstractBaseUser, address: str | None = None) -> None:
    """Have a package that had stopped gone on with. Refused without the right to it, and where it has not stopped."""
    flow = package.flow
    require(by, Right.ARCHIVE, flow.source)
    with refused_where_taken(message("archive.under_way")), transaction.atomic():
        changed = Package.objects.filter(pk=package.pk, state=State.FAILED).update(
            state=State.QUEUED, claims=0, message={}, finished_at=None, rests_until=None
        )
        if not changed:
            raise Refused(message("archive.not_stopped"))
        Package.objects.put_in_queue(package.pk)
        record(message=message("audit.package_again"), source=flow.source, flow=flow, actor=by, address=address)


# --- By itself ----------------------------------------------------------------------------------------------------


def request_due(now: dt.datetime | None = None) -> int:
    """Have packages made of the flows whose source says so, once each; how many."""
    now = now or timezone.now()
    count = 0
    for source in Source.objects.filter(archives_after_days__isnull=False).order_by("pk"):
        for flow in _due(source, now - dt.timedelta(days=source.archives_after_days or 0), now)[:MOST_AT_ONCE]:
            try:
                request_package(flow=flow, trigger=Trigger.SCHEDULE)
                count += 1
            except Refused as refused:
                logger.info("package.not_requested flow=%s reason=%s", flow.pk, refused.message.code)
    return count


def _due(source: Source, ended_before: dt.datetime, now: dt.datetime) -> QuerySet[Flow]:
    return (
        Flow.objects.ready()
        .ours()
        .filter(
            source=source,
            state__in=MARKING_OVER,
            wiseflow_id__isnull=False,
            former_host="",
            purged_at__isnull=True,
            marking_end_at__gte=now - FORGOTTEN,
            marking_end_at__lte=ended_before,
        )
        .exclude(Exists(Package.objects.filter(flow=OuterRef("pk"))))
        .select_related("source")
        .order_by("marking_end_at", "pk")
    )


# --- Long enough --------------------------------------------------------------------------------------------------


def remove_old(now: dt.datetime) -> Iterator[int]:
    """Delete those that have been kept as long as the source says, or the setting; with 0 days there for ever."""
    packages = Package.objects.filter(flow__source=OuterRef("pk"), state__in=ENDED)
    for source in Source.objects.filter(Exists(packages)).order_by("pk"):
        days = settings.ARCHIVE_RETENTION_DAYS if source.archive_days is None else source.archive_days
        if days > 0:
            ended = Package.objects.filter(flow__source=source, state__in=ENDED)
            old = ended.filter(finished_at__lt=now - dt.timedelta(days=days)).order_by("pk")
            yield from (_remove(package, now) for package in old.select_related("flow__source"))


def _remove(package: Package, now: dt.datetime) -> int:
    """Files first: who is killed in between is followed by somebody who does it again."""
    try:
        stores.of(package).remove(package.place)
    except OSError:  # the others are not to wait for it
        logger.exception("package.not_removed package=%s", package.pk)
        return 0
    told = message("archive.removed").to_json()
    with transaction.atomic():
        changes = {"state": State.REMOVED, "removed_at": now, "message": told}
        if Package.objects.filter(pk=package.pk, state__in=ENDED).update(**changes):
            PackageFile.objects.filter(package=package).delete()
            PackagePerson.objects.filter(package=package).delete()
            entry = message("audit.package_removed", at=told_at(package))
            record(message=entry, source=package.flow.source, flow=package.flow)
    return 1


def told_at(package: Package) -> str:
    return moment_in_words(package.created_at, package.flow.source.tz)
