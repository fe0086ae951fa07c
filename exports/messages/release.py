"""What is told of a flow's grades before it is let go."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ladokflow.messages import MANAGER, Sentence, register

register(
    {
        "release.export_under_way": Sentence(
            _("An export of the flow is under way."),
            _("The flow was not let go."),
            _("Wait until it has ended, then try again."),
            MANAGER,
        ),
        "release.not_exported": Sentence(
            ngettext_lazy(
                "%(count)s person has a grade that is not exported. It is not sent from here any more.",
                "%(count)s people have a grade that is not exported. They are not sent from here any more.",
                "count",
            )
        ),
        "release.unknown": Sentence(
            ngettext_lazy(
                "Of %(count)s grade it is not known if it is in Ladok. It can still be settled afterwards, on the flow's page.",
                "Of %(count)s grades it is not known if they are in Ladok. They can still be settled afterwards, on the flow's page.",
                "count",
            )
        ),
        "release.findings": Sentence(
            ngettext_lazy(
                "%(count)s grade is to be looked into. It stays so until somebody has done it.",
                "%(count)s grades are to be looked into. They stay so until somebody has done it.",
                "count",
            )
        ),
    }
)
