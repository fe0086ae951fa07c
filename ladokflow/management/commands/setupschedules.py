"""The schedules, from code: run at every deploy, as often as you like."""

from typing import Any, NamedTuple

from django.core.management.base import BaseCommand, no_translations
from django.db import transaction
from django_q.models import Schedule

from ladokflow.queue import Queue, task_named

PREFIX = "ladokflow: "


class Task(NamedTuple):
    """`minutes` between two calls. A task decides itself what is due, so a missed or a doubled call does no harm."""

    name: str
    func: str
    minutes: int
    queue: Queue = Queue.COMMON


# django-q2 writes a daily schedule's next time by adding 24 hours, which goes wrong when the clocks change, and has one time
# zone for all. So the night is asked for every minute, and the task knows each source's own time.
TASKS = (
    Task("heartbeat", "exports.tasks.heartbeat", 1),
    Task("heartbeat of exports", "exports.tasks.heartbeat", 1, Queue.EXPORTS),
    Task("collect grades", "exports.tasks.collect_all", 1),
    Task("nightly synchronisation", "sources.tasks.sync_night", 1),
    Task("coming exams", "sources.tasks.list_coming_exams", 5),
    Task("rules for flows", "sources.tasks.follow_rules", 5),
    Task("logs of WISEflow", "sources.tasks.want_logs", 5),
    Task("statistics", "exports.tasks.refresh_statistics", 3),
    Task("e-mail to managers", "exports.tasks.send_digests", 5),
    Task("credentials that end", "sources.tasks.tell_of_expiring", 60),
    Task("archive packages", "exports.tasks.request_packages", 60),
    Task("prune", "exports.tasks.prune", 60),
)


class Command(BaseCommand):
    help = "Create or update the queue's schedules; safe to run again."

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            ours = Schedule.objects.filter(name__startswith=PREFIX)
            removed, _ = ours.exclude(name__in=[PREFIX + task.name for task in TASKS]).delete()
            strange = [row.pk for row in Schedule.objects.all() if row.hook or task_named(row.func) is None]
            removed += Schedule.objects.filter(pk__in=strange).delete()[0]
            for task in TASKS:
                self.set_up(task)
        summary = f"{len(TASKS)} schedules are set up" + (f", {removed} removed." if removed else ".")
        self.stdout.write(summary)

    @staticmethod
    def set_up(task: Task) -> None:
        fields = {
            "func": task.func,
            "schedule_type": Schedule.MINUTES,
            "minutes": task.minutes,
            "repeats": -1,
            "args": None,
            "kwargs": None,
            "hook": None,
            # None is the common one: django-q2 leaves schedules with another name to the cluster of that name.
            "cluster": None if task.queue is Queue.COMMON else task.queue.value,
        }
        first, *doubled = Schedule.objects.filter(name=PREFIX + task.name).order_by("pk") or [None]
        if first is None:
            Schedule.objects.create(name=PREFIX + task.name, **fields)
            return
        Schedule.objects.filter(pk=first.pk).update(**fields)
        Schedule.objects.filter(pk__in=[row.pk for row in doubled]).delete()
