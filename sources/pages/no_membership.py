"""What somebody sees who belongs to no university, in place of every list: there is nothing to search or choose."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django_htmx.http import HttpResponseClientRefresh

from ladokflow.identifiers import normal
from ladokflow.requests import HtmxRequest
from sources.identity.federated import whom_to_ask


def without_membership(request: HtmxRequest) -> HttpResponse:
    """The whole page, also where htmx asks for a part of one: somebody may have lost the last membership meanwhile."""
    if request.htmx:
        return HttpResponseClientRefresh()
    domain = normal(request.user.email).rpartition("@")[2]
    return render(request, "sources/no_membership.html", {"admins": whom_to_ask(domain)})
