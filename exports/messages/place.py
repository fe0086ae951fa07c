"""Where the grade of somebody goes who is on several of a flow's Ladok codes."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import MANAGER, Sentence, Trait, register

register(
    {
        "place.asked": Sentence(
            _("Students are on several of the flow's codes, and nobody has said where their grades go."),
            _("Until it is said, each grade goes to the code that Ladok accepts it under."),
            _("Say it on the flow's page. It cannot be changed when a grade has been sent."),
            MANAGER,
        ),
        "place.sent": Sentence(
            _("A grade of this flow has been sent, or is about to be: where grades go can no longer be changed."),
            _("Nothing was changed."),
            _("A single grade that Ladok has rejected can be sent to another code: choose Retry."),
            MANAGER,
        ),
        "place.seen_otherwise": Sentence(
            _("Somebody else has changed where grades go since you opened the page."),
            _("Nothing was changed."),
            _("Look at it once more, and choose again."),
            MANAGER,
            traits={Trait.NOT_AS_SHOWN},
        ),
    }
)
