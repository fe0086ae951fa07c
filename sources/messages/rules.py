"""What is told of rules by which flows are made by themselves."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ladokflow.messages import LICENCE_ADMIN, Sentence, Trait, register

register(
    {
        "sources.rule.too_many": Sentence(
            _("The rule would make %(count)s flows, and may make at most %(most)s at once."),
            effect=_("It has made none."),
            todo=_("Look at its dry run, and make them; or make the rule narrower."),
            who=LICENCE_ADMIN,
            traits={Trait.QUESTION},
        ),
        "sources.rule.manager_gone": Sentence(
            _("%(name)s, for whom the rule makes flows, has no account any more."),
            effect=_("It has made none."),
            todo=_("Choose another manager for the rule."),
            who=LICENCE_ADMIN,
            traits={Trait.QUESTION},
        ),
        "sources.audit.rule_followed": Sentence(
            ngettext_lazy(
                "The rule “%(name)s” has asked for %(count)s flow: %(codes)s.",
                "The rule “%(name)s” has asked for %(count)s flows: %(codes)s.",
                "count",
            )
        ),
        "sources.audit.rule_answered": Sentence(
            ngettext_lazy(
                "Had %(count)s flow made that the rule “%(name)s” asked about.",
                "Had %(count)s flows made that the rule “%(name)s” asked about.",
                "count",
            )
        ),
        "admin.rule_added": Sentence(_("Added the rule “%(name)s”.")),
        "admin.rule_changed": Sentence(_("Changed the rule “%(name)s”: %(fields)s.")),
        "admin.rule_deleted": Sentence(_("Deleted the rule “%(name)s”.")),
    }
)
