"""What is told of grades without a paper."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ladokflow.messages import MANAGER, Sentence, Trait, register

register(
    {
        "export.no_paper": Sentence(
            _("Nothing was handed in, says WISEflow, and %(grade)s is a passing grade."),
            _("The grade is not sent before a manager has said that it is right."),
            _(
                "Look in WISEflow. If the grade is right, say so on the flow's page Papers and grades; otherwise have it corrected."
            ),
            MANAGER,
            traits={Trait.WITHOUT_PAPER, Trait.MENDABLE},
        ),
        "export.blank_paper": Sentence(
            _("A blank paper was handed in, says WISEflow, and %(grade)s is a passing grade."),
            _("The grade is not sent before a manager has said that it is right."),
            _(
                "Look in WISEflow. If the grade is right, say so on the flow's page Papers and grades; otherwise have it corrected."
            ),
            MANAGER,
            traits={Trait.WITHOUT_PAPER, Trait.MENDABLE},
        ),
        "papers.asked": Sentence(
            ngettext_lazy(
                "%(count)s person has a passing grade, and handed in nothing.",
                "%(count)s people have a passing grade, and handed in nothing.",
                "count",
            ),
            _("These grades are not sent before a manager has said that they are right."),
            _("Look at who they are, and say which grades are right."),
            MANAGER,
        ),
        "papers.not_asked": Sentence(
            _("Of some of those who were chosen nothing is asked any more."),
            _("Nothing was kept."),
            _("Look at the list, and choose again."),
            MANAGER,
        ),
        "papers.sent": Sentence(
            _("The grade has been sent to Ladok by now."),
            _("What was said of it stays."),
            _("If it is wrong, have it corrected in WISEflow, and send the changed grade."),
            MANAGER,
        ),
        "audit.paper_accepted": Sentence(
            _("Said that %(person)s gets %(grade)s although nothing was handed in: %(reason)s"),
            traits={Trait.NAMES_STUDENT},
        ),
        "audit.paper_accepted_back": Sentence(
            _("Took back that %(person)s gets %(grade)s although nothing was handed in."),
            traits={Trait.NAMES_STUDENT},
        ),
    }
)
