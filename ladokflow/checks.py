"""What every command looks at before it begins."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from ladokflow.encrypted import told, unopened


@register()
def check_keys(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return [Error(told(names), id="ladokflow.E001")] if (names := unopened()) else []
