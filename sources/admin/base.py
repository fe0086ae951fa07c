"""What holds for every table of ours in the administration, whoever reads it: no secret is shown, and no form undoes what it has not shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Field, Model
from django.http import HttpRequest

from ladokflow.fields import EncryptedTextField
from sources.admin.forms import SecretInput


def is_secret(field: Any) -> bool:
    """Whether the column holds what nobody reads in the administration: what is stored encrypted, and digests of what signs somebody in."""
    return isinstance(field, EncryptedTextField) or (
        isinstance(field, Field) and (field.name == "password" or field.name.endswith("_hash"))
    )


def secrets_of(model: type[Model]) -> frozenset[str]:
    return frozenset(field.name for field in model._meta.get_fields() if is_secret(field))


class OurAdmin(admin.ModelAdmin):
    # Where a secret is typed, nothing stands in its field: not what is stored, nor what was typed wrongly.
    formfield_overrides: ClassVar[Any] = {EncryptedTextField: {"widget": SecretInput}}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Django shows whoever may only look the values themselves: a secret is left out wherever it is not typed."""
        may_type = self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)
        secrets = secrets_of(self.model)
        left_out = secrets & {*self.get_readonly_fields(request, obj)} if may_type else secrets
        return [
            (title, {**part, "fields": _without(part["fields"], left_out)})
            for title, part in super().get_fieldsets(request, obj)
        ]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """A filter on a column that is not offered could be used to guess a secret."""
        return lookup.split("__")[0] not in secrets_of(self.model) and super().lookup_allowed(lookup, value, request)


def _without(fields: Iterable[Any], left_out: frozenset[str]) -> list[Any]:
    """Fields that stand on one line are a tuple."""
    lines = [[field] if isinstance(field, str) else list(field) for field in fields]
    kept = [[name for name in line if name not in left_out] for line in lines]
    return [line[0] if len(line) == 1 else tuple(line) for line in kept if line]
