"""Log lines: what they are about, as text and as JSON, and no national id in them; the id of each request."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client

from ladokflow import logs
from sources import tasks
from tests.factories import FlowFactory, MembershipFactory


@contextmanager
def lines(kind: str, level: int = logging.INFO) -> Iterator[io.StringIO]:
    """What is written meanwhile, as an installation with this LOG_FORMAT writes it."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(logs.Context())
    made = dict(logs.formatter(kind))
    factory = made.pop("()")
    handler.setFormatter(factory(**{"fmt" if name == "format" else name: value for name, value in made.items()}))
    loggers = [logging.getLogger(name) for name in ("tests.logs", "sources", "exports", "ladokflow", "django")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield out
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


def test_as_json_each_fact_is_a_field_and_so_is_what_it_is_about() -> None:
    logger = logging.getLogger("tests.logs")
    with lines("json") as out, logs.about(request="abc", flow=3):
        logger.warning("export.attempt.sent flow=%s status=%s detail=%s", 4, 200, "-")
        with logs.about(attempt="9f"):
            logger.warning("Plain words, of a library")
    first, second = map(json.loads, out.getvalue().splitlines())
    assert first["event"] == "export.attempt.sent"
    assert (first["status"], first["request"], first["logger"], first["level"]) == (
        "200",
        "abc",
        "tests.logs",
        "WARNING",
    )
    assert first["time"].endswith("+00:00")
    assert (second["message"], second["flow"], second["attempt"]) == ("Plain words, of a library", "3", "9f")
    assert "event" not in second
    assert logs.current() == {}


@pytest.mark.parametrize("kind", logs.FORMATS)
def test_no_line_holds_a_national_id_not_even_a_traceback(kind: str) -> None:
    logger = logging.getLogger("tests.logs")
    with lines(kind) as out:
        try:
            raise ValueError("Key (national_id)=(19900101-1239) is there")
        except ValueError:
            logger.exception("row.refused value=%s", "900101-1239")
    assert "ValueError" in out.getvalue()
    assert "1239" not in out.getvalue()
    assert len(out.getvalue().splitlines()) == 1 or kind == "text"


def test_the_text_says_at_the_end_of_the_line_what_it_is_about() -> None:
    with lines("text") as out, logs.about(request="abc"):
        logging.getLogger("tests.logs").warning("a.b c=1")
    assert out.getvalue().endswith("WARNING tests.logs a.b c=1 [request=abc]\n")


GIVEN = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("settings_of", "peer", "given", "is_taken"),
    [
        ({"BEHIND_PROXY": True}, "127.0.0.1", GIVEN, True),
        ({"BEHIND_PROXY": True}, "192.0.2.1", GIVEN, False),
        ({"BEHIND_PROXY": False}, "127.0.0.1", GIVEN, False),
        ({"BEHIND_PROXY": True}, "127.0.0.1", "short", False),
        ({"BEHIND_PROXY": True}, "127.0.0.1", "with blanks\tand more", False),
        ({"BEHIND_PROXY": True}, "127.0.0.1", "x" * 200, False),
        ({"BEHIND_PROXY": True}, "127.0.0.1", "", False),
    ],
)
def test_a_request_has_an_id_that_only_our_proxy_may_have_given(
    client: Client, settings: Any, settings_of: dict[str, Any], peer: str, given: str, is_taken: bool
) -> None:
    for name, value in settings_of.items():
        setattr(settings, name, value)
    answer = client.get("/ready/", headers={"X-Request-ID": given} if given else {}, REMOTE_ADDR=peer)
    name = answer.headers["X-Request-ID"]
    assert (name == given) is is_taken
    assert is_taken or len(name) == 32
    assert client.get("/ready/").headers["X-Request-ID"] != name


@pytest.mark.django_db
def test_a_line_names_its_request_and_its_flow(client: Client) -> None:
    flow = FlowFactory()
    with lines("json", logging.WARNING) as out:
        client.force_login(MembershipFactory(source=flow.source).user)
        answer = client.get(f"/flows/{flow.pk}/codes/add/")  # answers no GET
    [line] = [json.loads(each) for each in out.getvalue().splitlines() if "Not Allowed" in each]
    assert (line["request"], line["flow"]) == (answer.headers["X-Request-ID"], str(flow.pk))


@pytest.mark.django_db
def test_a_task_says_what_it_is_about_on_each_of_its_lines() -> None:
    flow = FlowFactory(setup_state="queued", wiseflow_id=None, state=None)
    with lines("json") as out:
        tasks.create_flow(str(flow.pk))
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert told
    assert {line["flow"] for line in told} == {str(flow.pk)}
