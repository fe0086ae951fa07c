"""What has been changed of a row, as an entry of a log keeps it: by the names of the model's fields, which become words when somebody reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.utils import formats
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _

from ladokflow import dates

if TYPE_CHECKING:  # A university's adapter needs no models, and tells its faults by messages.
    from django.db.models import Model

NOTHING = "–"
LONGEST_VALUE = 500
KEPT_AS_IT_IS = (bool, int, float, str, list, tuple, dict)


def change(name: str, *values: Any) -> list[Any]:
    """`values` are what stood there and what stands there now; none for what nobody may read, of which the name is told alone."""
    return [name, *map(_kept, values)]


def changes(model: type[Model], rows: Iterable[list[Any]]) -> dict[str, Any]:
    """A parameter of a message."""
    return {"changes_of": model._meta.label_lower, "rows": list(rows)}


def kind_of(model: type[Model]) -> dict[str, str]:
    """A parameter of a message: what a row of the model is called."""
    return {"row_of": model._meta.label_lower}


def table_of(value: Any) -> type[Model] | None:
    """The model that `kind_of` has named; None for any other parameter."""
    return _model_of(str(value["row_of"])) if isinstance(value, Mapping) and "row_of" in value else None


def _kept(value: Any) -> Any:
    if value is None or isinstance(value, KEPT_AS_IT_IS):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return value if len(text) <= LONGEST_VALUE else Truncator(text).chars(LONGEST_VALUE + 1)
    return str(value)


def in_words(value: Any) -> str | None:
    """In the reader's language; None for a parameter of another kind. A field that is no more is told by its name."""
    if (table := table_of(value)) is not None:
        return str(table._meta.verbose_name)
    if not isinstance(value, Mapping) or not isinstance(value.get("rows"), list):
        return None
    model = _model_of(str(value.get("changes_of")))
    return "; ".join(_row_in_words(model, *row) for row in value["rows"] if isinstance(row, list) and row)


def _model_of(label: str) -> type[Model] | None:
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        return None


def _row_in_words(model: type[Model] | None, name: Any, *values: Any) -> str:
    field = field_of(model, name)
    told = " → ".join(value_in_words(value, field) for value in values)
    label = str(capfirst(field.verbose_name)) if field is not None else str(name)
    return f"{label}: {told}" if told else label


def field_of(model: type[Model] | None, name: Any) -> Any:
    try:
        found = model._meta.get_field(str(name)) if model is not None else None
    except FieldDoesNotExist:
        return None
    return found if hasattr(found, "verbose_name") else None


def value_in_words(value: Any, field: Any = None) -> str:
    """Of a field with choices by the chosen one's label; `field` may be None."""
    if value in (None, "", [], {}, ()):
        return NOTHING
    if isinstance(value, list | tuple):
        return ", ".join(value_in_words(each, field) for each in value)
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    labels = dict(getattr(field, "flatchoices", None) or _choices_of_each(field))
    if isinstance(value, str | int) and value in labels:
        return str(labels[value])
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return formats.localize(value) if isinstance(value, float) else str(dates.in_words(value))


def _choices_of_each(field: Any) -> Iterable[tuple[Any, Any]]:
    """Of a list: a model says by `choices_of_each` what may stand in which of its lists."""
    return getattr(getattr(field, "model", None), "choices_of_each", {}).get(getattr(field, "name", ""), ())
