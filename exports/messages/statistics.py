"""What the command of the statistics says when it has no figures."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import Sentence, register

register(
    {
        "statistics.nothing_asked": Sentence(
            _("It was not said of which source the statistics are."),
            todo=_("Give its short name with --source, or --refresh to work out what is due."),
        ),
        "statistics.unknown": Sentence(
            _("%(source)s has no statistics of %(name)s %(value)s."),
            todo=_("See what there is with --apart %(name)s, or have it worked out with --refresh."),
        ),
    }
)
