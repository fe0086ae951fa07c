"""Signing in at the university: out to the identity provider, and back again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

from authlib.common.urls import add_params_to_uri
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from ladokflow.addresses import address_of
from ladokflow.federation import metadata, oidc, saml
from ladokflow.federation.own_metadata import own_metadata
from ladokflow.federation.subject import Subject
from ladokflow.messages import Message, Refused, message
from ladokflow.pages.errand import Errand, errand_of, forget, keep
from ladokflow.pages.invitation import INVITED
from ladokflow.pages.sign_in import let_in
from ladokflow.sign_in_session import is_fresh
from sources.identity import federated
from sources.models import FederatedIdentity

logger = logging.getLogger(__name__)
View = Callable[[HttpRequest], HttpResponse]


def _address(name: str) -> str:
    return f"{settings.PUBLIC_URL}{reverse(name)}"


def _errand(request: HttpRequest, protocol: str) -> Errand:
    """What the person wants: to go on to a page, to take up an invitation, or to have this sign-in joined to their account."""
    wanted = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    wants_to_join = "join" in request.GET and request.user.is_authenticated and is_fresh(request)
    return Errand(
        protocol=protocol,
        address=wanted if is_ours else "/",
        invitation=request.session.get(INVITED, "") if "invited" in request.GET else "",
        joined_to=request.user.pk or 0 if wants_to_join else 0,
    )


def _told(request: HttpRequest, reason: Message, status: int = 403) -> HttpResponse:
    return forget(render(request, "registration/refused.html", {"refusal": reason}, status=status))


def _where_offered(is_offered: Callable[[], bool]) -> Callable[[View], View]:
    """Elsewhere there is only the sign-in to go to."""

    def guard(view: View) -> View:
        @wraps(view)
        def respond(request: HttpRequest) -> HttpResponse:
            return view(request) if is_offered() else redirect("login")

        return respond

    return guard


def _come_back(request: HttpRequest, subject: Subject, errand: Errand) -> HttpResponse:
    joined_to = get_user_model().objects.filter(pk=errand.joined_to).first() if errand.joined_to else None
    person = federated.person_of(
        subject, address=address_of(request), invitation=errand.invitation, joined_to=joined_to
    )
    if person is None:
        logger.info("sign_in.no_membership protocol=%s issuer=%r", subject.protocol, subject.issuer)
        facts = {"subject": subject, "admins": federated.whom_to_ask(subject.scope)}
        return forget(render(request, "registration/no_membership.html", facts, status=403))
    answer = let_in(request, person, errand.address, has_proven_twice=subject.has_proven_twice)
    request.session.pop(INVITED, None)
    return forget(answer)


# --- OpenID Connect


@require_safe
@_where_offered(oidc.is_offered)
def oidc_begin(request: HttpRequest) -> HttpResponse:
    errand = _errand(request, "oidc")
    try:
        url, kept = oidc.begin(_address("oidc_answer"))
    except Refused as refused:
        return _told(request, refused.message, 502)
    return keep(HttpResponseRedirect(url), replace(errand, kept=kept))


@require_safe
@_where_offered(oidc.is_offered)
def oidc_answer(request: HttpRequest) -> HttpResponse:
    errand = errand_of(request, "oidc")
    if errand is None:
        return _told(request, message("federation.not_begun"))
    try:
        subject = oidc.finish(_address("oidc_answer"), request.GET.dict(), errand.kept)
        return _come_back(request, subject, errand)
    except Refused as refused:
        return _told(request, refused.message)


# --- SAML


@require_safe
@_where_offered(metadata.is_offered)
def saml_begin(request: HttpRequest) -> HttpResponse:
    """To the identity provider where there is one; to the discovery service, or to our own list, where there are several."""
    errand = _errand(request, "saml")
    if settings.SAML_DISCOVERY_URL:
        asked = [("entityID", settings.SAML_ENTITY_ID), ("return", _address("saml_chosen"))]
        return keep(HttpResponseRedirect(add_params_to_uri(settings.SAML_DISCOVERY_URL, asked)), errand)
    try:
        providers = metadata.providers()
        if len(providers) == 1:
            return _ask(providers[0], errand)
    except Refused as refused:
        return _told(request, refused.message, 502)
    return keep(render(request, "registration/choose_university.html", {"providers": providers}), errand)


@require_safe
@_where_offered(metadata.is_offered)
def saml_chosen(request: HttpRequest) -> HttpResponse:
    """Back from the discovery service or the list, with `entityID`; without it where nothing was chosen."""
    if not request.GET.get("entityID"):
        return redirect("login")
    errand = errand_of(request, "saml")
    if errand is None:
        return _told(request, message("federation.not_begun"))
    try:
        return _ask(metadata.provider(request.GET["entityID"]), errand)
    except Refused as refused:
        return _told(request, refused.message)


def _ask(provider: metadata.Provider, errand: Errand) -> HttpResponse:
    url, kept = saml.begin(provider, _address("saml_answer"))
    return keep(HttpResponseRedirect(url), replace(errand, kept=kept))


@csrf_exempt  # it comes from the identity provider; the errand's cookie shows whose it is
@require_POST
@_where_offered(metadata.is_offered)
def saml_answer(request: HttpRequest) -> HttpResponse:
    errand = errand_of(request, "saml")
    if errand is None or not errand.kept:
        return _told(request, message("federation.not_begun"))
    try:
        provider = metadata.provider(errand.kept["issuer"])
        answered = request.POST.get("SAMLResponse", "")
        asserted = saml.finish(provider, _address("saml_answer"), answered, errand.kept["request"])
        return _come_back(request, federated.take_once(asserted), errand)
    except Refused as refused:
        return _told(request, refused.message)


@require_safe
def saml_metadata(request: HttpRequest) -> HttpResponse:
    """Also before any identity provider is known here: it is what the federation registers first."""
    document = own_metadata(answers=_address("saml_answer"), chosen=_address("saml_chosen"), privacy=_address("manual"))
    return HttpResponse(document, content_type="application/samlmetadata+xml")


# --- Under a person's own settings


@login_required
@require_POST
def leave(request: HttpRequest, pk: int) -> HttpResponse:
    """Takes a sign-in at the university off the person's account, where they can still sign in otherwise."""
    user: Any = request.user
    identity = get_object_or_404(FederatedIdentity, pk=pk, user=user.pk)
    if user.has_usable_password() or user.identities.count() > 1:
        federated.unlink(identity, by=user, address=address_of(request))
        messages.success(request, gettext("The sign-in at the university is taken off your account."))
    else:
        messages.error(request, gettext("It is your only way to sign in, so it is kept."))
    return redirect("preferences")
