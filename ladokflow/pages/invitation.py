"""The link of an invitation: where a new member chooses how to sign in."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.forms import SetPasswordForm
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from ladokflow.addresses import address_of
from ladokflow.federation import metadata, oidc
from ladokflow.messages import Refused
from ladokflow.pages.sign_in import let_in
from sources.identity import invitations

INVITED = "invited"


@require_safe
def link(request: HttpRequest, secret: str) -> HttpResponse:
    """Keeps the secret out of the address of the page that follows, and of what is called from there. Looking does not use it up: what
    reads letters before their reader does opens links."""
    request.session[INVITED] = invitations.digest_of(secret)
    return redirect("invitation")


@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest) -> HttpResponse:
    digest = request.session.get(INVITED, "")
    if not digest:
        return redirect("login")
    try:
        invited = invitations.invitation_of(digest)
        user: Any = invited.membership.user
        form = SetPasswordForm(user, request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            return _let_in(request, form, digest)
    except Refused as refused:
        return render(request, "registration/refused.html", {"refusal": refused.message}, status=410)
    return render(
        request,
        "registration/invitation.html",
        {
            "form": form,
            "membership": invited.membership,
            "has_oidc": oidc.is_offered(),
            "has_saml": metadata.is_offered(),
        },
    )


def _let_in(request: HttpRequest, form: SetPasswordForm[Any], digest: str) -> HttpResponse:
    with transaction.atomic():
        invitations.use(digest, address=address_of(request))
        user = form.save()
    request.session.pop(INVITED, None)
    answer = let_in(request, user, "/")
    messages.success(request, gettext("Welcome. From now on you sign in with your e-mail address and this password."))
    return answer
