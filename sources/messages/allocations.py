"""What is told of the list of who assesses whom, and of several exams that one form makes flows of."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ladokflow.messages import MANAGER, Sentence, register

register(
    {
        "sources.list_line_short": Sentence(
            _("Line %(line)s, “%(text)s”, has no assessor."),
            todo=_("Write the participant's organisation id, a semicolon and the assessor on each line."),
            who=MANAGER,
        ),
        "sources.list_line_long": Sentence(
            _("Line %(line)s has %(count)s columns instead of two."),
            todo=_("Keep two columns: the participant's organisation id and the assessor."),
            who=MANAGER,
        ),
        "sources.list_line_name": Sentence(
            _("Line %(line)s: “%(text)s” is neither an organisation id nor an e-mail address."),
            todo=_("Write the organisation id instead of a name."),
            who=MANAGER,
        ),
        "sources.list_line_assessor": Sentence(
            _("Line %(line)s: %(assessor)s is not one of the assessors."),
            todo=_("Correct the line, or add the person to the assessors."),
            who=MANAGER,
        ),
        "sources.list_line_stranger": Sentence(
            _("Line %(line)s: Ladok has nobody with the organisation id %(participant)s on the exam."),
            todo=_("Correct the line or take it away. Somebody who registers later is added on the flow's page."),
            who=MANAGER,
        ),
        "sources.list_too_long": Sentence(
            _("The list has more than %(most)s lines."), todo=_("Make it shorter."), who=MANAGER
        ),
        "sources.not_on_the_list": Sentence(
            ngettext_lazy(
                "%(count)s participant has no assessor, for they are not on the list of who assesses whom: %(people)s.",
                "%(count)s participants have no assessor, for they are not on the list of who assesses whom: %(people)s.",
                "count",
            ),
            todo=_("Add them to the list on the flow's page, or give them an assessor in WISEflow."),
            who=MANAGER,
        ),
        "sources.listed_not_on_the_flow": Sentence(
            ngettext_lazy(
                "%(count)s person on the list of who assesses whom is not on the flow: %(people)s.",
                "%(count)s people on the list of who assesses whom are not on the flow: %(people)s.",
                "count",
            ),
            effect=_("They get their assessor when they come in."),
            todo=_("If an organisation id is wrong, correct it in the list on the flow's page."),
            who=MANAGER,
        ),
        "sources.listed_assessor_missing": Sentence(
            _("The list of who assesses whom names assessors who are not on the flow: %(people)s."),
            effect=_("Their participants are not given to anybody."),
            todo=_("Add them as assessors in WISEflow, or change the list on the flow's page."),
            who=MANAGER,
        ),
        "sources.list_after_marking": Sentence(
            _("Participants are given to assessors until participation has ended."),
            effect=_("Nothing was changed."),
            todo=_("Give them to their assessors in WISEflow."),
            who=MANAGER,
        ),
        "sources.audit.list_changed": Sentence(
            ngettext_lazy(
                "Changed the list of who assesses whom: %(count)s line.",
                "Changed the list of who assesses whom: %(count)s lines.",
                "count",
            )
        ),
        "sources.audit.batch_requested": Sentence(
            ngettext_lazy("Asked for %(count)s flow.", "Asked for %(count)s flows, one per exam.", "count")
        ),
    }
)
