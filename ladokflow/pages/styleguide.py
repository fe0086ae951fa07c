"""The parts that pages are built of, each in every state."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ladokflow.looks import KINDS
from ladokflow.messages import message
from ladokflow.pages import samples
from ladokflow.pages.forms import StyleguideForm


@require_GET
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every part of the pages in every state. In development only."""
    form = StyleguideForm({"code": "", "role": "assessor", "agreed": ""})
    form.is_valid()
    sample = message("remote.timeout", system="Ladok", seconds=30)
    context: dict[str, Any] = {"form": form, "sample": sample, "states": samples.STATES, "kinds": KINDS}
    context |= {"grade_charts": samples.grade_charts(), "week_charts": samples.week_charts()}
    return render(request, "pages/styleguide.html", context)
