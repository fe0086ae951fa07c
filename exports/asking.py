"""What a flow asks about its grades that only a person can answer: the kinds of this app, for `sources/flows/asking.py`."""

from __future__ import annotations

from django.db.models import Count, Exists, OuterRef, Q

from exports.attempts.place import IS_SENT
from exports.models import ExportAttempt, Finding
from ladokflow.ladok import UNIVERSITIES
from ladokflow.messages import message
from sources.flows.asking import IS_SYNCABLE, Kind, register
from sources.models import Flow, FlowSource, Membership, Registration, Source
from sources.models.flow import ExportState

IS_ALIVE = Q(setup_state=Flow.Setup.READY, export_ended_at=None) & ~Q(state=Flow.State.ARCHIVED)

# Asked first: of a flow with one code nobody is looked at
has_several = Exists(FlowSource.objects.filter(flow=OuterRef("pk"), removed_at__isnull=True, position__gt=0))
# Those on the lists of several codes of one flow
listed = Registration.objects.listed().filter(code__flow=OuterRef("pk")).order_by()
on_several = listed.values("participant").annotate(lists=Count("pk")).filter(lists__gt=1)

# As `hindrance` in `exports/attempts/automatic.py`: a flow exports by itself in the name of who made it
WANTS_TO_GO = Q(instant_export=True) | Q(exports_when_marking_ends=True)
as_maker = Membership.objects.filter(source=OuterRef("source"), user=OuterRef("created_by"), user__is_active=True)
maker_may_not = Q(Exists(as_maker.filter(can_export=False)))
maker_may = Q(Exists(as_maker.filter(can_export=True).exclude(organisation_id="")))
names_sender = [slug for slug, university in UNIVERSITIES.items() if university.names_sender]
nobody_is_named = Q(source__in=Source.objects.filter(university__in=names_sender).order_by().values("pk"))

register(
    Kind(
        "adoption",
        Q(setup_state=Flow.Setup.READY, export_ended_at=None, adoption=Flow.Adoption.UNSAID),
        lambda flow: [message("adoption.asked")],
        place="",
        answered_at=("exports:adoption",),
        page="exports:adoption",
        needs_right=True,
    )
)
register(
    Kind(
        "grades",
        IS_ALIVE & ~Q(scale_message={}),
        lambda flow: [flow.scale_reason],
        place="word",
        answered_at=("exports:say",),
        page="exports:preview",
        needs_right=True,
    )
)
register(
    Kind(
        "papers",
        IS_ALIVE & Q(papers_asked__gt=0),
        lambda flow: [message("papers.asked", count=flow.papers_asked)],
        place="",
        answered_at=("exports:papers", "exports:papers_back"),
        page="exports:papers",
        needs_right=True,
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
        needs_right=True,
    )
)
register(
    Kind(
        "by_itself",
        IS_SYNCABLE
        & WANTS_TO_GO
        & ~Q(export_state=ExportState.EXPORTED)
        & Q(maker_may_not | (nobody_is_named & ~maker_may)),
        lambda flow: [message("export.asked_by_itself")],
        place="by-itself",
        answered_at=("flows:change",),
        page="flows:change",
        is_mild=True,
    )
)
register(
    Kind(
        "findings",
        Q(Exists(Finding.objects.open().order_by().filter(flow=OuterRef("pk")))),
        lambda flow: [message("finding.asked")],
        place="",
        answered_at=("exports:findings",),
        page="exports:findings",
    )
)
