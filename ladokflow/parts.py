"""Parts of a page that htmx puts in anew."""

from __future__ import annotations

from django.http import HttpResponse
from django_htmx.http import reselect, reswap, retarget

from ladokflow.requests import HtmxRequest


def part_of(request: HtmxRequest, answer: HttpResponse, selector: str) -> HttpResponse:
    """A whole page as the answer to one of its parts that asked for news: only what `selector` finds in it is replaced.

    To anything else the page itself.
    """
    if request.htmx.target != "progress":
        return answer
    return reswap(reselect(retarget(answer, selector), selector), "outerHTML")
