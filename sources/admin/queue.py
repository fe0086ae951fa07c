"""The queue's own pages, to read, for superusers: what is in it comes from code (`setupschedules`, `ladokflow/queue.py`)."""

from django.contrib import admin
from django.utils.translation import gettext_noop as _
from django_q import admin as _registers_its_pages  # noqa: F401 - before we register them again
from django_q.models import Failure, OrmQ, Schedule, Success

from sources.admin.scope import OfOperation

# The libraries' own words on these pages and on those of sign-ins, which have no Swedish: it stands with ours.
WORDS = (
    _("Successful task"), _("Successful tasks"), _("Failed task"), _("Failed tasks"), _("Scheduled task"), _("Scheduled tasks"),
    _("Queued task"), _("Queued tasks"), _("Function"), _("Group"), _("Cluster"), _("Started at"), _("Stopped at"), _("Success"),
    _("Schedule Type"), _("Repeats"), _("Next Run"), _("Last task id"), _("Lock until"), _("Arguments"), _("Keyword arguments"),
    _("Result"), _("Attempt count"), _("Task id"), _("Minutes"), _("Hook"),
    _("access attempt"), _("access attempts"), _("access failure"), _("access failures"), _("access log"), _("access logs"),
)  # fmt: skip


class ReadOnly(OfOperation, admin.ModelAdmin):
    actions = ()


for model in (Schedule, Success, Failure, OrmQ):
    if admin.site.is_registered(model):
        theirs = type(admin.site.get_model_admin(model))
        admin.site.unregister(model)
        admin.site.register(model, type(theirs.__name__, (ReadOnly, theirs), {}))
