"""What comes in by the administration, Django's own pages of it included, is looked at before it reaches the database."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.db import DataError, models
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from ladokflow.response import WHOLE_NUMBERS, Answer, NotData


class StrictJSONField(forms.JSONField):
    """As JSON from elsewhere is read: nothing that is too deep, has no bounds, says a key twice, or that no database takes."""

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str) or not value.strip():
            return super().to_python(value)
        try:
            return Answer(200, body=value.encode()).json()
        except (NotData, UnicodeEncodeError) as error:
            raise ValidationError(self.error_messages["invalid"], code="invalid", params={"value": value}) from error

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What was typed, to be corrected."""
        try:
            return super().bound_data(data, initial)
        except (ValueError, RecursionError):
            return InvalidJSONInput(data)


class Careful(admin.ModelAdmin):
    formfield_overrides: ClassVar[Any] = {models.JSONField: {"form_class": StrictJSONField}}

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Django lets an address ask by any column of the table: what comes back would tell what no page shows. What may be asked for is
        what a filter offers, and the columns of `offered_besides`, where a page of ours has them."""
        given: Any = self.get_list_filter(request) if request is not None else self.list_filter
        filters = [each[0] if isinstance(each, tuple) else getattr(each, "parameter_name", each) for each in given]
        besides: tuple[str, ...] = getattr(self, "offered_besides", ())
        offered = {str(each).split("__")[0] for each in (*filters, self.date_hierarchy, *besides)}
        return lookup.split("__")[0] in offered and super().lookup_allowed(lookup, value, request)

    def response_action(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        """An action is done with rows that there are: what is no key is told, instead of being looked for."""
        if all(map(self._is_key, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            return super().response_action(request, queryset)
        messages.warning(request, _("Choose the rows in the list: what was sent is none of them."))
        return None

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """A filter that asks for a year or a number which the database cannot even look for finds nothing, as one that makes no sense."""
        try:
            return super().get_changelist_instance(request)
        except (OverflowError, DataError) as error:
            raise IncorrectLookupParameters from error

    def _is_key(self, value: str) -> bool:
        try:
            key = self.opts.pk.to_python(value)
        except ValidationError:
            return False
        return "\0" not in value and (not isinstance(key, int) or key in WHOLE_NUMBERS)


def take_care(site: admin.AdminSite) -> None:
    """Of every page of the site, whoever has registered it."""
    for model_admin in site._registry.values():
        theirs = type(model_admin)
        overrides = {**Careful.formfield_overrides, **model_admin.formfield_overrides}
        model_admin.__class__ = type(theirs.__name__, (Careful, theirs), {})
        vars(model_admin)["formfield_overrides"] = overrides
