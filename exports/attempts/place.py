"""Where the grade of somebody goes who is on several of a flow's Ladok codes: what a manager says, until a grade has been sent."""

from __future__ import annotations

import logging

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q

from exports.models import ExportAttempt
from exports.rules.cases import lock
from exports.rules.right import require_right
from exports.rules.states import refresh_states
from ladokflow.messages import Refused, message
from sources.audit import record
from sources.models import Flow

logger = logging.getLogger(__name__)


# An attempt with which a grade of the flow has been sent, or is about to be
IS_SENT = Q(sending_at__isnull=False) | Q(state__in=ExportAttempt.OPEN)


def may_change_place(flow: Flow) -> bool:
    """Not once a grade of the flow has been sent."""
    return not flow.attempts.filter(IS_SENT).exists()


def change_place(*, flow: Flow, goes_to: str, was: str, by: AbstractBaseUser, address: str | None = None) -> bool:
    """Whether it is news: another, or said for the first time. `was` is what was shown. Refused without the export right,
    where it is another by now, and where a grade has been sent."""
    require_right(flow, by)
    with transaction.atomic():
        locked = lock(flow.pk)
        if not may_change_place(locked):
            raise Refused(message("place.sent"))
        if locked.grade_goes_to != was:
            raise Refused(message("place.seen_otherwise"))
        place = Flow.GradeGoesTo(goes_to)
        if place == was and locked.is_place_said:
            return False
        Flow.objects.filter(pk=locked.pk).update(grade_goes_to=place, is_place_said=True)
        said = message(f"sources.audit.grade_goes_to_{place}")
        record(message=said, source=locked.source, flow=locked, actor=by, address=address)
        refresh_states(flow)
    logger.info("flow.grade_place.changed flow=%s place=%s", flow.pk, place)
    return True
