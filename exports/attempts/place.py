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
from ladokflow.messages import Message, Refused, message
from sources.flows import places
from sources.models import Flow

logger = logging.getLogger(__name__)


# An attempt with which a grade of the flow has been sent, or is about to be
IS_SENT = Q(sending_at__isnull=False) | Q(state__in=ExportAttempt.OPEN)


def may_change_place(flow: Flow) -> bool:
    """Not once a grade of the flow has been sent."""
    return not flow.attempts.filter(IS_SENT).exists()


def why_it_stays(flow: Flow) -> Message | None:
    return None if may_change_place(flow) else message("place.sent")


def change_place(*, flow: Flow, goes_to: str, was: str, by: AbstractBaseUser, address: str | None = None) -> bool:
    """Whether it is news: another, or said for the first time. `was` is what was shown. Refused without the export right,
    where it is another by now, and where a grade has been sent."""
    require_right(flow, by)
    with transaction.atomic():
        locked = lock(flow.pk)
        if locked.grade_goes_to != was:
            raise Refused(message("place.seen_otherwise"))
        is_news = places.say_place(locked, goes_to, by=by, address=address)
        if is_news:
            refresh_states(flow)
            logger.info("flow.grade_place.changed flow=%s place=%s", flow.pk, goes_to)
    return is_news


places.REFUSALS.append(why_it_stays)
