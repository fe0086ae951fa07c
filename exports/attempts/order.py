"""What is asked for when an export is started, as plain values: an attempt keeps it until it has been carried out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from exports.rules.values import Asking


@dataclass(frozen=True, kw_only=True)
class Order:
    """As the parameters of `start_export` and `retry_export`."""

    asking: Asking
    only: Collection[int] | None = None
    to: Mapping[int, int] = field(default_factory=dict)
    with_last_list: bool = False
    send_again: bool = False
    leaves_unknown: bool = False
    seen: str | None = None
    address: str | None = None

    def to_json(self) -> dict[str, Any]:
        only = None if self.only is None else list(self.only)
        return asdict(self) | {"only": only, "to": list(self.to.items())}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Order:
        return cls(**{**stored, "asking": Asking(stored["asking"]), "to": dict(stored["to"])})
