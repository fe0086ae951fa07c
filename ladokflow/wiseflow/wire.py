"""How WISEflow's values are read: tolerant of null, of numbers as text and of each way of writing a date."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ladokflow.wiseflow.words import STATE_NAMES

# Larger numbers are milliseconds: as seconds they would stand for a year after 2600.
_FIRST_MILLISECONDS = 20_000_000_000


def _moment(value: Any) -> Any:
    """An aware moment in UTC; None for null, an empty text and 0, which WISEflow uses for "not set"."""
    if value is None or value == "" or isinstance(value, dt.datetime):
        return value or None
    if isinstance(value, bool):
        raise ValueError("a date cannot be true or false")
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            moment = dt.datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    if not isinstance(value, int | float):
        raise ValueError("not a date")
    seconds = value / 1000 if abs(value) >= _FIRST_MILLISECONDS else value
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC) if seconds else None
    except (OverflowError, OSError) as error:
        raise ValueError("not a date") from error


def _text(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        raise ValueError("a text cannot be true or false")
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 4.0 and 4 are the same number in JSON, and the same grade
    return str(value).strip() if isinstance(value, str | int | float) else value


def _identity(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError("an id is a whole number")
    return value


def or_no_rows(value: Any) -> Any:
    return () if value is None else value


def or_empty(value: Any) -> Any:
    return {} if value is None else value


def _state(value: Any) -> Any:
    return STATE_NAMES.get(value, value) if isinstance(value, str) else _identity(value)


def _texts(value: Any) -> Any:
    return [text for text in value if text is not None] if isinstance(value, list) else or_no_rows(value)


def _true(value: Any) -> Any:
    return True if value is None else value


def _false(value: Any) -> Any:
    return False if value is None else value


def _is_null(value: Any) -> bool:
    return value is None


Row = TypeVar("Row")

Rows = Annotated[tuple[Row, ...], BeforeValidator(or_no_rows)]  # null: there are none
Id = Annotated[int, BeforeValidator(_identity), Field(ge=-(2**63), lt=2**63)]  # what a column holds
Text = Annotated[str, BeforeValidator(_text)]
Moment = Annotated[dt.datetime | None, BeforeValidator(_moment)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_texts)]
# A flag that is null says nothing, and has its usual value then.
UsuallyTrue = Annotated[bool, BeforeValidator(_true)]
UsuallyFalse = Annotated[bool, BeforeValidator(_false)]
IsNull = Annotated[bool, BeforeValidator(_is_null)]  # null tells something that leaving out does not
FlowState = Annotated[int, BeforeValidator(_state), Field(ge=0, le=5)]


class Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)
