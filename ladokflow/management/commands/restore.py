"""manage.py restore FILE [--replace]"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, no_translations
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from exports.models import SILENCE, Heartbeat
from ladokflow.backups import BackupFailed, read_contents, restore, tables_with_rows

OURS = ("sources_source", "sources_flow", "auth_user")


class Command(BaseCommand):
    help = "Put a backup in the place of the database. Stop everything first, and read docs/operations.md on what to do afterwards."
    requires_system_checks = ()  # what is there now may be what is wrong

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--replace", action="store_true", help="also where there is something in the database")

    @no_translations
    def handle(self, *args: Any, file: Path, replace: bool = False, **options: Any) -> None:
        try:
            read_contents(file)
            self._refuse_what_is_lived_in(replace)
            contents = restore(file)
        except BackupFailed as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{contents.rows} rows of {len(contents.counts)} tables are back, as of {contents.made}, and what is encrypted opens. "
            'Before workers and sweeper are started: docs/operations.md, "After a restore".'
        )
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.stdout.write(f"It is of version {contents.version}: run `manage.py migrate` now.")

    @staticmethod
    def _refuse_what_is_lived_in(replace: bool) -> None:
        there = tables_with_rows([*OURS, Heartbeat._meta.db_table])
        if set(there) & set(OURS) and not replace:
            raise CommandError(
                "There is something in the database. With --replace the backup takes its place; what is there is gone then."
            )
        if Heartbeat._meta.db_table in there and Heartbeat.objects.filter(at__gt=timezone.now() - SILENCE).exists():
            raise CommandError(
                "Workers or a sweeper have shown a sign of life within three minutes: stop everything first, and wait so long."
            )
