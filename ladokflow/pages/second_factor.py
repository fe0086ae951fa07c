"""The second step of signing in, and the second factors under a person's own settings."""

from __future__ import annotations

from typing import Any

import segno
from cryptography.fernet import InvalidToken
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from ladokflow.addresses import address_of
from ladokflow.fields import encrypted, keyring
from ladokflow.messages import Refused, message
from ladokflow.pages.forms import CodeForm, NewAppForm, NewKeyForm
from ladokflow.pages.sign_in import let_in, pending
from ladokflow.sign_in_limits import OF_SECOND_STEP, Tries
from ladokflow.sign_in_session import PROVEN_TWICE, has_proven_twice, is_fresh
from sources.identity import second_factors, security_keys
from sources.models import SecondFactor

CHALLENGE = "key_challenge"
APP_SECRET = "app_secret"  # noqa: S105 - where it is kept, encrypted, until a code has shown that the app has it


# --- Signing in


@require_http_methods(["GET", "HEAD", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    user, address = pending(request)
    if user is None:
        messages.warning(request, gettext("The sign-in took too long. Begin once more."))
        return redirect("login")
    name = user.get_username()
    tries = Tries(request, f"second factor of {name}", owner=name, of_name=OF_SECOND_STEP)
    refusal = None
    if request.method == "POST":
        if too_soon := tries.too_soon():
            return too_soon
        refusal = _refusal(request, user)
        if refusal is None:
            tries.was_right()
            return let_in(request, user, address, has_proven_twice=True)
        tries.was_wrong()
    kinds = set(SecondFactor.objects.filter(user=user).values_list("kind", flat=True))
    options = _kept_challenge(request, security_keys.asking(user, _host(request))) if "key" in kinds else ""
    return render(
        request,
        "registration/second_factor.html",
        {"form": CodeForm(), "refusal": refusal, "has_app": "app" in kinds, "options": options},
    )


def _refusal(request: HttpRequest, user: Any) -> Any:
    """Why the person is not let in with what was sent; None where they are."""
    if answered := request.POST.get("key"):
        challenge = request.session.pop(CHALLENGE, "")
        where = {"host": _host(request), "origin": _origin(request)}
        is_right = security_keys.takes_key(user, answered=answered, challenge=challenge, **where)
        return None if is_right else message("identity.wrong_key")
    form = CodeForm(request.POST)
    is_right = form.is_valid() and second_factors.takes_code(
        user, form.cleaned_data["code"], address=address_of(request)
    )
    return None if is_right else message("identity.wrong_code")


def _kept_challenge(request: HttpRequest, asked: tuple[str, str]) -> str:
    options, request.session[CHALLENGE] = asked
    return options


def _host(request: HttpRequest) -> str:
    return request.get_host().rpartition(":")[0] if ":" in request.get_host() else request.get_host()


def _origin(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"


# --- Under a person's own settings


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def factors(request: HttpRequest) -> HttpResponse:
    """All of them, and two forms for a new one."""
    mine = SecondFactor.objects.filter(user=request.user.pk)
    if mine and not has_proven_twice(request):
        return let_in(request, request.user, request.path)
    if not is_fresh(request):
        return render(request, "pages/second_factor_again.html")
    if request.method == "POST":
        try:
            return _add(request)
        except Refused as refused:
            messages.error(request, str(refused.message))
            return redirect("second_factors")
    secret = _new_secret(request)
    uri = second_factors.uri_of(secret, request.user)
    return render(
        request,
        "pages/second_factors.html",
        {
            "factors": mine,
            "is_required": second_factors.is_required(request.user),
            "codes_left": second_factors.recovery_codes_left(request.user),
            "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
            "uri": uri,
            "picture": segno.make(uri, error="m").svg_data_uri(scale=5, border=4, light="#fff"),
            "app_form": NewAppForm(),
            "key_form": NewKeyForm(),
            "options": _kept_challenge(request, security_keys.creation(request.user, _host(request))),
        },
    )


def _new_secret(request: HttpRequest) -> str:
    """The same until it is used, so that a page that is loaded anew shows what the phone has read already."""
    try:
        return keyring().decrypt(request.session[APP_SECRET].encode()).decode()
    except (KeyError, InvalidToken):
        secret = second_factors.new_secret()
        request.session[APP_SECRET] = encrypted(secret)
        return secret


def _add(request: HttpRequest) -> HttpResponse:
    user, address = request.user, address_of(request)
    is_first = not SecondFactor.objects.filter(user=user.pk).exists()
    if request.POST.get("key"):
        form: Any = NewKeyForm(request.POST)
        if not form.is_valid():
            raise Refused(message("identity.wrong_key"))
        security_keys.add_key(
            user,
            answered=form.cleaned_data["key"],
            challenge=request.session.pop(CHALLENGE, ""),
            host=_host(request),
            origin=_origin(request),
            name=form.cleaned_data["name"] or gettext("Security key"),
            address=address,
        )
    else:
        form = NewAppForm(request.POST)
        if not form.is_valid():
            raise Refused(message("identity.wrong_code"))
        second_factors.add_app(
            user,
            secret=_new_secret(request),
            code=form.cleaned_data["code"],
            name=form.cleaned_data["name"] or gettext("App"),
            address=address,
        )
        request.session.pop(APP_SECRET, None)
    request.session[PROVEN_TWICE] = True
    messages.success(request, gettext("The second factor is added."))
    if is_first:
        return _show_new_codes(request)
    return redirect("second_factors")


@login_required
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    factor = get_object_or_404(SecondFactor, pk=pk, user=request.user.pk)
    if has_proven_twice(request) and is_fresh(request):
        try:
            second_factors.remove(factor, address=address_of(request))
            messages.success(request, gettext("The second factor is removed."))
        except Refused as refused:
            messages.error(request, str(refused.message))
    return redirect("second_factors")


@login_required
@require_POST
def recovery_codes(request: HttpRequest) -> HttpResponse:
    is_theirs = has_proven_twice(request) and SecondFactor.objects.filter(user=request.user.pk).exists()
    return _show_new_codes(request) if is_theirs and is_fresh(request) else redirect("second_factors")


def _show_new_codes(request: HttpRequest) -> HttpResponse:
    codes = second_factors.new_recovery_codes(request.user, address=address_of(request))
    return render(request, "pages/recovery_codes.html", {"codes": codes})
