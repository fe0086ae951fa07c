"""Writes what is done in the administration to the audit log."""

import json
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.forms import ModelForm
from django.http import HttpRequest

from ladokflow.addresses import address_of
from ladokflow.fields import EncryptedTextField
from ladokflow.messages import message
from sources.audit import record
from sources.models import AuditEntry, Source

LONGEST_VALUE = 500


def record_in_admin(request: HttpRequest, source: Source, code: str, **params: Any) -> AuditEntry:
    """Never give it a secret."""
    return record(message=message(code, **params), source=source, actor=request.user, address=address_of(request))


def changed_fields(form: ModelForm, names: Iterable[str] | None = None) -> str:
    """Each field that was changed, with what stood there and what stands there now. Of a secret its name."""
    return "; ".join(_change(form, name) for name in (form.changed_data if names is None else names))


def _change(form: ModelForm, name: str) -> str:
    if _is_secret(form, name):
        return name
    return f"{name}: {told_value(form.initial.get(name))} → {told_value(form.cleaned_data.get(name))}"


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
