"""A manager's word of how a flow's grades are to be sent, where that is not clear by itself."""

from __future__ import annotations

import logging

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from exports.rules.cases import load_case, lock
from exports.rules.holding import Holding
from exports.rules.right import require_right
from exports.rules.states import refresh_states
from ladokflow.messages import Refused, message
from ladokflow.wiseflow.scales import Form
from sources.audit import record
from sources.models import Flow

logger = logging.getLogger(__name__)


def say_how(
    *, flow: Flow, form: Form, by: AbstractBaseUser, seen: str | None = None, address: str | None = None
) -> None:
    """Keep that the flow's grades are to be sent as `form`, with who said it and when. Sends nothing, and asks no remote system.

    `seen` is the mark (`Holding.mark`) of what was shown; None for who has just read the grades. The word is of that and nothing else:
    another value, or another scale, makes it void. Raises Refused without the export right, where something else is there now, and where it is clear that the
    grades are something else.
    """
    require_right(flow, by)
    with transaction.atomic():
        locked = lock(flow.pk)
        holding = load_case(locked).holding
        if seen is not None and seen != holding.mark:
            raise Refused(message("export.look_changed"))
        if holding.doubt is None and not holding.is_said and form is holding.form:
            return
        if form not in holding.forms or not (holding.is_said or holding.doubt):
            raise Refused(message("export.nothing_to_say"))
        word = {"said_form": str(form), "said_of": holding.mark, "said_by_id": by.pk, "said_at": timezone.now()}
        Flow.objects.filter(pk=flow.pk).update(**word)
        code = "audit.said_shown" if form is Form.SHOWN else "audit.said_stored"
        entry = message(code, grades=_told(holding, form))
        record(message=entry, source=locked.source, flow=locked, actor=by, address=address)
        flow.refresh_from_db()
        refresh_states(flow)
    logger.info("export.grades.said flow=%s form=%s", flow.pk, form)


def _told(holding: Holding, form: Form) -> str:
    """Each value with the grade that it is sent as."""
    read = [(row.value, (row.shown if form is Form.SHOWN else row.stored) or "–") for row in holding.rows]
    return ", ".join(f"{value} → {grade}" for value, grade in read) or "–"
