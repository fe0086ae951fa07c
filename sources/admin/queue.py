"""The queue's own pages, to read, for superusers: what is in it comes from code (`setupschedules`, `ladokflow/queue.py`)."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from django_q import admin as _registers_its_pages  # noqa: F401 - before we register them again
from django_q.models import Failure, OrmQ, Schedule, Success, Task

from sources.admin.scope import ByTable

# The library's own names of its rows, which have no Swedish: it stands with ours.
WORDS = (
    gettext_noop("Successful task"), gettext_noop("Successful tasks"), gettext_noop("Failed task"), gettext_noop("Failed tasks"),
    gettext_noop("Scheduled task"), gettext_noop("Scheduled tasks"), gettext_noop("Queued task"), gettext_noop("Queued tasks"),
)  # fmt: skip
LONGEST_RESULT = 100

REGISTERED = [model for model in (Schedule, Success, Failure, OrmQ) if admin.site.is_registered(model)]
admin.site.unregister(REGISTERED)


class OfTheQueue(ByTable, admin.ModelAdmin):
    actions = ()

    @admin.display(description=_("name"))
    def title(self, row: Any) -> str | None:
        return row.name() if callable(row.name) else row.name

    @admin.display(description=_("function"))
    def function(self, row: Any) -> str | None:
        return row.func() if callable(row.func) else row.func

    @admin.display(description=_("workers"))
    def workers(self, row: Any) -> str | None:
        return row.cluster


@admin.register(Schedule)
class ScheduleAdmin(OfTheQueue):
    list_display = ("title", "function", "workers", "every", "next", "last", "went_well")
    search_fields = ("name", "func")
    fields = readonly_fields = list_display

    def get_queryset(self, request: HttpRequest) -> QuerySet[Schedule]:
        last = Task.objects.filter(id=OuterRef("task"))
        return (
            super()
            .get_queryset(request)
            .annotate(last_at=Subquery(last.values("started")[:1]), last_success=Subquery(last.values("success")[:1]))
        )

    @admin.display(description=_("every … minutes"))
    def every(self, row: Schedule) -> int | None:
        return row.minutes

    @admin.display(description=_("next run"), ordering="next_run")
    def next(self, row: Schedule) -> str:
        return display_for_value(row.next_run, "–")

    @admin.display(description=_("last run"))
    def last(self, row: Any) -> str:
        return display_for_value(row.last_at, "–")

    @admin.display(description=_("went well"), boolean=True)
    def went_well(self, row: Any) -> bool | None:
        return row.last_success


class OfTasks(OfTheQueue):
    search_fields = ("name", "func", "group")

    @admin.display(description=_("started"), ordering="started")
    def begun(self, row: Task) -> str:
        return display_for_value(row.started, "–")

    @admin.display(description=_("ended"), ordering="stopped")
    def ended(self, row: Task) -> str:
        return display_for_value(row.stopped, "–")

    @admin.display(description=_("seconds"))
    def seconds(self, row: Task) -> str:
        return f"{row.time_taken():.1f}"

    @admin.display(description=_("what came of it"))
    def outcome(self, row: Task) -> str | None:
        return Truncator(row.result).chars(LONGEST_RESULT) if row.result else None

    @admin.display(description=_("what came of it"))
    def whole_outcome(self, row: Task) -> str | None:
        return str(row.result) if row.result else None


@admin.register(Success)
class SuccessAdmin(OfTasks):
    list_display = ("title", "function", "workers", "begun", "ended", "seconds")
    fields = readonly_fields = list_display


@admin.register(Failure)
class FailureAdmin(OfTasks):
    list_display = ("title", "function", "workers", "begun", "ended", "outcome")
    fields = readonly_fields = ("title", "function", "workers", "begun", "ended", "whole_outcome")


if OrmQ in REGISTERED:  # not where the queue is in Redis

    @admin.register(OrmQ)
    class QueuedAdmin(OfTheQueue):
        list_display = ("title", "function", "queue", "is_taken")
        fields = readonly_fields = list_display

        @admin.display(description=_("queue"), ordering="key")
        def queue(self, row: OrmQ) -> str:
            return row.key

        @admin.display(description=_("a worker has it"), boolean=True)
        def is_taken(self, row: OrmQ) -> bool:
            """A worker that takes it puts the time there; nobody else may until it has had long enough."""
            return row.lock is not None and row.lock > timezone.now() - dt.timedelta(
                seconds=settings.Q_CLUSTER["retry"]
            )
