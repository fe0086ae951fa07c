"""What somebody changed in WISEflow between our reading and our writing: it is left alone, and told."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import MANAGER, Sentence, Text, register


def _kept(what: Text) -> Sentence:
    return Sentence(
        what,
        effect=_("It is kept, and counts as changed by hand."),
        todo=_("If Ladok's is the right one, choose Follow Ladok again on the page of the flow."),
        who=MANAGER,
    )


register(
    {
        "sources.meanwhile.title": _kept(
            _("Somebody changed the title in WISEflow during the synchronisation, to “%(now)s”.")
        ),
        "sources.meanwhile.subtitle": _kept(
            _("Somebody changed the subtitle in WISEflow during the synchronisation, to “%(now)s”.")
        ),
        "sources.meanwhile.code": _kept(
            _("Somebody changed the flow code in WISEflow during the synchronisation, to “%(now)s”.")
        ),
        "sources.meanwhile.participation_start_at": _kept(
            _("Somebody changed the start of participation in WISEflow during the synchronisation, to %(now)s.")
        ),
        "sources.meanwhile.participation_end_at": _kept(
            _("Somebody changed the end of participation in WISEflow during the synchronisation, to %(now)s.")
        ),
        "sources.meanwhile.marking_start_at": _kept(
            _("Somebody changed the start of marking in WISEflow during the synchronisation, to %(now)s.")
        ),
        "sources.meanwhile.marking_end_at": _kept(
            _("Somebody changed the end of marking in WISEflow during the synchronisation, to %(now)s.")
        ),
        "sources.meanwhile.own_end": Sentence(
            _(
                "%(name)s (%(organisation_id)s) has got an end of their own in WISEflow by somebody's hand, %(now)s. By Ladok it is to be"
                " %(wanted)s."
            ),
            effect=_("The end in WISEflow is kept."),
            todo=_(
                "If Ladok's is the right one, set the person's end to it, or to the flow's, in WISEflow, then synchronise."
            ),
            who=MANAGER,
        ),
        # %(change)s is a message of its own
        "sources.meanwhile.phase": Sentence(
            _("The flow entered another phase in WISEflow during the synchronisation. This was not done: %(change)s"),
            effect=_("The participant is as before."),
            todo=_("Synchronise again: then it is done as it is done in the new phase."),
            who=MANAGER,
        ),
    }
)
