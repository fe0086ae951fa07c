"""SQL that is the same each time it is asked, and is put together once for the process.

To put a condition into SQL takes Django longer than it takes the database to answer it. What is said here of rows has in it no moment, nobody, and
nothing of a request: `timezone.now()` in it would be that of the first time.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Count, Expression, Field, IntegerField, Q, QuerySet, Subquery
from django.db.models.expressions import ExpressionWrapper, RawSQL
from django.db.models.functions import Coalesce


class Column(Expression):
    """What is worked out for each row by an expression, which may look at the row's own columns and at other tables, but join none.

    For the rows that a query is of, not for those of a query inside it: there the table has another name. ValueError where it is.
    """

    def __init__(self, expression: Any, output_field: Field[Any, Any]) -> None:
        super().__init__(output_field=output_field)
        self.expression = expression
        self._kept: list[tuple[str, tuple[Any, ...]]] = []  # of all copies: Django makes one for each query

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        model = compiler.query.model
        if compiler.query.base_table != model._meta.db_table:
            raise ValueError("A column whose SQL is kept is for the outermost query.")
        if not self._kept:
            expression = self.expression.resolve_expression(QuerySet(model).query, allow_joins=False)
            sql, params = compiler.compile(expression)
            self._kept.append((sql, tuple(params)))
        sql, params = self._kept[0]
        return sql, list(params)


def is_so(condition: Any) -> Column:
    """Whether it is so of a row: of a `Q` or an `Exists`."""
    return Column(ExpressionWrapper(Q(condition), BooleanField()), BooleanField())


def how_many(rows: QuerySet[Any, Any], of: str) -> Column:
    """How many of `rows` there are of each row, which `of` names in them: `filter` them by it."""
    counted = rows.order_by().values(of).annotate(count=Count("pk")).values("count")
    return Column(Coalesce(Subquery(counted), 0), IntegerField())


def among(rows: QuerySet[Any, Any], column: str) -> Q:
    """Of a row: that it is one of those which `column` of these rows names. Keep it, for it is put into SQL here."""
    return Q(pk__in=values_in_sql(rows.order_by().values(column)))


def values_in_sql(rows: QuerySet[Any, Any]) -> RawSQL:
    """What `rows`, of `values("...")`, give, for `Q(pk__in=...)`. Keep it: it is put into SQL here."""
    sql, params = rows.query.sql_with_params()
    return RawSQL(sql, params)  # noqa: S611 - in Django's own words, and with its parameters
