"""A text column that is encrypted at rest, and one that holds the normal form of a code beside it."""

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from ladokflow.identifiers import normal_code
from ladokflow.memo import remember, remembered


class DecryptionFailed(Exception):
    """No key in FIELD_ENCRYPTION_KEYS opens the stored value: a key was lost or mistyped. Nothing is guessed."""


@lru_cache(maxsize=4)
def _fernets(keys: tuple[str, ...]) -> tuple[Fernet, MultiFernet]:
    """The first key, which encrypts, and all of them."""
    if not keys:
        raise ImproperlyConfigured("FIELD_ENCRYPTION_KEYS holds no key; `manage.py makekeys` prints one.")
    try:
        first, *others = map(Fernet, keys)
    except ValueError as error:
        raise ImproperlyConfigured("FIELD_ENCRYPTION_KEYS holds a value that is no Fernet key.") from error
    return first, MultiFernet([first, *others])


def keyring() -> MultiFernet:
    return _fernets(tuple(settings.FIELD_ENCRYPTION_KEYS))[1]


@remembered
def decrypted(value: str) -> str:
    """What an encrypted column holds, as it stands in the database. DecryptionFailed where no key opens it."""
    if not value:
        return value
    first, every = _fernets(tuple(settings.FIELD_ENCRYPTION_KEYS))
    try:
        plain = first.decrypt(value.encode()).decode()
    except InvalidToken:
        # What an older key has written is not to be written again: that key is about to go.
        try:
            return every.decrypt(value.encode()).decode()
        except InvalidToken as error:
            raise DecryptionFailed("No key in FIELD_ENCRYPTION_KEYS opens a stored value.") from error
    remember(encrypted, plain, result=value)
    return plain


@remembered
def encrypted(value: str) -> str:
    """As an encrypted column holds it. A national id stands in three tables: within one piece of work (`ladokflow/memo.py`) it is made,
    or opened, once, and is the same in each."""
    return keyring().encrypt(value.encode()).decode() if value else value


class EncryptedTextField(models.TextField):
    """Encrypted with the first of FIELD_ENCRYPTION_KEYS, readable with any of them. The empty string stays empty.

    Cannot be searched or compared in the database: the same value has many ciphertexts.
    """

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return encrypted(value) if value else value

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return decrypted(value) if value else value

    def value_to_string(self, obj: models.Model) -> str:
        """What `dumpdata` would write into a file, in clear."""
        if not self.value_from_object(obj):
            return ""
        raise TypeError(
            f"{obj._meta.label}.{self.name} is stored encrypted and not written out: use the database's own backup."
        )

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name not in {"isnull"}:
            raise TypeError(f"An encrypted field cannot be looked up by {lookup_name}.")
        return super().get_lookup(lookup_name)


class NormalCodeField(models.CharField):
    """The normal form of the code in the field `of`, written with the row by whatever writes it, so that the database can hold
    two spellings of one code apart from each other, or refuse them. The code of a row does not change afterwards."""

    LENGTH = 600  # a letter can become three

    def __init__(self, *args: Any, of: str, **kwargs: Any) -> None:
        self.of = of
        super().__init__(*args, **{"max_length": self.LENGTH, "editable": False, "default": "", **kwargs})

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "of": self.of}

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        if add:
            setattr(model_instance, self.attname, normal_code(getattr(model_instance, self.of))[: self.LENGTH])
        return super().pre_save(model_instance, add)
