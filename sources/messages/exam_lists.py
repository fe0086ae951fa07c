"""What is told of a list of exams that becomes a flow each, and of each of its rows."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from ladokflow.messages import MANAGER, Sentence, register

register(
    {
        "sources.exam_list.nothing_given": Sentence(
            _("The list is empty."), todo=_("Paste the rows with the exams, or choose a file."), who=MANAGER
        ),
        "sources.exam_list.too_many": Sentence(
            _("The list has more than %(most)s rows."),
            effect=_("Nothing was checked."),
            todo=_("Take the first %(most)s, and then the others."),
            who=MANAGER,
        ),
        "sources.exam_list.no_code_column": Sentence(
            _("No column of the heading is for the codes of the exams."),
            effect=_("Nothing was checked."),
            todo=_("Write “Exam code” above the codes."),
            who=MANAGER,
        ),
        "sources.exam_list.no_code": Sentence(
            _("The row has no code."), todo=_("Write the exam's code in Ladok, or take the row away."), who=MANAGER
        ),
        "sources.exam_list.too_long": Sentence(
            _("“%(text)s …” is too long."), todo=_("Correct the cell: has a text come into it?"), who=MANAGER
        ),
        "sources.exam_list.surplus": Sentence(
            ngettext_lazy(
                "The row has %(count)s cell more than there are columns.",
                "The row has %(count)s cells more than there are columns.",
                "count",
            ),
            todo=_(
                "Write a heading above the columns, and a comma between several people in a cell, with quotes around the cell."
            ),
            who=MANAGER,
        ),
        "sources.exam_list.twice": Sentence(
            _("%(code)s stands on an earlier row already."),
            todo=_("Write everybody in one row, with commas between them, and take the other row away."),
            who=MANAGER,
        ),
        "sources.exam_list.in_order_already": Sentence(
            _("%(code)s is among the rows in order already."),
            todo=_("Take this row away; or choose Change the list, and have one row with everybody in it."),
            who=MANAGER,
        ),
        "sources.exam_list.strangers": Sentence(
            _("WISEflow knows none of %(count)s people in the list: %(people)s and more."),
            effect=_("Nothing has been made yet."),
            todo=_("See that their organisation ids stand in the list as in WISEflow, and check it again."),
            who=MANAGER,
        ),
        "sources.exam_list.comma_in_name": Sentence(
            _("“%(written)s” is read as two people."),
            todo=_("If it is one, write %(name)s; if they are two, write their organisation ids."),
            who=MANAGER,
        ),
        "sources.exam_list.spreadsheets": Sentence(
            _(
                "Ladok has no exam with the code %(code)s. The spreadsheet may have changed it: zeros at the beginning are lost"
                " where a column is not text."
            ),
            todo=_("Write the code as it stands in Ladok."),
            who=MANAGER,
        ),
        "sources.exam_list.no_member": Sentence(
            _("“%(name)s” is no member here."),
            todo=_("Write the organisation id instead, and a comma between several people."),
            who=MANAGER,
        ),
        "sources.exam_list.several_members": Sentence(
            _("“%(name)s” may be several: %(people)s."), todo=_("Write which one, by e-mail address."), who=MANAGER
        ),
        "sources.unknown_preset": Sentence(
            _("There is no preset “%(name)s”. There are: %(names)s."),
            todo=_("Write the name as it stands in the administration."),
            who=MANAGER,
        ),
        "sources.exam_list.over": Sentence(
            _("The exam is over: it ended at %(at)s."), todo=_("See that it is the right exam."), who=MANAGER
        ),
    }
)
