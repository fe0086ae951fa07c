"""What a synchronisation changes, as preview, run and history tell it."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ladokflow.messages import Sentence, register

register(
    {
        "sources.change.title": Sentence(_("The title becomes “%(new)s”.")),
        "sources.change.subtitle": Sentence(_("The subtitle becomes “%(new)s”.")),
        "sources.change.code": Sentence(_("The flow code becomes “%(new)s”.")),
        "sources.change.dates": Sentence(
            _("Participation is from %(start)s to %(end)s, marking from %(marking_start)s to %(marking_end)s.")
        ),
        "sources.change.scale": Sentence(_("The grading scale becomes %(scale)s.")),
        "sources.change.added": Sentence(_("%(name)s (%(organisation_id)s) is added: registered for %(codes)s.")),
        "sources.change.added_with_user": Sentence(
            _("%(name)s (%(organisation_id)s) is made a user in WISEflow and added: registered for %(codes)s.")
        ),
        "sources.change.person": Sentence(
            _("%(name)s (%(organisation_id)s) gets the name and identifiers that Ladok has.")
        ),
        "sources.change.added_by_email": Sentence(
            _(
                "%(name)s (%(organisation_id)s) is added: registered for %(codes)s. The user with the e-mail address is taken, "
                "or one is made."
            )
        ),
        "sources.change.unique_exam_id": Sentence(
            _("%(name)s (%(organisation_id)s) gets the unique exam id %(value)s.")
        ),
        "sources.change.end": Sentence(_("%(name)s (%(organisation_id)s) ends at %(end)s.")),
        "sources.change.end_cleared": Sentence(_("%(name)s (%(organisation_id)s) ends together with everybody else.")),
        "sources.change.reactivated": Sentence(
            _("%(name)s (%(organisation_id)s) is activated: registered in Ladok again.")
        ),
        "sources.change.removed": Sentence(
            _("%(name)s (%(organisation_id)s) is removed: no longer registered in Ladok.")
        ),
        "sources.change.deactivated": Sentence(
            _("%(name)s (%(organisation_id)s) is deactivated: no longer registered in Ladok.")
        ),
        "sources.change.allocated": Sentence(
            ngettext_lazy(
                "%(count)s participant is marked as coming from %(code)s.",
                "%(count)s participants are marked as coming from %(code)s.",
                "count",
            )
        ),
        "sources.change.deallocated": Sentence(
            ngettext_lazy(
                "%(count)s participant is no longer marked as coming from %(code)s.",
                "%(count)s participants are no longer marked as coming from %(code)s.",
                "count",
            )
        ),
        "sources.change.staff_added.manager": Sentence(_("%(name)s becomes manager.")),
        "sources.change.staff_added.assessor": Sentence(_("%(name)s becomes assessor.")),
        "sources.change.staff_added.reviewer": Sentence(_("%(name)s becomes reviewer.")),
        "sources.change.staff_added.invigilator": Sentence(_("%(name)s becomes invigilator.")),
        "sources.change.staff_added.head_invigilator": Sentence(_("%(name)s becomes head invigilator.")),
        "sources.change.staff_added.author": Sentence(_("%(name)s becomes author.")),
        "sources.change.staff_removed.manager": Sentence(_("%(name)s is no longer manager.")),
        "sources.change.staff_removed.assessor": Sentence(_("%(name)s is no longer assessor.")),
        "sources.change.staff_removed.reviewer": Sentence(_("%(name)s is no longer reviewer.")),
        "sources.change.staff_removed.invigilator": Sentence(_("%(name)s is no longer invigilator.")),
        "sources.change.staff_removed.head_invigilator": Sentence(_("%(name)s is no longer head invigilator.")),
        "sources.change.staff_removed.author": Sentence(_("%(name)s is no longer author.")),
        "sources.change.room_made": Sentence(_("The room %(room)s is made in WISEflow.")),
        "sources.change.room_booked": Sentence(_("The room %(room)s is booked from %(start)s to %(end)s.")),
        "sources.change.room_unbooked": Sentence(_("The earlier booking of %(room)s is cancelled.")),
        "sources.change.room_placed": Sentence(
            ngettext_lazy(
                "%(count)s participant is placed in %(room)s.",
                "%(count)s participants are placed in %(room)s.",
                "count",
            )
        ),
    }
)
