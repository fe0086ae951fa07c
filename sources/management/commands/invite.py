"""manage.py invite --source SLUG (--all | EMAIL ...) [--withdraw]"""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Q

from ladokflow.messages import Refused
from sources.command import PlainCommand, one_line
from sources.identity import invitations
from sources.models import Membership, Source


class Command(PlainCommand):
    help = "Invite members of a source by e-mail to choose how they sign in. Who can sign in already gets no letter."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("emails", nargs="*", metavar="EMAIL")
        parser.add_argument("--source", required=True, metavar="SLUG")
        parser.add_argument("--all", action="store_true", help="All members who cannot sign in yet.")
        parser.add_argument("--withdraw", action="store_true", help="Withdraw their invitations instead.")

    def work(self, **options: Any) -> None:
        if bool(options["emails"]) == options["all"]:
            raise CommandError("Name the members by e-mail, or say --all.")
        is_done = [self.do(membership, **options) for membership in members_of(**options)]
        if not all(is_done):
            self.fail(f"{is_done.count(False)} of {len(is_done)} are left undone.")

    def do(self, membership: Membership, *, withdraw: bool, **options: Any) -> bool:
        who = membership.user.get_username()
        if withdraw:
            self.stdout.write(f"{who}: {'withdrawn' if invitations.withdraw(membership) else 'not invited'}")
            return True
        try:
            invitations.invite(membership)
        except Refused as refused:
            self.stdout.write(f"{who}: {one_line(refused.message)}")
            return False
        self.stdout.write(f"{who}: invited")
        return True


def members_of(*, source: str, emails: list[str], **options: Any) -> list[Membership]:
    """In the order in which they are named; with --all those who cannot sign in."""
    if not Source.objects.filter(slug=source).exists():
        raise CommandError(f"There is no source {source}.")
    members = Membership.objects.filter(source__slug=source).select_related("user", "source").order_by("user__username")
    if options["all"]:
        return [each for each in members if not invitations.can_sign_in(each.user)]
    found = []
    for email in emails:
        member = members.filter(Q(user__username__iexact=email) | Q(user__email__iexact=email)).first()
        if member is None:
            raise CommandError(f"{email} is no member of {source}.")
        found.append(member)
    return found
