"""What a person chooses for herself: e-mails, and their language."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from ladokflow.pages.preferences_form import PreferencesForm
from ladokflow.requests import HtmxRequest
from sources.models import Membership


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HtmxRequest) -> HttpResponse:
    memberships = (
        Membership.objects.filter(user_id=request.user.pk or 0).select_related("source").order_by("source__name")
    )
    form = PreferencesForm(request.POST or None, memberships=list(memberships))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, gettext("Your settings are saved."))
        return redirect("preferences")
    return render(request, "pages/preferences.html", {"form": form, "has_memberships": bool(form.memberships)})
