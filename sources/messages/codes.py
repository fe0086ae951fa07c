"""What is told when a manager decides what a flow follows: its values, its Ladok codes, who assesses whom."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ladokflow.messages import MANAGER, Sentence, register

register(
    {
        "sources.code_shared": Sentence(
            ngettext_lazy(
                "%(count)s student on %(code)s is on another code of the flow as well.",
                "%(count)s students on %(code)s are on another code of the flow as well.",
                "count",
            ),
            effect=_("The code has not been added yet."),
            todo=_("Say below where their grades go, and add the code."),
            who=MANAGER,
        ),
        "sources.added_scale_unmatched": Sentence(
            _("%(code)s has the grading scale %(scale)s in Ladok, which has no counterpart in WISEflow."),
            effect=_("The code has not been added yet."),
            todo=_("Choose below which of WISEflow's scales it is, and add the code. The flow has %(flow)s."),
            who=MANAGER,
        ),
        "sources.added_scale_differs": Sentence(
            _(
                "%(code)s has the grading scale %(scale)s in Ladok, which is %(counterpart)s in WISEflow. The flow has %(flow)s."
            ),
            effect=_("The code has not been added yet."),
            todo=_(
                "Make a flow of its own for the code. If it is to be in this one all the same, say so below: no grade of the flow is sent "
                "before somebody has looked."
            ),
            who=MANAGER,
        ),
        "sources.audit.scale_chosen": Sentence(
            _("Said what becomes of the grading scale %(scale)s that %(code)s has in Ladok.")
        ),
        "sources.audit.grade_goes_to_one": Sentence(
            _("Said that the grade of somebody on several codes goes to the one that Ladok accepts.")
        ),
        "sources.audit.grade_goes_to_each": Sentence(
            _("Said that the grade of somebody on several codes goes to each of them.")
        ),
        "sources.flow_busy": Sentence(
            _("The flow is being synchronised just now."),
            effect=_("Nothing was changed."),
            todo=_("Wait until it is done, then try again."),
            who=MANAGER,
        ),
        "sources.audit.followed_again.title": Sentence(_("The title is to follow Ladok again.")),
        "sources.audit.followed_again.subtitle": Sentence(_("The subtitle is to follow Ladok again.")),
        "sources.audit.followed_again.code": Sentence(_("The flow code is to follow Ladok again.")),
        "sources.audit.followed_again.participation_start_at": Sentence(
            _("The start of participation is to follow Ladok again.")
        ),
        "sources.audit.followed_again.participation_end_at": Sentence(
            _("The end of participation is to follow Ladok again.")
        ),
        "sources.audit.followed_again.marking_start_at": Sentence(_("The start of marking is to follow Ladok again.")),
        "sources.audit.followed_again.marking_end_at": Sentence(_("The end of marking is to follow Ladok again.")),
        "sources.audit.followed_again.grading_scale": Sentence(_("The grading scale is to follow Ladok again.")),
    }
)

register(
    {
        "sources.change.assessor_allocated": Sentence(
            ngettext_lazy(
                "%(name)s is given %(count)s participant to assess.",
                "%(name)s is given %(count)s participants to assess.",
                "count",
            )
        ),
    }
)

# --- Adding and removing a code ------------------------------------------------------------------------------------

register(
    {
        "sources.code_too_late": Sentence(
            _("Participants are not taken in any more in this phase."),
            effect=_("%(code)s was not added."),
            todo=_("Make a flow of its own for the code."),
            who=MANAGER,
        ),
        "sources.code_is_last": Sentence(
            _("%(code)s is the flow's only Ladok code."),
            effect=_("It stays: the last code can be removed only when marking has ended."),
            todo=_("Add the right code first, then remove this one."),
            who=MANAGER,
        ),
        "sources.code_not_there": Sentence(
            _("%(code)s is not on the flow."), effect=_("Nothing was changed."), who=MANAGER
        ),
        "sources.removal.setup": Sentence(
            ngettext_lazy(
                "%(count)s participant, who comes from %(code)s only, is removed from the flow.",
                "%(count)s participants, who come from %(code)s only, are removed from the flow.",
                "count",
            )
        ),
        "sources.removal.participation": Sentence(
            ngettext_lazy(
                "%(count)s participant, who comes from %(code)s only, is deactivated in WISEflow, and not deleted.",
                "%(count)s participants, who come from %(code)s only, are deactivated in WISEflow, and not deleted.",
                "count",
            )
        ),
        "sources.removal.marking": Sentence(
            ngettext_lazy(
                "%(count)s participant, who comes from %(code)s only, stays in the flow and can be marked, but the grade "
                "is not sent to Ladok.",
                "%(count)s participants, who come from %(code)s only, stay in the flow and can be marked, but their grades "
                "are not sent to Ladok.",
                "count",
            )
        ),
        "sources.removal.concluding": Sentence(
            ngettext_lazy(
                "The grade of %(count)s participant, who comes from %(code)s only, cannot be sent to Ladok any more. "
                "What is there in WISEflow and in Ladok is not touched.",
                "The grades of %(count)s participants, who come from %(code)s only, cannot be sent to Ladok any more. "
                "What is there in WISEflow and in Ladok is not touched.",
                "count",
            )
        ),
        "sources.removal.staying": Sentence(
            ngettext_lazy(
                "%(count)s participant comes from another code as well, and stays as before.",
                "%(count)s participants come from another code as well, and stay as before.",
                "count",
            )
        ),
        "sources.removal.stops": Sentence(_("The flow does not follow %(code)s any more.")),
        "sources.removal.master": Sentence(
            _("%(code)s becomes the master: title, subtitle, dates and grading scale follow it from now on.")
        ),
        "sources.removal.export_ends": Sentence(
            _("It is the last code: no grade of the flow can be sent to Ladok after this.")
        ),
        "sources.change.removed_with_code": Sentence(
            _("%(name)s (%(organisation_id)s) is removed: the code the person came from was removed.")
        ),
        "sources.change.deactivated_with_code": Sentence(
            _("%(name)s (%(organisation_id)s) is deactivated: the code the person came from was removed.")
        ),
        "sources.reference_stays": Sentence(
            _("WISEflow did not let go of the reference to %(code)s."),
            effect=_("The flow does not follow the code any more; only the reference is still shown in WISEflow."),
            todo=_("Remove it in WISEflow."),
            who=MANAGER,
        ),
        "sources.audit.code_added": Sentence(_("Added the code %(code)s.")),
        "sources.audit.code_removed": Sentence(_("Removed the code %(code)s.")),
        "sources.audit.export_ended": Sentence(_("Export was ended: the last code was removed.")),
    }
)
