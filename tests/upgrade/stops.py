"""While a new version takes over, the one before goes on, on the migrated database: which migrations let it?

Every migration since the last release is applied alone, and the models of the moment before then add rows as that code does: with all
the columns they know, and no other. Where they cannot, the migration must be told below, and the upgrade needs a stop.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.apps.registry import Apps
from django.db import DatabaseError, connection, transaction
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState
from django.db.models import Model

# By name and without number, for numbers change when branches meet. Each has a column that must be filled in, and that the code
# before does not know, but for: one_flow_per_normal_code (two flows with one code in two spellings are refused) and
# participant_without_codes (a table is gone).
NEEDS_STOP = {
    "exports.attempt_order",
    "exports.finding",
    "exports.item_before_mark",
    "exports.item_mark",
    "exports.item_place",
    "exports.points_unread",
    "exports.sends_again",
    "sources.already_patterns",
    "sources.flowsource_normal_code",
    "sources.grading_scales",
    "sources.identity_answers",
    "sources.one_flow_per_normal_code",
    "sources.participant_without_codes",
    "sources.registration",
    "sources.settling_minutes",
    "sources.what_a_flow_asks",
}


def models(apps: Apps) -> list[type[Model]]:
    return [
        model
        for label in ("sources", "exports")
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
    ]


def misfits(model: type[Model]) -> list[str]:
    """What keeps a table from taking the rows of this model: a column that is gone, or a new one that must be filled in."""
    table, known = model._meta.db_table, {field.column for field in model._meta.local_concrete_fields}
    with connection.cursor() as cursor:
        if table not in connection.introspection.table_names(cursor):
            return [f"{table} is gone"]
        found = {column.name: column for column in connection.introspection.get_table_description(cursor, table)}
    gone = [f"{table}.{name} is gone" for name in sorted(known - found.keys())]
    needed = [name for name, column in found.items() if not column.null_ok and column.default is None]
    return gone + [f"{table}.{name} is needed" for name in sorted({*needed} - known)]


def refusal(rows: list[Any]) -> str:
    """What the database says when rows of one table are added anew, with the columns their model knows. Nothing remains of it."""
    try:
        with transaction.atomic():
            for manager in {type(row)._base_manager for row in rows}:
                manager.filter(pk__in=[row.pk for row in rows])._raw_delete(connection.alias)
                manager.bulk_create(rows)
            transaction.set_rollback(True)
    except DatabaseError as error:
        return str(error).splitlines()[0]
    return ""


def taken(rows: list[Any]) -> list[Any]:
    """Those that the database takes now; what it refused before says nothing of a migration."""
    return [row for row in rows if not refusal([row])] if refusal(rows) else rows


class Steps(MigrationExecutor):
    """The way from the released version to the newest, with what the code of the moment before stumbles over after each step."""

    def __init__(self) -> None:
        super().__init__(connection)
        self.stumbled: dict[str, list[str]] = defaultdict(list)

    def apply_migration(
        self, state: ProjectState, migration: Migration, fake: bool = False, fake_initial: bool = False
    ) -> ProjectState:
        known = {model: taken(list(model._base_manager.all())) for model in models(state.apps)}
        state = super().apply_migration(state, migration, fake, fake_initial)
        name = f"{migration.app_label}.{migration.name.partition('_')[2]}"
        for model, rows in known.items():
            # Where there is a row it is tried, for to look at all columns of a table takes longer.
            self.stumbled[name] += filter(None, [refusal(rows)]) if rows else misfits(model)
        return state
