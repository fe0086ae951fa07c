"""A pair of hands at the pages: a process that does what a manager's click does, with the functions that the pages call.

Reads one JSON document a line, `{"job": 7, "do": "start", ...}`, and answers each with one, `{"job": 7, ...}`. May be killed at any moment.
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ladokflow.settings")
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.db import DatabaseError, close_old_connections, connection  # noqa: E402

from exports.attempts.settle import check_with_ladok  # noqa: E402
from exports.attempts.start import retry_export, start_export  # noqa: E402
from exports.grades.collect import collect_grades  # noqa: E402
from exports.models import ExportAttempt  # noqa: E402
from ladokflow.http import RemoteError  # noqa: E402
from ladokflow.messages import Refused  # noqa: E402
from sources.flows.create import create_flow  # noqa: E402
from sources.flows.request import request_flow, resume_flow  # noqa: E402
from sources.models import Flow, Source  # noqa: E402

Answer = dict[str, Any]


def make(*, source: str, codes: list[str], email: str, key: str, **switches: Any) -> Answer:
    """Make a flow, or go on with the one that was begun: the same `key` is the same page of the wizard."""
    user = get_user_model().objects.get(email=email)
    university = Source.objects.get(slug=source)
    if switches.get("grade_decided_by") == "reviewer":
        who = university.memberships.get(user=user).organisation_id
        switches["staff"] = [{"role": "reviewer", "email": email, "organisation_id": who}]
    flow = request_flow(
        source=university,
        codes=codes,
        requested_by=user,
        submission_key=uuid.UUID(key),
        enqueue=False,
        **switches,
    )
    if flow.setup_state == Flow.Setup.STOPPED:
        flow = resume_flow(flow, user)
    flow = create_flow(flow.pk)
    return {"flow": flow.pk, "wiseflow": flow.wiseflow_id, "state": flow.setup_state, "said": flow.setup_message}


def start(*, flow: int, email: str, at: float, overwrite: bool) -> Answer:
    """*Export*, pressed at the same instant as in another process."""
    found = Flow.objects.select_related("source").get(pk=flow)
    collect_grades(found)
    time.sleep(max(0.0, at - time.time()))
    return _told(start_export(flow=found, requested_by=_user(email), overwrite=overwrite))


def retry(*, flow: int, email: str, at: float) -> Answer:
    found = Flow.objects.select_related("source").get(pk=flow)
    collect_grades(found)
    time.sleep(max(0.0, at - time.time()))
    return _told(retry_export(flow=found, requested_by=_user(email)))


def readback(*, flow: int) -> Answer:
    """*Check with Ladok*."""
    settled = check_with_ladok(flow=Flow.objects.select_related("source").get(pk=flow))
    return {"exported": settled.exported, "failed": settled.failed, "unknown": settled.unknown}


def _user(email: str) -> Any:
    return get_user_model().objects.get(email=email)


def _told(attempts: list[ExportAttempt]) -> Answer:
    return {"attempts": [str(attempt.pk) for attempt in attempts]}


WORK: dict[str, Callable[..., Answer]] = {"make": make, "start": start, "retry": retry, "readback": readback}


def answer(job: dict[str, Any]) -> Answer:
    close_old_connections()
    arguments = {name: value for name, value in job.items() if name not in ("job", "do")}
    try:
        return WORK[job["do"]](**arguments)
    except Refused as refused:
        return {"refused": refused.message.code}
    except RemoteError as error:
        return {"remote": error.message.code}
    except DatabaseError as error:
        connection.close()
        return {"database": type(error).__name__}


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        sys.stdout.write(json.dumps({"job": job["job"], **answer(job)}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
