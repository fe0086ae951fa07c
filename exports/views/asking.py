"""What several of the pages ask of a request."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from exports.models import ExportAttempt
from exports.pages.needs import with_needs
from exports.pages.table import MAX_CHOSEN
from ladokflow.requests import HtmxRequest
from sources.access import Kind, flow_seen, flows_seen
from sources.models import Flow, SyncRun
from sources.universities.permissions import require_here

LARGEST_KEY = 2**63 - 1


def flow_for(request: HtmxRequest, pk: int) -> Flow:
    """The flow, of `with_needs`, or 404 where it belongs to a source the user is no member of. NotAllowed, here and below, where the user may not do this there.

    What is under way (`is_syncing`, `is_under_way`) is read in the same query as the rest: what ended between two would be seen neither
    as under way nor by what came of it, and a page that is asked for again only while something is would never tell.
    """
    if pk > LARGEST_KEY:
        raise Http404
    runs = SyncRun.objects.filter(flow=OuterRef("pk"), state__in=SyncRun.OPEN)
    visible = Flow.objects.visible_to(request.user).select_related("source", "created_by")
    flows = with_needs(visible.annotate(is_syncing=Exists(runs)))
    flow = get_object_or_404(flows, pk=pk)
    require_here(request, flow.source)
    if request.method == "GET":
        flow_seen(request, flow)
    return flow


def attempt_for(request: HtmxRequest, pk: object) -> ExportAttempt:
    visible = Flow.objects.visible_to(request.user)
    attempts = ExportAttempt.objects.filter(flow__in=visible).select_related(
        "flow", "flow__source", "code", "requested_by"
    )
    attempt = get_object_or_404(attempts, pk=pk)
    require_here(request, attempt.flow.source)
    if request.method == "GET":
        flow_seen(request, attempt.flow, Kind.ATTEMPT)
    return attempt


def chosen_flows(request: HtmxRequest, values: Iterable[str]) -> list[Flow]:
    """The flows with these keys, which were ticked; none, and the person is told, where none was or too many. 404 if any of them is not
    the user's."""
    keys = keys_of(values)
    if not keys:
        messages.warning(request, _("Choose at least one flow first."))
    if len(keys) > MAX_CHOSEN:
        text = _("Choose at most %(most)s flows at a time: nothing was done.")
        messages.warning(request, text % {"most": MAX_CHOSEN})
        return []
    flows = Flow.objects.visible_to(request.user).with_source_and_codes().in_bulk(keys)
    if len(flows) != len(keys):
        raise Http404
    require_here(request, *(flow.source for flow in flows.values()))
    if request.method == "GET":
        flows_seen(request, flows.values())
    return [flows[key] for key in keys]


def keys_of(values: Iterable[str]) -> list[int]:
    """Keys from a form, each once. 404 for what is none."""
    try:
        keys = list(dict.fromkeys(int(value) for value in values))
    except ValueError:
        raise Http404 from None
    if any(not 0 < key <= LARGEST_KEY for key in keys):
        raise Http404
    return keys


def came_from(request: HtmxRequest) -> str:
    """The page of ours that led here, for `back`: "" for none, and for this one itself."""
    if request.method == "POST":
        return request.POST.get("next", "")
    address = urlsplit(request.headers.get("Referer", ""))
    is_other_page = address.netloc == request.get_host() and address.path != request.path
    return address._replace(scheme="", netloc="", fragment="").geturl() if is_other_page else ""


def back(request: HtmxRequest, otherwise: str) -> str:
    """The page the form stood on, if it says so and is one of ours."""
    address = request.POST.get("next", "")
    is_ours = address.startswith("/") and url_has_allowed_host_and_scheme(
        address, {request.get_host()}, require_https=request.is_secure()
    )
    return address if is_ours else otherwise
