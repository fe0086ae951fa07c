"""What is told of a flow that was taken over, or whose database was restored: which of its grades were exported before."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ladokflow.messages import MANAGER, Sentence, Trait, register

register(
    {
        "adoption.asked": Sentence(
            _(
                "Which of the flow's grades were exported to Ladok before it was taken over, or since the backup that was restored?"
            ),
            _("No grade of the flow is sent until it is said."),
            _("Say it on the page Exported before."),
            MANAGER,
        ),
        "adoption.reason_missing": Sentence(
            _("It was not said how it is known."), _("Nothing was changed."), _("Write it, and try again."), MANAGER
        ),
        "adoption.said_already": Sentence(
            _("It has been said already which grades were exported before."),
            _("Nothing was changed."),
            _("A grade that was marked wrongly can be taken back under Mark as exported."),
            MANAGER,
        ),
        "adoption.cannot_tell": Sentence(
            _("This cannot be told of the flow's grades."),
            _("Nothing was changed."),
            _("Choose another answer."),
            MANAGER,
        ),
        "adoption.none_to_say": Sentence(
            _("The flow was not taken over: all that has been exported of it is known."), _("Nothing was changed.")
        ),
        "attempt.adopted": Sentence(
            ngettext_lazy(
                "%(count)s grade was exported before the flow was taken over, as a manager has said. Nothing was sent.",
                "%(count)s grades were exported before the flow was taken over, as a manager has said. Nothing was sent.",
                "count",
            )
        ),
        "settle.exported_before": Sentence(
            _("Exported before the flow was taken over, as a manager has said: %(reason)s")
        ),
        "settle.exported_before_taken_back": Sentence(
            _("It was said to have been exported before the flow was taken over. That was taken back.")
        ),
        "audit.adoption_all": Sentence(
            _("Said that all %(count)s grades were exported before it was taken over (%(code)s): %(reason)s"),
            traits={Trait.STEP_SETTLED},
        ),
        "audit.adoption_wiseflow": Sentence(
            _(
                "Said that the %(count)s grades that WISEflow says so of were exported before it was taken over (%(code)s): %(reason)s"
            ),
            traits={Trait.STEP_SETTLED},
        ),
        "audit.adoption_ladok": Sentence(
            _(
                "Said that the %(count)s grades that Ladok shows were exported before it was taken over (%(code)s): %(reason)s"
            ),
            traits={Trait.STEP_SETTLED},
        ),
        "audit.adoption_none": Sentence(_("Said that no grade was exported before it was taken over: %(reason)s")),
    }
)
