"""Rows of a database that are read by the thousand."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Self
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.base import ModelState


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


class OneOf(models.Lookup):
    """As `in`, of thousands of keys, whole numbers or UUIDs: the database is given them as one text. As so many parameters they take
    several times as long, most of it in Python, and SQLite takes no more than some. `filter(OneOf(F("flow"), keys))`."""

    prepare_rhs = False

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        kind = self.lhs.output_field.db_type(connection)
        return self._as(f"= ANY(%s::{kind}[])", f"{{{','.join(map(str, self.rhs))}}}", compiler, connection)

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        keys = [key.hex if isinstance(key, UUID) else key for key in self.rhs]
        return self._as("IN (SELECT value FROM json_each(%s))", json.dumps(keys), compiler, connection)

    def _as(self, sql: str, keys: str, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        if not self.rhs:
            raise EmptyResultSet
        column, params = self.process_lhs(compiler, connection)
        return f"{column} {sql}", [*params, keys]
