"""The schedules are code: one faulty row would stop them all."""

import pytest
from django.core.management import call_command
from django.utils.module_loading import import_string
from django_q.models import Schedule

from ladokflow.management.commands.setupschedules import PREFIX, TASKS
from ladokflow.queue import Queue

pytestmark = pytest.mark.django_db


def set_up() -> None:
    call_command("setupschedules", verbosity=0)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_schedule_calls_a_function_that_is_there(task) -> None:
    assert callable(import_string(task.func))


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
