"""What a flow asks about its grades that only a person can answer: the kinds of this app, for `sources/flows/asking.py`."""

from __future__ import annotations

from django.db.models import Count, Exists, OuterRef, Q

from exports.attempts.place import IS_SENT
from exports.models import ExportAttempt, Finding
from ladokflow.messages import message
from sources.flows.asking import Kind, register
from sources.models import Flow, FlowSource, Registration

IS_ALIVE = Q(setup_state=Flow.Setup.READY, export_ended_at=None) & ~Q(state=Flow.State.ARCHIVED)

# Asked first: of a flow with one code nobody is looked at
has_several = Exists(FlowSource.objects.filter(flow=OuterRef("pk"), removed_at__isnull=True, position__gt=0))
# Those on the lists of several codes of one flow
listed = Registration.objects.listed().filter(code__flow=OuterRef("pk")).order_by()
on_several = listed.values("participant").annotate(lists=Count("pk")).filter(lists__gt=1)

register(
    Kind(
        "adoption",
        Q(setup_state=Flow.Setup.READY, export_ended_at=None, adoption=Flow.Adoption.UNSAID),
        lambda flow: [message("adoption.asked")],
        place="adoption",
        answered_at=("exports:adoption",),
    )
)
register(
    Kind(
        "grades",
        IS_ALIVE & ~Q(scale_message={}),
        lambda flow: [flow.scale_reason],
        place="grades",
        answered_at=("exports:say",),
    )
)
register(
    Kind(
        "place",
        IS_ALIVE
        & Q(is_place_said=False)
        & Q(has_several)
        & Q(Exists(on_several))
        & Q(~Exists(ExportAttempt.objects.filter(IS_SENT, flow=OuterRef("pk")))),
        lambda flow: [message("place.asked")],
        place="place",
        answered_at=("flows:place",),
    )
)
register(
    Kind(
        "findings",
        Q(Exists(Finding.objects.open().order_by().filter(flow=OuterRef("pk")))),
        lambda flow: [message("finding.asked")],
        place="found",
        answered_at=("exports:findings",),
    )
)
