"""Writes what is done in the administration to the audit log."""

from typing import Any

from django.forms import ModelForm
from django.http import HttpRequest

from ladokflow.addresses import address_of
from ladokflow.messages import message
from sources.audit import record
from sources.models import Source


def record_in_admin(request: HttpRequest, source: Source, code: str, **params: Any) -> None:
    """Never give it a secret: names of fields, of people and of credentials only."""
    record(message=message(code, **params), source=source, actor=request.user, address=address_of(request))


def changed_fields(form: ModelForm) -> str:
    return ", ".join(form.changed_data)
