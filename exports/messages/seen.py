"""What is no longer as a preview has shown it. %(people)s are names, each with the grade or the reason."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import MANAGER, Sentence, Trait, register

register(
    {
        "seen.new": Sentence(_("Would be sent now, but was not when this was shown: %(people)s")),
        "seen.other": Sentence(_("Would be sent otherwise than it was shown, with the grade here: %(people)s")),
        "export.not_as_shown": Sentence(
            _(
                "What would be sent is no longer what the preview showed: %(new)s people have come, %(gone)s have gone, and "
                "%(other)s would be sent otherwise."
            ),
            _("Nothing was sent."),
            _("Open the preview again, and decide once more."),
            MANAGER,
            traits={Trait.NOT_AS_SHOWN},
        ),
        "seen.gone": Sentence(_("Would not be sent any more: %(people)s")),
    }
)
