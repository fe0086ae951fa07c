"""After an exam from its beginning to its end: no national id and no secret in the database, the queue, the log, e-mails, pages, files and what commands print."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from exports.models import ExportAttempt
from exports.operation.digest import send_digests
from ladokflow.sandbox.server import Sandbox
from sources.models import Credential, Flow, Participant, Source
from sources.universities.members import update_admin_access
from tests.exports.test_end_to_end import Exam
from tests.pages.everything import ACTIONS, addresses

pytestmark = pytest.mark.django_db


def spellings(national_id: str) -> set[str]:
    """As Ladok may write one, and the last four digits behind a mask."""
    digits = re.sub(r"\W", "", national_id)
    return {
        digits,
        f"{digits[:8]}-{digits[8:]}",
        digits[2:],
        f"{digits[2:8]}-{digits[8:]}",
        f"{digits[:8]} {digits[8:]}",
    }


def rows() -> Iterator[tuple[str, str]]:
    """Each table with all that stands in it, as it is stored."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            yield table, str(cursor.fetchall())


def pages(client: Client, flow: Flow) -> Iterator[tuple[str, str]]:
    for name, address in addresses(flow):
        if name not in ACTIONS:
            yield address, client.get(address, follow=True).text
    for model in admin.site._registry:
        if model._meta.app_label in ("sources", "exports"):
            address = reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")
            yield address, client.get(address).text


def test_after_a_whole_exam_nothing_stands_in_the_open(
    boras: Source, bodil: User, birgit: User, sandbox: Sandbox, sign_in: Callable[..., Client], caplog: Any, capsys: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("ladokflow", "sources", "exports"):
        logging.getLogger(name).addHandler(caplog.handler)
    exam = Exam(boras, sandbox.control)
    numbers = set(Participant.objects.filter(flow=exam.flow).values_list("national_id", flat=True)) - {""}
    assert len(numbers) > 2
    exam.grade()
    for number, row in zip(sorted(numbers), exam.status()["participants"], strict=False):
        exam.control.reject(
            "boras", row["organisationId"], f"Personnummer {number}, även {number[2:]}: ingen registrering."
        )
    exam.export(fails=True)
    send_digests()
    update_admin_access(birgit.pk)
    flow = Flow.objects.get(pk=exam.flow)
    assert ExportAttempt.objects.get().failed_count
    looked_at = {
        "what commands print": str(exam.status()),
        "the log": caplog.text,
        "a screen": str(capsys.readouterr()),
    }
    looked_at |= {f"e-mail {letter.subject}": letter.body for letter in mail.outbox}
    looked_at |= dict(pages(sign_in(birgit), flow))
    looked_at |= {"the queue": str([entry.task() for entry in OrmQ.objects.all()])}
    looked_at |= {f"table {table}": stored for table, stored in rows()}
    secrets = {credential.secret for credential in Credential.objects.filter(source=boras)}
    assert secrets
    hidden = {spelling for number in numbers for spelling in spellings(number)} | secrets
    assert {(where, text) for where, found in looked_at.items() for text in hidden if text in found} == set()
