"""Signing in."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponseBase
from django_htmx.http import HttpResponseClientRedirect

from ladokflow.pages.forms import SignInForm
from ladokflow.requests import HtmxRequest


class SignIn(LoginView):
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # A page that asks for its progress after the session has ended must not get a sign-in form in the middle of itself.
        if htmx := cast(HtmxRequest, request).htmx:
            return HttpResponseClientRedirect(htmx.current_url or request.path)
        return super().dispatch(request, *args, **kwargs)
