"""Charts drawn by the server: SVG with the same figures in words, so that nobody has to see them."""

from __future__ import annotations

from typing import Any

from django import template

from exports.pages.charts import grade_bars
from sources.models import Flow

register = template.Library()


@register.inclusion_tag("exports/_grades_chart.html")
def grades_chart(flow: Flow) -> dict[str, Any]:
    return {"bars": grade_bars(flow)}
