"""Signing in: with a password, and then with a second factor where there is one."""

from __future__ import annotations

import time
from typing import Any, cast

from django.conf import settings
from django.contrib.admin import site
from django.contrib.auth import get_user_model, login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django_htmx.http import HttpResponseClientRedirect

from ladokflow.federation import metadata, oidc
from ladokflow.pages.forms import AdminSignInForm, SignInForm
from ladokflow.requests import HtmxRequest
from ladokflow.sign_in_session import PROVEN_TWICE
from sources.models import SecondFactor

PENDING = "second_factor_of"
PENDING_SECONDS = 600
BACKEND = "django.contrib.auth.backends.ModelBackend"


def let_in(request: HttpRequest, user: Any, address: str, *, has_proven_twice: bool = False) -> HttpResponse:
    """Sign somebody in who has proven who they are, and go on to the address; by way of their second factor where they have one.

    Until then they are nobody to all the rest: the session only knows who is on the way.
    """
    if request.user.is_authenticated and request.user.pk == user.pk and PROVEN_TWICE in request.session:
        return redirect(address)
    if not has_proven_twice and SecondFactor.objects.filter(user=user).exists():
        if not request.user.is_authenticated:
            request.session.flush()
        request.session[PENDING] = {
            "user": user.pk,
            "password": user.get_session_auth_hash(),
            "address": address,
            "at": time.time(),
        }
        return redirect("second_factor")
    login(request, user, backend=BACKEND)
    request.session.pop(PENDING, None)
    if has_proven_twice:
        request.session[PROVEN_TWICE] = True
    return redirect(address)


def pending(request: HttpRequest) -> tuple[Any, str]:
    """Who is on the way in, and where to; (None, "") where nobody is, it has taken too long, or their password is another one by now."""
    kept = request.session.get(PENDING) or {}
    if not kept or time.time() - kept["at"] > PENDING_SECONDS:
        return None, ""
    user: Any = get_user_model().objects.filter(pk=kept["user"], is_active=True).first()
    if user is None or not constant_time_compare(user.get_session_auth_hash(), kept["password"]):
        return None, ""
    return user, kept["address"]


class SignIn(LoginView):
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # A page that asks for its progress after the session has ended must not get a sign-in form in the middle of itself.
        if htmx := cast(HtmxRequest, request).htmx:
            return HttpResponseClientRedirect(htmx.current_url or request.path)
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        return let_in(self.request, form.get_user(), self.get_success_url())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {
            "has_oidc": oidc.is_offered(),
            "oidc_name": settings.OIDC_NAME,
            "has_saml": metadata.is_offered(),
            "saml_name": settings.SAML_NAME,
        }


class AdminSignIn(LoginView):
    """At the administration's own address, by the same rules."""

    authentication_form = AdminSignInForm
    template_name = "admin/login.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "GET" and site.has_permission(request):
            return redirect("admin:index")
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        return let_in(self.request, form.get_user(), self.get_success_url())

    def get_default_redirect_url(self) -> str:
        return resolve_url("admin:index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        return {
            **site.each_context(self.request),
            **context,
            "title": site.index_title,
            "subtitle": None,
            "app_path": self.request.get_full_path(),
            "username": self.request.user.get_username(),
            "next": context["next"] or reverse("admin:index"),
        }
