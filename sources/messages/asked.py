"""What a flow asks, where Home and the list of flows tell it in one sentence; the flow's page says more."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ladokflow.messages import MANAGER, Sentence, register

register(
    {
        "sources.asked.creation": Sentence(
            _("The creation of the flow has stopped."), todo=_("Look at the flow's page."), who=MANAGER
        ),
        "sources.asked.identity": Sentence(
            _("It is asked of somebody in Ladok if it is the same person."),
            effect=_("No grade of theirs is sent until it is said."),
            todo=_("Say on the flow's page who it is."),
            who=MANAGER,
        ),
        "sources.asked.accounts": Sentence(
            _("Somebody was made a user in WISEflow for the flow, and nobody has looked at it yet."),
            todo=_("See in WISEflow that it is the right person, and say so on the flow's page."),
            who=MANAGER,
        ),
        "sources.asked.warnings": Sentence(
            ngettext_lazy(
                "%(count)s thing to look at since the last synchronisation.",
                "%(count)s things to look at since the last synchronisation.",
                "count",
            ),
            todo=_("Look at the flow's page."),
            who=MANAGER,
        ),
        "sources.audit.warnings_seen": Sentence(
            ngettext_lazy(
                "%(count)s thing that synchronisations had told was looked at.",
                "%(count)s things that synchronisations had told were looked at.",
                "count",
            )
        ),
    }
)
