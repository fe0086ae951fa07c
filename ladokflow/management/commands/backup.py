"""manage.py backup FILE"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, no_translations

from ladokflow.backups import BackupFailed, back_up, contents_beside


class Command(BaseCommand):
    help = "Write the database to a file, while everything goes on. The encryption keys are not in it."
    requires_system_checks = ()  # where something is wrong, a backup is the first thing to do

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")

    @no_translations
    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            contents = back_up(file)
        except BackupFailed as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{contents.rows} rows of {len(contents.counts)} tables are in {file}, and what they are in {contents_beside(file).name}. "
            "Keep the encryption keys, too, somewhere else."
        )
