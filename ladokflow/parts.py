"""Parts of a page that htmx puts in anew."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django_htmx.http import reselect, reswap, retarget


def part_of(request: HttpRequest, answer: HttpResponse, selector: str) -> HttpResponse:
    """A whole page as the answer to one of its parts that asked for news: only what `selector` finds in it is replaced.

    To anything else the page itself.
    """
    if request.htmx.target != "progress":  # type: ignore[attr-defined]
        return answer
    return reswap(reselect(retarget(answer, selector), selector), "outerHTML")
