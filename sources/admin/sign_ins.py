"""Who has signed in, and who has tried: django-axes' rows, for superusers, in our words. When one may try again: `ladokflow/sign_in_limits.py`."""

from axes import admin as _registers_its_pages  # noqa: F401 - before we register them again
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from sources.admin.scope import ByTable

# The library's own names of its rows, which have no Swedish: it stands with ours.
WORDS = (
    gettext_noop("access attempt"), gettext_noop("access attempts"), gettext_noop("access log"), gettext_noop("access logs"),
)  # fmt: skip

# The last is only written where django-axes is told to, and we do not.
admin.site.unregister([AccessAttempt, AccessLog, AccessFailureLog])


class SignIns(ByTable, admin.ModelAdmin):
    """All there is to know of a row stands in the list."""

    list_display_links = None
    date_hierarchy = "attempt_time"
    list_per_page = 50
    search_fields = ("username", "ip_address", "user_agent")
    search_help_text = _("A user name, an address or a browser")

    @admin.display(description=_("when"), ordering="attempt_time")
    def at(self, row: AccessLog) -> str:
        return display_for_value(row.attempt_time, "–")

    @admin.display(description=_("user name"), ordering="username")
    def name(self, row: AccessLog) -> str | None:
        return row.username

    @admin.display(description=_("from"), ordering="ip_address")
    def address(self, row: AccessLog) -> str | None:
        return row.ip_address

    @admin.display(description=_("browser"), ordering="user_agent")
    def browser(self, row: AccessLog) -> str | None:
        return row.user_agent or None


@admin.register(AccessAttempt)
class AccessAttemptAdmin(SignIns):
    list_display = ("at", "name", "address", "wrong", "browser")
    fields = readonly_fields = list_display

    @admin.display(description=_("wrong tries"), ordering="failures_since_start")
    def wrong(self, row: AccessAttempt) -> int:
        return row.failures_since_start


@admin.register(AccessLog)
class AccessLogAdmin(SignIns):
    list_display = ("at", "signed_out", "name", "address", "browser")
    fields = readonly_fields = list_display

    @admin.display(description=_("signed out"), ordering="logout_time")
    def signed_out(self, row: AccessLog) -> str:
        return display_for_value(row.logout_time, "–")
