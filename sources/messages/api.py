"""What is told of our API and of our own webhooks: the audit log, and what came of a call to a subscriber."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import LICENCE_ADMIN, OPERATOR, Sentence, register

# The audit log
register(
    {
        "sources.audit.api_call": Sentence(_("Called the API with %(access)s: %(call)s.")),
        "admin.api_access_added": Sentence(_("Made %(kind)s %(access)s, which acts as %(email)s: %(fields)s.")),
        "admin.api_access_changed": Sentence(_("Changed %(kind)s %(access)s, which acts as %(email)s: %(fields)s.")),
        "admin.api_access_beyond": Sentence(
            _("You may not do this yourself at %(source)s, so you can let nothing else do it: %(scopes)s."),
            _("Nothing was changed."),
            _("Leave it out, or ask a licence admin who has these rights to do it."),
            LICENCE_ADMIN,
        ),
        "admin.api_access_renewed": Sentence(
            _("Gave %(kind)s %(access)s, which acts as %(email)s, a new secret. The former one is worth nothing now.")
        ),
        "admin.api_access_enabled": Sentence(_("Enabled %(kind)s %(access)s, which acts as %(email)s.")),
        "admin.api_access_disabled": Sentence(_("Disabled %(kind)s %(access)s, which acts as %(email)s.")),
        "admin.api_access_deleted": Sentence(_("Deleted %(kind)s %(access)s, which acted as %(email)s.")),
        "admin.subscription_added": Sentence(_("Added the outgoing webhook %(name)s: %(fields)s.")),
        "admin.subscription_changed": Sentence(_("Changed the outgoing webhook %(name)s: %(fields)s.")),
        "admin.subscription_renewed": Sentence(_("Gave the outgoing webhook %(name)s a new secret.")),
        "admin.subscription_enabled": Sentence(_("Enabled the outgoing webhook %(name)s.")),
        "admin.subscription_disabled": Sentence(_("Disabled the outgoing webhook %(name)s.")),
        "admin.subscription_deleted": Sentence(_("Deleted the outgoing webhook %(name)s.")),
        "admin.subscription_tested": Sentence(_("Had the outgoing webhook %(name)s tested.")),
    }
)

# Deliveries. %(cause)s is why the last try failed, a message of its own.
register(
    {
        "sources.delivery.delivered": Sentence(_("It was received (status %(status)s).")),
        "sources.delivery.refused": Sentence(
            _("The receiver answered with status %(status)s."),
            effect=_("It is tried again some times, over two days."),
            todo=_("Have those who run the receiver look at it."),
            who=LICENCE_ADMIN,
        ),
        "sources.delivery.no_answer": Sentence(
            _("The receiver could not be reached, or did not answer in time."),
            effect=_("It is tried again some times, over two days."),
            todo=_("See if the address is right, and have those who run the receiver look at it."),
            who=LICENCE_ADMIN,
        ),
        "sources.delivery.inside": Sentence(
            _("The address is not https, or leads into the network of this server. It was not called."),
            effect=_("It is tried again some times, over two days."),
            todo=_("Change the address; or have the host named in INSIDE_HOSTS."),
            who=OPERATOR,
        ),
        "sources.delivery.switched_off": Sentence(_("The webhook was disabled. The call was not made.")),
        "sources.delivery.gave_up": Sentence(
            _("It was tried %(tries)s times, and is not tried any more. %(cause)s"),
            effect=_("The receiver does not know of it."),
            todo=_("The receiver can read over the API how the flow is."),
            who=LICENCE_ADMIN,
        ),
    }
)
