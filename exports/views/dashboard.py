"""The export dashboard: Failed, Exported, Pending, and what is under way."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import trigger_client_event

from exports.pages.forms import DashboardFilter
from exports.pages.lists import live_attempts, memberships_by_source, rows_of, tab_counts, with_exports
from sources.models import Flow

FLOWS_PER_PAGE = 25


@login_required
@require_GET
@vary_on_headers("HX-Target")
def dashboard(request: HttpRequest) -> HttpResponse:
    """The page, or only its list when that is what htmx puts in anew."""
    memberships = memberships_by_source(request.user)
    sources = [membership.source for membership in memberships.values()]
    form = DashboardFilter(request.GET, sources=sources)
    visible = Flow.objects.visible_to(request.user)
    page = Paginator(with_exports(form.apply(visible)), FLOWS_PER_PAGE).get_page(request.GET.get("page"))
    rows = rows_of(page, memberships)
    context = {
        "form": form,
        "page": page,
        "rows": rows,
        "tab": form.state,
        "sources": sources,
        "can_choose": any(row.can_be_chosen for row in rows),
        "refusal": next((row.why_not for row in rows if row.why_not), None),
        **_tabs(request, form, visible),
        **_live(request),
    }
    part = "#list" if request.htmx.target == "list" else ""  # type: ignore[attr-defined]
    return render(request, "exports/dashboard.html" + part, context)


@login_required
@never_cache
@require_GET
def live(request: HttpRequest) -> HttpResponse:
    """What is under way, asked for again and again while something is; together with the figures on the tabs.

    When something has ended, the list is told to fetch itself anew.
    """
    sources = [membership.source for membership in memberships_by_source(request.user).values()]
    form = DashboardFilter(request.GET, sources=sources)
    visible = Flow.objects.visible_to(request.user)
    context = _live(request) | _tabs(request, form, visible)
    answer = render(request, "exports/_live_update.html", context | {"tab": form.state})
    # After the swap: the tabs, the box and the list then change together.
    return trigger_client_event(answer, "exports-ended", after="settle") if context["has_news"] else answer


def _tabs(request: HttpRequest, form: DashboardFilter, visible: object) -> dict[str, object]:
    kept = request.GET.copy()
    for name in ("tab", "page", "watch", "seen"):
        kept.pop(name, None)
    return {"counts": tab_counts(form.narrow(visible)), "kept": kept.urlencode()}  # type: ignore[arg-type]


def _live(request: HttpRequest) -> dict[str, object]:
    """News is told aloud: only when another attempt has ended since the page last asked."""
    watched = request.GET.getlist("watch")
    found = live_attempts(request.user, watched)
    asked = request.GET.copy()
    # Whatever the page has seen under way stays on it, also when it has ended.
    asked.setlist("watch", [str(attempt.pk) for attempt in found.attempts])
    asked["seen"] = str(found.ended_count)
    asked.pop("page", None)
    has_news = request.GET.get("seen") not in (None, str(found.ended_count))
    return {"live": found, "asked": asked.urlencode(), "has_news": has_news}
