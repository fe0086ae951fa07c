"""The queue's own pages, to read, for superusers: what is in it comes from code (`setupschedules`, `ladokflow/queue.py`)."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_noop as _
from django_q import admin as _registers_its_pages  # noqa: F401 - before we register them again
from django_q.models import Failure, OrmQ, Schedule, Success

from sources.admin.scope import allows
from sources.universities.permissions import ADMIN

# The libraries' own words on these pages and on those of sign-ins, which have no Swedish: it stands with ours.
WORDS = (
    _("Successful task"), _("Successful tasks"), _("Failed task"), _("Failed tasks"), _("Scheduled task"), _("Scheduled tasks"),
    _("Queued task"), _("Queued tasks"), _("Function"), _("Group"), _("Cluster"), _("Started at"), _("Stopped at"), _("Success"),
    _("Schedule Type"), _("Repeats"), _("Next Run"), _("Last task id"), _("Lock until"), _("Arguments"), _("Keyword arguments"),
    _("Result"), _("Attempt count"), _("Task id"), _("Minutes"), _("Hook"),
    _("access attempt"), _("access attempts"), _("access failure"), _("access failures"), _("access log"), _("access logs"),
)  # fmt: skip


class ReadOnly(admin.ModelAdmin):
    actions = ()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return allows(request, ADMIN[self.opts.label_lower].view)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return allows(request, ADMIN[self.opts.label_lower].add)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allows(request, ADMIN[self.opts.label_lower].change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allows(request, ADMIN[self.opts.label_lower].delete)


for model in (Schedule, Success, Failure, OrmQ):
    if admin.site.is_registered(model):
        theirs = type(admin.site.get_model_admin(model))
        admin.site.unregister(model)
        admin.site.register(model, type(theirs.__name__, (ReadOnly, theirs), {}))
