"""manage.py loadsources FILE.toml"""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from sources.command import PlainCommand, one_line
from sources.universities.toml import load_sources


class Command(PlainCommand):
    help = "Create or update sources, their credentials and their members from a TOML file. Safe to run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.toml")

    def work(self, **options: Any) -> None:
        for loaded in load_sources(options["file"]):
            self.stdout.write(f"{loaded.source.slug}: {loaded.source.name}")
            for notice in loaded.notices:
                self.stdout.write(f"  {one_line(notice)}")
