"""Rows of a database that are read by the thousand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Self
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connections, models, router
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

    @classmethod
    def made(cls, values: Mapping[str, Any], **related: models.Model) -> Self:
        """A new row, as the constructor makes one, of what is sure to be right: `values` by field, and whole rows by relation."""
        row = cls.__new__(cls)
        constant, called = _defaults_of(cls)
        row.__dict__.update(constant)
        row.__dict__.update({name: make() for name, make in called.items()})
        row.__dict__.update(values)
        row.__dict__.update({f"{name}_id": other.pk for name, other in related.items()})
        row._state = ModelState()
        row._state.fields_cache = dict(related)
        return row

    @classmethod
    def insert(cls, rows: Sequence[Self], batch_size: int) -> None:
        """As `bulk_create`, of rows whose keys the database gives. PostgreSQL is told once what is the same in all of them: most of
        a row's columns are, and to tell a value takes longer than to store it."""
        connection = connections[router.db_for_write(cls)]
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            if connection.vendor == "postgresql" and len(batch) > 1:
                cls._insert(batch, connection)
            else:
                cls._base_manager.bulk_create(batch)

    @classmethod
    def _insert(cls, rows: Sequence[Self], connection: BaseDatabaseWrapper) -> None:
        same: list[tuple[str, str, Any]] = []  # the column, its type, and what it is
        each: list[tuple[str, str, Any]] = []
        for field in cls._meta.concrete_fields:
            if field.primary_key:
                continue
            values = [field.pre_save(row, add=True) for row in rows]
            # Without its length, to which a text would be cut in silence.
            kind = (field.db_type(connection) or "").partition("(")[0]
            if all(value == values[0] for value in values):
                same.append((field.column, f"%s::{kind}", field.get_db_prep_save(values[0], connection)))
            else:
                each.append(
                    (field.column, f"%s::{kind}[]", [field.get_db_prep_save(value, connection) for value in values])
                )
        name = connection.ops.quote_name
        columns = ", ".join(name(column) for column, _, _ in same + each)
        told = ", ".join(kind for _, kind, _ in same)
        listed = ", ".join(kind for _, kind, _ in each)
        into = f"INSERT INTO {name(cls._meta.db_table)} ({columns})"
        what = f"SELECT {told}, given.* FROM UNNEST({listed}) AS given RETURNING {name(cls._meta.pk.column)}"  # noqa: S608 - the model's own names
        with connection.cursor() as cursor:
            cursor.execute(f"{into} {what}", [value for _, _, value in same + each])
            for row, (key,) in zip(rows, cursor.fetchall(), strict=True):
                row.pk = key
                row._state.adding, row._state.db = False, connection.alias


@cache
def _defaults_of(model: type[models.Model]) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    """What a column has where nothing is said, by its name: the same for all rows, and made for each."""
    fields = [field for field in model._meta.concrete_fields if callable(field.default)]
    called = {field.attname: field.get_default for field in fields}
    constant = {f.attname: f.get_default() for f in model._meta.concrete_fields if f.attname not in called}
    return constant, called


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
