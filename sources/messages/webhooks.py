"""What is told of WISEflow's webhook and its calls."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import LICENCE_ADMIN, OPERATOR, Sentence, register

# What came of a call
register(
    {
        "sources.webhook.looked": Sentence(_("The phase and the grades of the flow were read from WISEflow.")),
        "sources.webhook.sync_requested": Sentence(
            _("A synchronisation was asked for. WISEflow is told when it has ended.")
        ),
        "sources.webhook.waits": Sentence(
            _("Another synchronisation of the flow is under way."), effect=_("Another one follows when it has ended.")
        ),
        "sources.webhook.ignored": Sentence(_("LadokFlow has nothing to do when WISEflow tells of %(event)s.")),
        "sources.webhook.unreadable": Sentence(
            _("The call does not say what has happened in a way that LadokFlow understands."),
            effect=_("Nothing was done. What the call is about is found out at the next regular reading."),
            todo=_("If many calls are like this, ask those who run LadokFlow to look at them."),
            who=LICENCE_ADMIN,
        ),
        "sources.webhook.no_flow": Sentence(_("The call does not say which flow it is about.")),
        "sources.webhook.unknown_flow": Sentence(
            _("Flow %(flow)s in WISEflow was not made by LadokFlow for this source.")
        ),
        "sources.webhook.gave_up": Sentence(
            _("The worker ended before its time %(times)s times."),
            effect=_("What the call is about is found out at the next regular reading."),
            todo=_("Look at the log."),
            who=OPERATOR,
        ),
    }
)

# Registering, testing and removing
register(
    {
        "sources.webhook.not_public": Sentence(
            _("WISEflow calls https addresses only, and LadokFlow's is %(url)s."),
            effect=_("Nothing was registered."),
            todo=_("Set PUBLIC_URL to the https address at which WISEflow can reach LadokFlow."),
            who=OPERATOR,
        ),
        "sources.webhook.busy": Sentence(
            _("Somebody else is registering or removing the webhook right now."),
            todo=_("Wait a minute, then look again."),
        ),
        "sources.webhook.not_registered": Sentence(
            _("The webhook is not registered in WISEflow."), todo=_("Register it."), who=LICENCE_ADMIN
        ),
        "sources.webhook.gone": Sentence(
            _("WISEflow does not have the webhook any more."),
            effect=_("No call will come."),
            todo=_("Register it again."),
            who=LICENCE_ADMIN,
        ),
    }
)

# The audit log
register(
    {
        "sources.audit.webhook_registered": Sentence(_("Registered the webhook in WISEflow (webhook %(webhook)s).")),
        "sources.audit.webhook_tested": Sentence(_("Asked WISEflow for a test call of the webhook.")),
        "sources.audit.webhook_removed": Sentence(_("Removed the webhook from WISEflow.")),
        "sources.audit.webhook_changed": Sentence(_("Changed the webhook's settings: %(fields)s.")),
    }
)
