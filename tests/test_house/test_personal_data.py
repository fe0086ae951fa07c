"""No column holds something of a person without being in the record of processing."""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import models

from exports.operation.purging import NOBODY
from exports.personal_data import NOT_OF_PEOPLE, OF_PEOPLE, Kept, Whose
from ladokflow.fields import EncryptedTextField
from sources.models import Participant

TEXTS = (models.CharField, models.TextField, models.JSONField, models.GenericIPAddressField)


def columns() -> Iterator[tuple[str, str, models.Field]]:
    """The tables and columns that may hold something of a person: free text, and references to a student or to somebody who signs in."""
    people = (get_user_model(), Participant)
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            is_text = isinstance(field, TEXTS) and not field.choices
            if is_text or (field.is_relation and field.related_model in people):
                yield model._meta.label, field.name, field


def test_every_column_says_if_it_holds_something_of_a_person() -> None:
    unplaced: list[str] = []
    twice: list[str] = []
    for table, name, _field in columns():
        without = NOT_OF_PEOPLE.get(table, "")
        places = (f"{table}.{name}" in OF_PEOPLE) + (without == "*" or name in without.split())
        if places != 1:
            (twice if places else unplaced).append(f"{table}.{name}")
    assert (unplaced, twice) == ([], [])


def test_nothing_is_on_record_that_is_not_there() -> None:
    there = {f"{table}.{name}" for table, name, _field in columns()}
    assert set(OF_PEOPLE) <= there
    assert {
        f"{table}.{name}" for table, names in NOT_OF_PEOPLE.items() for name in names.split() if name != "*"
    } <= there


def test_what_is_said_to_be_encrypted_is() -> None:
    fields = {f"{table}.{name}": field for table, name, field in columns()}
    assert {name for name, held in OF_PEOPLE.items() if held.is_encrypted} == {
        name for name in OF_PEOPLE if isinstance(fields[name], EncryptedTextField)
    }


def test_what_identifies_a_student_goes_with_the_flow() -> None:
    names = {
        name.rpartition(".")[2]
        for name, held in OF_PEOPLE.items()
        if held.kept is Kept.SOURCE and held.whose is Whose.STUDENT
    }
    assert set(NOBODY) <= names
