"""What is told when a flow is let go."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ladokflow.messages import MANAGER, Sentence, register

register(
    {
        # --- What letting go does
        "sources.release.deleted": Sentence(
            ngettext_lazy(
                "The flow %(number)s is deleted in WISEflow, with its %(count)s participant. A licence admin can restore it there for a while.",
                "The flow %(number)s is deleted in WISEflow, with its %(count)s participants. A licence admin can restore it there for a while.",
                "count",
            )
        ),
        "sources.release.gone": Sentence(_("WISEflow does not have the flow %(number)s: nothing is changed there.")),
        "sources.release.kept": Sentence(
            _(
                "The flow %(number)s stays in WISEflow as it is, with everybody on it. LadokFlow does not synchronise it any more."
            )
        ),
        "sources.release.unmade": Sentence(_("The flow has not been made in WISEflow: nothing is changed there.")),
        "sources.release.unmade_in_doubt": Sentence(
            _("It is not known if the flow was made in WISEflow. Should it turn up there, delete it in WISEflow.")
        ),
        "sources.release.references_go": Sentence(
            _("LadokFlow's references, with the button that asks for a synchronisation, are taken off the flow.")
        ),
        "sources.release.references_stay": Sentence(
            _(
                "WISEflow cannot be asked now, so LadokFlow's references stay on the flow %(number)s. Take them off in WISEflow."
            )
        ),
        "sources.release.codes_free": Sentence(
            _(
                "%(codes)s can be put on another flow. What has been exported from this one is known there, and not sent again by itself."
            )
        ),
        # --- Why not
        "sources.release.done_already": Sentence(
            _("The flow has been let go already."), effect=_("Nothing was changed.")
        ),
        "sources.release.being_made": Sentence(
            _("The flow is being made just now."),
            effect=_("Nothing was changed."),
            todo=_("Wait until it is done, then try again."),
            who=MANAGER,
        ),
        "sources.release.not_this_way": Sentence(
            _("The flow cannot be let go in this way now."),
            effect=_("Nothing was changed."),
            todo=_("Look at how it can be: the phase in WISEflow decides."),
            who=MANAGER,
        ),
        # --- What has been done
        "sources.released.deleted": Sentence(
            _("Let go on %(at)s by %(by)s, and deleted in WISEflow, where it was flow %(number)s.")
        ),
        "sources.released.gone": Sentence(
            _("Let go on %(at)s by %(by)s. WISEflow did not have the flow (%(number)s).")
        ),
        "sources.released.kept": Sentence(
            _("Let go on %(at)s by %(by)s. In WISEflow it is as it was: flow %(number)s.")
        ),
        "sources.audit.released_deleted": Sentence(
            _("Let the flow go (%(codes)s), and deleted it in WISEflow (flow %(number)s).")
        ),
        "sources.audit.released_gone": Sentence(
            _("Let the flow go (%(codes)s). WISEflow did not have it (flow %(number)s).")
        ),
        "sources.audit.released_kept": Sentence(
            _("Let the flow go (%(codes)s). It stays in WISEflow (flow %(number)s).")
        ),
    }
)
