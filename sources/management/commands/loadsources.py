"""manage.py loadsources FILE.toml [--invite]"""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from sources.command import PlainCommand, one_line
from sources.identity import invitations, letters
from sources.models import Invitation, Membership, Source
from sources.universities.toml import load_sources


class Command(PlainCommand):
    help = "Create or update sources, their credentials and their members from a TOML file. Safe to run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.toml")
        parser.add_argument("--invite", action="store_true", help="Invite the members who cannot sign in yet.")

    def work(self, **options: Any) -> None:
        for loaded in load_sources(options["file"]):
            self.stdout.write(f"{loaded.source.slug}: {loaded.source.name}")
            for notice in loaded.notices:
                self.stdout.write(f"  {one_line(notice)}")
            for member in not_invited(loaded.source) if options["invite"] else []:
                invitations.invite(member)
                self.stdout.write(f"  {member.user.get_username()}: invited")


def not_invited(source: Source) -> list[Membership]:
    """Who can neither sign in nor has a letter with a link, and could get one."""
    invited = Invitation.objects.open().filter(membership__source=source).values("membership_id")
    members = source.memberships.exclude(pk__in=invited).filter(user__is_active=True).select_related("user", "source")
    return [one for one in members if not invitations.can_sign_in(one.user) and letters.address_of(one.user)]
