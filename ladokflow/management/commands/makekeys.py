"""Keys for a new installation."""

import secrets
from typing import Any

from cryptography.fernet import Fernet
from django.core.management.base import BaseCommand, no_translations


class Command(BaseCommand):
    help = "Print a SECRET_KEY and a FIELD_ENCRYPTION_KEYS for the environment. Stores nothing."
    requires_system_checks = ()

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"SECRET_KEY={secrets.token_urlsafe(50)}")
        self.stdout.write(f"FIELD_ENCRYPTION_KEYS={Fernet.generate_key().decode()}")
