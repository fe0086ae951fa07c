"""Writes what is done in the administration to the audit log."""

import json
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest

from ladokflow.addresses import address_of
from ladokflow.changes import LONGEST_VALUE, change, changes
from ladokflow.fields import EncryptedTextField
from ladokflow.messages import message
from sources.audit import record
from sources.models import AuditEntry, Source


def record_in_admin(request: HttpRequest, source: Source, code: str, **params: Any) -> AuditEntry:
    """Never give it a secret."""
    return record(message=message(code, **params), source=source, actor=request.user, address=address_of(request))


def changed_fields(form: ModelForm, names: Iterable[str] | None = None) -> dict[str, Any]:
    """Each field that was changed, with what stood there and what stands there now. Of a secret its name."""
    model = form._meta.model
    return changes(model, [_change(form, name) for name in (form.changed_data if names is None else names)])


def _change(form: ModelForm, name: str) -> list[Any]:
    if _is_secret(form, name):
        return change(name)
    return change(name, _before(form, name), form.cleaned_data.get(name))


def _before(form: ModelForm, name: str) -> Any:
    """What the form began with; of a row that is chosen the row itself, as what is chosen now is."""
    value = form.initial.get(name)
    offered = getattr(form.fields.get(name), "queryset", None)
    if value is None or offered is None or isinstance(value, Model):
        return value
    return offered.model._default_manager.filter(pk=value).first() or value


def _is_secret(form: ModelForm, name: str) -> bool:
    try:
        return isinstance(form._meta.model._meta.get_field(name), EncryptedTextField)
    except FieldDoesNotExist:
        return name == "secret"


def told_value(value: Any) -> str:
    if value in (None, ""):
        return "–"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
