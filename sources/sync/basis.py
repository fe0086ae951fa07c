"""All that a plan is made from, as one digest: where it is the same as when there was nothing to do, there is nothing to do again.

A plan, and what is written down of it, is a function of these values alone, so nobody needs to be recognised, or decrypted, to
find out that nobody has changed. Whatever differs, in Ladok, in WISEflow, in our rows by whose hand ever, or in how a plan is
made, gives another digest, and everything is done in full.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import replace
from functools import cache

from django.conf import settings
from django.utils.crypto import salted_hmac
from pydantic_core import to_json

from ladokflow.wiseflow.connection import chunks
from sources.sync.memory import Rows
from sources.sync.plan.values import Memory, Present, Wanted


def basis_of(wanted: Wanted, present: Present, memory: Memory, rows: Rows) -> str:
    """64 hexadecimal digits; `memory` is without the people, who are in `rows`.

    Keyed, for national ids are in it: a plain hash of one could be tried out.
    """
    digest = salted_hmac(__name__, "", algorithm="sha256")
    digest.update(_code())
    # Ten digits of a national id are of another century as the years go by.
    facts = [dt.date.today().year, sorted(memory.external_sources), replace(memory, external_sources=frozenset())]
    # What Ladok says beside what we read of it decides nothing.
    exams = [replace(exam, people=(), raw={}) for exam in wanted.exams]
    codes = [(row.pk, row.code, row.position, row.removed_at, row.person_count, row.title) for row in rows.codes]
    lists = [(row.grade_scale, row.list_doubt, row.external_source_id) for row in rows.codes]
    whole = (facts, exams, replace(wanted, exams=()), replace(present, participants=()), codes, lists, rows.said)
    people = (*(exam.people for exam in wanted.exams), present.participants, rows.people, rows.seats)
    for part in (*whole, *(part for each in people for part in (len(each), *chunks(each)))):
        digest.update(to_json(part, fallback=str))
    return digest.hexdigest()


@cache
def _code() -> bytes:
    """Of the program itself: another one may plan otherwise."""
    digest = hashlib.sha256()
    for package in ("ladokflow", "sources"):
        for path in sorted((settings.BASE_DIR / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.digest()
