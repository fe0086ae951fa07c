"""The request as the pages get it."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class HtmxRequest(HttpRequest):
    """Of somebody who has signed in, and marked by django-htmx's middleware. For annotations only: Django makes the object."""

    user: User
    htmx: HtmxDetails
