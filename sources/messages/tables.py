"""What is told of a table that somebody has pasted or uploaded, as a whole."""

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import MANAGER, Sentence, register

register(
    {
        "sources.table.file_too_large": Sentence(
            _("The file is larger than 2 MB."),
            effect=_("It was not read."),
            todo=_("Choose the one with the table alone, or paste the rows."),
            who=MANAGER,
        ),
        "sources.table.old_workbook": Sentence(
            _("The workbook is of the old kind (.xls), or has a password."),
            effect=_("It was not read."),
            todo=_("Save it as .xlsx without a password or as CSV, or paste the rows."),
            who=MANAGER,
        ),
        "sources.table.workbook_unreadable": Sentence(
            _("The workbook cannot be read."),
            todo=_("Open it in the spreadsheet program and save it again, or paste the rows."),
            who=MANAGER,
        ),
        "sources.table.no_text": Sentence(
            _("The file is neither a text nor a workbook."),
            effect=_("It was not read."),
            todo=_("Save the sheet as .xlsx or CSV and choose that file."),
            who=MANAGER,
        ),
    }
)
