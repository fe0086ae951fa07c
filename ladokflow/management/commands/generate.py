"""manage.py generate"""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, no_translations

from ladokflow.dates import read_day
from ladokflow.sandbox.generated import generate, world
from sources.models import Flow, Participant


class Command(BaseCommand):
    help = (
        "Fill an empty database with made-up flows in every state, with people, grades, exports, synchronisations and history. "
        "Nothing of it is under way, and nothing is in the sandbox. Said again, it adds to what it has made."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--flows", type=int, required=True)
        parser.add_argument("--participants", type=int, required=True, help="in all flows together")
        parser.add_argument("--seed", type=int, default=1, help="another seed, other rows (default: %(default)s)")
        parser.add_argument("--sources", type=int, default=0, help="default: one for 500 flows, from 3 to 40")
        parser.add_argument("--runs", type=int, default=5, help="synchronisations of each flow (default: %(default)s)")
        parser.add_argument("--events", type=int, default=2, help="WISEflow's calls about each flow")
        parser.add_argument("--today", type=read_day, help="the day that all dates count from")
        parser.add_argument("--password", default="", help="of everybody in it; without, nobody of them can sign in")
        parser.add_argument(
            "--in-production",
            action="store_true",
            help="do it with ENVIRONMENT=production as well, in an empty database",
        )

    @no_translations
    def handle(self, *args: Any, in_production: bool, **options: Any) -> None:
        if settings.IS_PRODUCTION and not in_production:
            raise CommandError("Made-up rows are not wanted in production. If they are: --in-production")
        names = ("flows", "participants", "seed", "sources", "runs", "events", "today", "password")
        try:
            generate.generate(generate.Wanted(**{name: options[name] for name in names}))
        except generate.CannotGenerate as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{Flow.objects.count()} flows, {Participant.objects.count()} participants. "
            f"Manager of all sources: {world.EVERYWHERE}; superuser: {world.OPERATOR}"
        )
