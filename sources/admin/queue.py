"""The queue's own pages. A schedule may name any function of the program, so they are for superusers only."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django_q import admin as _registers_its_pages  # noqa: F401 - before we register them again
from django_q.models import Failure, OrmQ, Schedule, Success


class SuperusersOnly(admin.ModelAdmin):
    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)


for model in (Schedule, Success, Failure, OrmQ):
    if admin.site.is_registered(model):
        theirs = type(admin.site.get_model_admin(model))
        admin.site.unregister(model)
        admin.site.register(model, type(theirs.__name__, (SuperusersOnly, theirs), {}))
