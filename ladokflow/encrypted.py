"""All that is stored encrypted, and whether the keys we have open it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryptography.fernet import InvalidToken
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connection, models
from django.db.models.functions import Cast

from ladokflow.fields import EncryptedTextField, keyring

TRIED = 10  # rows from either end of a table: some hold nothing


def encrypted_fields() -> Iterator[tuple[type[models.Model], str]]:
    for model in apps.get_models():
        for field in model._meta.local_fields:
            if isinstance(field, EncryptedTextField):
                yield model, field.name


def unopened() -> list[str]:
    """Where the oldest or the newest stored value opens with none of the keys: "sources.Credential.secret".

    The oldest tells of a key that was taken away before everything had another, the newest of a wrong one. Where the database does not
    answer, or has no such table yet, nothing is told.
    """
    if connection.vendor == "sqlite" and not _has_content(Path(connection.settings_dict["NAME"])):
        return []  # it would be made by being asked
    is_ours = connection.connection is None
    try:
        connection.ensure_connection()
        return [f"{model._meta.label}.{name}" for model, name in encrypted_fields() if not _opens(model, name)]
    except Error:
        return []
    finally:
        if is_ours:  # a cluster forks, and no two processes may have one connection
            connection.close()


def _has_content(database: Path) -> bool:
    return database.exists() and database.stat().st_size > 0


def _opens(model: type[models.Model], name: str) -> bool:
    rows = model._base_manager.annotate(stored=Cast(name, models.TextField())).values_list("stored", flat=True)
    try:
        values = [next(filter(None, rows.order_by(order)[:TRIED]), "") for order in ("pk", "-pk")]
    except Error:
        return True
    return all(map(opens, filter(None, values)))


def opens(value: str) -> bool:
    """Whether one of our keys opens what is stored."""
    try:
        keyring().decrypt(value.encode())
    except InvalidToken:
        return False
    return True


def told(names: list[str]) -> str:
    return (
        f"FIELD_ENCRYPTION_KEYS does not open what is stored ({', '.join(names)}): a key is wrong, or was taken away too early. "
        "Put the former key back, after the new one; `manage.py rotatekeys --check` tells how much it is needed for."
    )


def require_keys() -> None:
    """For a process that is no command: ImproperlyConfigured unless what is stored can be read."""
    if names := unopened():
        raise ImproperlyConfigured(told(names))
