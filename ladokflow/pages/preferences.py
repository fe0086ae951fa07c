"""What a person chooses for herself: e-mails and their language, keys, how lists are opened, and how she signs in."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from ladokflow.federation import metadata, oidc
from ladokflow.pages.preferences_form import ListForm, PreferencesForm
from ladokflow.requests import HtmxRequest
from ladokflow.undo import tell
from sources.models import FederatedIdentity, Membership, Preference, SecondFactor
from sources.pages.preference import bring, kept_query

LIST_PAGES = {"flows": "flows:list", "exports": "exports:dashboard"}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HtmxRequest) -> HttpResponse:
    memberships = (
        Membership.objects.filter(user_id=request.user.pk or 0).select_related("source").order_by("source__name")
    )
    preference = Preference.of(request.user)
    sent = request.POST if request.method == "POST" else None
    form = PreferencesForm(sent, memberships=list(memberships), preference=preference)
    if request.method == "POST" and form.is_valid():
        form.save()
        bring(request, preference)
        messages.success(request, gettext("Your settings are saved."))
        return redirect("preferences")
    return render(
        request,
        "pages/preferences.html",
        {
            "form": form,
            "has_memberships": bool(form.memberships),
            "factor_count": SecondFactor.objects.filter(user=request.user.pk).count(),
            "identities": FederatedIdentity.objects.filter(user=request.user.pk).prefetch_related(
                "given__membership__source"
            ),
            "has_oidc": oidc.is_offered(),
            "has_saml": metadata.is_offered(),
        },
    )


@login_required
@require_POST
def keep_list(request: HtmxRequest) -> HttpResponse:
    """The list is opened from now on as it is shown, or, without a query, as it comes."""
    form = ListForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest()
    name, query = form.cleaned_data["list"], form.cleaned_data["query"]
    before = kept_query(request, name)
    bring(request, form.save(request.user.pk or 0))
    if query:
        text = gettext("The list is opened like this from now on.")
    else:
        text = gettext("The list is opened as usual again.")
    tell(request, text, reverse("keep_list"), [("list", name), ("query", before)])
    return redirect(f"{reverse(LIST_PAGES[name])}?{query or 'all=on'}")
