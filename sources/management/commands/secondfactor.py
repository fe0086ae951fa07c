"""manage.py secondfactor --reset EMAIL"""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser

from sources.command import PlainCommand
from sources.identity import second_factors


class Command(PlainCommand):
    help = "Remove all second factors of somebody who has lost them. Make sure that it is the person who asks."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reset", required=True, metavar="EMAIL")

    def work(self, **options: Any) -> None:
        user = get_user_model().objects.filter(username__iexact=options["reset"]).first()
        if user is None:
            raise CommandError(f"There is no account {options['reset']}.")
        count = second_factors.remove_all(user)
        self.stdout.write(f"{user.get_username()}: {count} removed")
