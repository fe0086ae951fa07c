"""A new key for what is encrypted at rest.

1. Put the new key first in FIELD_ENCRYPTION_KEYS, before the old one, and restart everything.
2. `manage.py rotatekeys`
3. When `manage.py rotatekeys --check` finds nothing left, take the old key away.
"""

from argparse import ArgumentParser
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, no_translations
from django.db import models, transaction
from django.db.models.functions import Cast

from ladokflow.encrypted import encrypted_fields
from ladokflow.fields import keyring

BATCH = 500


class Command(BaseCommand):
    help = "Encrypt every stored secret anew with the first of FIELD_ENCRYPTION_KEYS. Can be stopped and run again."
    requires_system_checks = ()  # it tells itself what opens with no key, all of it

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="only count; status 1 where an old key is still needed"
        )

    @no_translations
    def handle(self, *args: Any, check: bool = False, **options: Any) -> None:
        keyring()  # tells what is wrong with the keys, where something is
        self.first = Fernet(settings.FIELD_ENCRYPTION_KEYS[0])
        left = unreadable = 0
        for model, name in encrypted_fields():
            old, broken = self.go_through(model, name, change=not check)
            self.stdout.write(
                f"{model._meta.label}.{name}: {old} {'under an older key' if check else 'encrypted anew'}"
            )
            left += old if check else 0
            unreadable += broken
        if unreadable:
            raise CommandError(
                f"{unreadable} values open with none of the keys: a key is missing in FIELD_ENCRYPTION_KEYS."
            )
        if left:
            raise CommandError(f"{left} values need an older key still: run `manage.py rotatekeys`.")

    def go_through(self, model: type[models.Model], name: str, *, change: bool) -> tuple[int, int]:
        """How many values were under an older key, and how many open with no key at all."""
        rows = model._default_manager.annotate(stored=Cast(name, models.TextField())).exclude(stored="").order_by("pk")
        old = broken = 0
        last: Any = None
        while batch := list((rows if last is None else rows.filter(pk__gt=last)).values_list("pk", "stored")[:BATCH]):
            last = batch[-1][0]
            with transaction.atomic():
                for pk, stored in batch:
                    if stored is None or self.is_current(stored):
                        continue
                    try:
                        text = keyring().decrypt(stored.encode()).decode()
                    except InvalidToken:
                        self.stderr.write(f"{model._meta.label} {pk}: {name} opens with none of the keys.")
                        broken += 1
                        continue
                    old += 1
                    if change:  # only where nobody has written a newer value meanwhile
                        rows.filter(pk=pk, stored=stored).order_by().update(**{name: text})
        return old, broken

    def is_current(self, stored: str) -> bool:
        try:
            self.first.decrypt(stored.encode())
        except InvalidToken:
            return False
        return True
