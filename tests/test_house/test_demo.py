"""`make demo`, for real: everything is started, the worker does the work, and nothing is left behind."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model

from exports.models import ExportAttempt, QuestionFigure
from ladokflow.sandbox import demo as house
from sources.models import Flow, Webhook
from tests.environment import ROOT
from tests.factories import UserFactory
from tests.running import START_SECONDS, Demo, demo, free_port, wait_until

STOP_SECONDS = 15


def states() -> set[str]:
    return set(Flow.objects.filter(setup_state=Flow.Setup.READY).values_list("export_state", flat=True))


def nothing_stays_of(stopped: Demo) -> bool:
    """Whose end has been asked for is gone in a moment: a long one where the machine has much to do."""
    try:
        wait_until(lambda: not stopped.left_behind(), STOP_SECONDS, "")
    except TimeoutError:
        return False
    return True


@pytest.mark.timeout(1200)
def test_a_minute_after_the_start_there_are_flows_in_all_three_states(
    subprocess_environment: dict[str, str], tmp_path: Path
) -> None:
    with demo(tmp_path / "var", subprocess_environment) as running:
        running.wait_until(lambda: states() == {"pending", "exported", "failed"}, START_SECONDS * 2)
        failed = ExportAttempt.objects.filter(state="failed").first()
        assert failed is not None
        assert failed.failed_count == 2
        assert failed.exported_count > 0
        assert failed.requested_by is not None
        # WISEflow tells of each grade, and what it tells of goes to Ladok before marking has ended.
        assert Webhook.objects.filter(wiseflow_id__isnull=False).count() == 3
        instant = Flow.objects.filter(instant_export=True)
        running.wait_until(lambda: instant.filter(exported_count__gt=0, export_state="pending").exists(), START_SECONDS)
        assert running.stop(signal.SIGINT) == 0
        assert nothing_stays_of(running)

        flows, told = Flow.objects.count(), running.said().count(house.PASSWORD)
        running.start()
        # It tells how to sign in once, when all is done.
        running.wait_until(lambda: running.said().count(house.PASSWORD) == told + 1, START_SECONDS * 2)
        assert Flow.objects.count() >= flows
        # One exam is marked question by question, by two assessors.
        running.wait_until(lambda: QuestionFigure.objects.values("assessor").distinct().count() == 3, START_SECONDS)
        assert running.stop(signal.SIGTERM) == 0
        assert nothing_stays_of(running)


def start(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "demo", *options],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "ENV_FILE": "/dev/null"} | environment,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("taken", ["--port", "--sandbox-port"])
def test_a_taken_port_is_told_in_one_line_before_anything_is_written(taken: str, tmp_path: Path) -> None:
    data = tmp_path / "var"
    other = {"--port": "--sandbox-port", "--sandbox-port": "--port"}[taken]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        ran = start(taken, str(port), other, str(free_port()), DATA_DIR=str(data))
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert f"Port {port} is taken" in ran.stderr
    assert ran.stdout == ""
    assert (data / "ladokflow.sqlite3").stat().st_size == 0


def test_it_does_not_start_in_production(settings) -> None:
    settings.IS_PRODUCTION = True
    with pytest.raises(house.CannotStart, match="does not start with ENVIRONMENT=production"):
        house.check(port=free_port(), sandbox_port=free_port())


@pytest.mark.django_db(transaction=True)
def test_it_leaves_a_database_alone_that_holds_a_real_university() -> None:
    from tests.factories import SourceFactory

    SourceFactory(slug="verklig", wiseflow_url="https://europe-api.wiseflow.example/v1")
    with pytest.raises(house.CannotStart, match="verklig"):
        house.prepare(sandbox_port=free_port())


@pytest.mark.django_db
@pytest.mark.parametrize(
    "had", [[], ["", ""], [house.PASSWORD] * 2, [house.PASSWORD, "changed since"], ["changed since"] * 2]
)
def test_all_of_its_people_sign_in_with_the_password_and_nobody_else_does(had: list[str]) -> None:
    people = [UserFactory() for _person in had or ["the factory's"]]
    for person, password in zip(people, had, strict=False):
        person.set_password(password)
        person.save()
    stranger = UserFactory()
    theirs = get_user_model().objects.filter(pk__in=[person.pk for person in people])
    house.set_passwords(theirs)
    kept = set(theirs.values_list("password", flat=True))
    assert len(kept) == 1  # to be checked
    house.set_passwords(theirs)  # at the next start there is nothing to do
    assert set(theirs.values_list("password", flat=True)) == kept
    assert [person.check_password(house.PASSWORD) for person in theirs] == [True] * len(people)
    stranger.refresh_from_db()
    assert not stranger.check_password(house.PASSWORD)


def test_the_readme_tells_the_demo_s_people_and_password() -> None:
    text = (ROOT / "README.md").read_text()
    assert house.PASSWORD in text
    assert all(email in text for email, _ in (*house.PEOPLE, (house.OPERATOR, "")))
