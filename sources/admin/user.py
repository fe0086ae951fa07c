"""Accounts, for superusers. A right comes from a membership: Django's groups and permissions are nowhere."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangosUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ladokflow.addresses import address_of
from sources.identity import second_factors

admin.site.unregister([Group, User])


@admin.register(User)
class UserAdmin(DjangosUserAdmin):
    list_display = ("username", "first_name", "last_name", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email")}),
        (_("Access"), {"fields": ("is_active", "is_staff", "is_superuser")}),
        (_("Times"), {"fields": ("last_login", "date_joined")}),
    )
    actions = ("remove_second_factors",)

    @admin.action(description=_("Remove all second factors: the person has lost them"), permissions=["change"])
    def remove_second_factors(self, request: HttpRequest, queryset: Any) -> None:
        who: dict[str, Any] = {"by": request.user, "address": address_of(request)}
        count = sum(second_factors.remove_all(user, **who) for user in queryset)
        text = ngettext("%(count)s second factor is removed.", "%(count)s second factors are removed.", count)
        messages.success(request, text % {"count": count})
