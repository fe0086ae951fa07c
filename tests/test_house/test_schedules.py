"""The schedules are code: one faulty row would stop them all."""

from multiprocessing import Value
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import Failure, OrmQ, Schedule, Success, Task
from django_q.tasks import async_task
from django_q.worker import worker

from ladokflow.management.commands.setupschedules import PREFIX, TASKS
from ladokflow.queue import Queue, task_named
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def set_up() -> None:
    call_command("setupschedules", verbosity=0)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_schedule_calls_a_function_that_is_there(task) -> None:
    assert task_named(task.func) is import_string(task.func)


@pytest.mark.parametrize(
    "name", ["sources.tasks.create_flow", "exports.tasks.send_attempt", "sources.tasks.tell_of_rights"]
)
def test_what_a_row_of_ours_wakes_a_worker_for_is_a_task(name: str) -> None:
    assert task_named(name) is import_string(name)


NO_TASKS = (
    "os.system", "subprocess.run", "builtins.eval", "django.core.management.call_command", "exports.attempts.send.send_attempt",
    "exports.tasks.send.send_attempt", "exports.tasks.digest", "exports.tasks.Heartbeat", "exports.tasks.__import__",
    "sources.tasks.run.run_sync", "sources.tasks.", "tasks.heartbeat", "exports.tasks.heartbeat\n", "exports.tasks.gone", "", None, print,
)  # fmt: skip


@pytest.mark.parametrize("name", NO_TASKS, ids=repr)
def test_a_worker_finds_nothing_else(name: Any) -> None:
    assert task_named(name) is None


def test_the_worker_asks_us_and_calls_no_hook(tmp_path: Path) -> None:
    """A worker of django-q2 itself, with what a schedule in its table could name."""
    ran = tmp_path / "ran"
    entries: SimpleQueue[Any] = SimpleQueue()
    results: SimpleQueue[Any] = SimpleQueue()
    for number, (func, args) in enumerate([("os.system", (f"touch {ran}",)), ("exports.tasks.heartbeat", ("x",))]):
        entries.put({"id": f"{number}", "name": f"{number}", "func": func, "args": args, "kwargs": {}, "sync": True})
    entries.put("STOP")
    with pytest.raises(ValueError, match=r"Function os.system is not defined"):
        worker(entries, results, Value("f", -1))
    worker(entries, results, Value("f", -1))
    assert results.get()["success"] is True
    Task.objects.create(
        id="1",
        name="1",
        func="exports.tasks.heartbeat",
        hook="os.abort",
        started=timezone.now(),
        stopped=timezone.now(),
    )
    assert not ran.exists()


def test_setting_up_removes_what_no_worker_would_do() -> None:
    Schedule.objects.create(name="mine", func="os.system", args="'id'")
    Schedule.objects.create(name="hooked", func="exports.tasks.heartbeat", hook="os.system")
    set_up()
    assert not Schedule.objects.filter(name__in=["mine", "hooked"]).exists()


@pytest.mark.parametrize("model", [Schedule, OrmQ, Success, Failure], ids=lambda model: model.__name__)
def test_nobody_writes_in_the_queues_tables_by_way_of_the_administration(client: Client, model: type[Model]) -> None:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    name = f"admin:django_q_{model._meta.model_name}"
    set_up()
    async_task("exports.tasks.heartbeat")
    assert client.get(reverse(f"{name}_changelist")).status_code == 200
    assert client.get(reverse(f"{name}_add")).status_code == 403
    row = model._default_manager.first()
    if row is not None:
        address = reverse(f"{name}_change", args=[row.pk])
        assert client.get(address).status_code == 200
        assert client.post(address, {"func": "os.system"}).status_code == 403
        assert client.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    before = OrmQ.objects.count()
    for action in ("resubmit_task", "delete_selected"):
        client.post(reverse(f"{name}_changelist"), {"action": action, "_selected_action": [row.pk if row else 1]})
    assert OrmQ.objects.count() == before
    assert model._default_manager.first() == row


def test_each_task_has_one_schedule_for_ever_and_without_arguments() -> None:
    set_up()
    rows = Schedule.objects.all()
    assert sorted(row.name for row in rows) == sorted(PREFIX + task.name for task in TASKS)
    assert all(row.repeats == -1 and row.args is None and row.kwargs is None and row.hook is None for row in rows)
    assert all(row.schedule_type == Schedule.MINUTES and row.next_run is not None for row in rows)


def test_each_queue_has_a_heartbeat_of_its_own_every_minute() -> None:
    set_up()
    beats = Schedule.objects.filter(func="exports.tasks.heartbeat")
    assert sorted((row.cluster or Queue.COMMON, row.minutes) for row in beats) == sorted((queue, 1) for queue in Queue)


def test_setting_up_again_changes_no_time() -> None:
    set_up()
    before = list(Schedule.objects.order_by("pk").values_list("pk", "next_run"))
    set_up()
    assert list(Schedule.objects.order_by("pk").values_list("pk", "next_run")) == before


def test_a_changed_a_doubled_and_a_forgotten_schedule_are_put_right() -> None:
    set_up()
    name = PREFIX + "heartbeat"
    Schedule.objects.filter(name=name).update(minutes=77, func="os.system")
    Schedule.objects.create(name=name, func="exports.tasks.heartbeat", schedule_type=Schedule.MINUTES, minutes=1)
    Schedule.objects.create(name=PREFIX + "of an earlier version", func="exports.tasks.gone")
    Schedule.objects.create(name="somebody's own", func="exports.tasks.heartbeat")
    set_up()
    assert Schedule.objects.get(name=name).minutes == 1
    assert Schedule.objects.get(name=name).func == "exports.tasks.heartbeat"
    assert not Schedule.objects.filter(name__contains="earlier").exists()
    assert Schedule.objects.filter(name="somebody's own").exists()
