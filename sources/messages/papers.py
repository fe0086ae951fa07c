"""What is told of who has handed in."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import MANAGER, Sentence, register

register(
    {
        "sources.papers.not_read": Sentence(
            _("It could not be read who has handed in: %(cause)s"),
            _("Nobody is held for it: a grade goes to Ladok as if a paper had been handed in."),
            _("It is tried again by itself. If it does not get better, look in WISEflow who has handed in."),
            MANAGER,
        ),
        "sources.webhook.papers_read": Sentence(_("Read who has handed in.")),
        "sources.webhook.papers_later": Sentence(_("Who has handed in is read with the next look at the flow.")),
    }
)
