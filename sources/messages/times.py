"""What is told of moments that contradict: a flow's dates, one person's end, a room's booking."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import MANAGER, Sentence, register

register(
    {
        "sources.end_outside": Sentence(
            _(
                "%(name)s (%(organisation_id)s) has an end of their own, %(end)s, that does not go together with the flow's dates: "
                "participation from %(from)s to %(to)s, marking until %(marking_end)s."
            ),
            effect=_("It is not written: the person keeps the end they have in WISEflow, or ends with everybody else."),
            todo=_("See the person's end on the flow in WISEflow, and have what is wrong corrected there or in Ladok."),
            who=MANAGER,
        ),
        "sources.own_end_outside": Sentence(
            _(
                "%(name)s (%(organisation_id)s) has an end of their own in WISEflow, %(end)s, that does not go together with the "
                "flow's dates: participation from %(from)s to %(to)s, marking until %(marking_end)s."
            ),
            effect=_("It is left as it is."),
            todo=_("Correct it among the individual dates of the flow in WISEflow."),
            who=MANAGER,
        ),
        "sources.hand_set_end_outside": Sentence(
            _(
                "Somebody has got an end of their own in WISEflow, %(end)s, that does not go together with the flow's dates: "
                "participation from %(from)s to %(to)s, marking until %(marking_end)s."
            ),
            effect=_("It is left as it is."),
            todo=_("Look for it among the individual dates of the flow in WISEflow, and correct it."),
            who=MANAGER,
        ),
        "sources.room_elsewhen": Sentence(
            _(
                "The room %(room)s is booked from %(booked_from)s to %(booked_to)s, but participation is from %(from)s to "
                "%(to)s."
            ),
            effect=_("The booking is left as it is."),
            todo=_("Move the booking in WISEflow, or take it away."),
            who=MANAGER,
        ),
    }
)
