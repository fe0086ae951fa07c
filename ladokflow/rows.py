"""Rows of a database that are read by the thousand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.base import ModelState
from django.db.models.lookups import In


class ManyRows(models.Model):
    """A model whose rows become objects in a fifth of the time: what comes from the database is put in its place as it is, without the
    questions that `__init__` asks of what a program gives it. It makes nothing of its own when it is read, and sends no `post_init`."""

    class Meta:
        abstract = True

    @classmethod
    def from_db(cls, db: str | None, field_names: Iterable[str], values: Iterable[Any]) -> Self:
        row = cls.__new__(cls)
        row.__dict__.update(zip(field_names, values, strict=True))
        row._state = ModelState()
        row._state.adding, row._state.db = False, db
        return row


class OneOf(In):
    """As `in`, of thousands of keys: PostgreSQL is given them as one array. As so many parameters they take three times as long, most of
    it in Python. `filter(OneOf(F("flow"), keys))`."""

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        column, params = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", [*params, list(self.rhs)]
