"""A forgotten password, a new one by the link of a letter, and another one for somebody who is signed in."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import PasswordChangeView, PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from ladokflow.addresses import address_of
from ladokflow.pages.forms import ForgottenForm
from ladokflow.sign_in_limits import OF_SECOND_STEP, Tries
from sources.identity import passwords


@require_http_methods(["GET", "HEAD", "POST"])
def forgotten(request: HttpRequest) -> HttpResponse:
    """What is answered is the same for every name, and comes as fast."""
    form = ForgottenForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "registration/password_forgotten.html", {"form": form})
    tries = Tries(request, f"letter to {form.cleaned_data['name'].lower()}")
    if refusal := tries.too_soon():
        return refusal
    tries.was_wrong()
    passwords.ask_for_letter(form.cleaned_data["name"])
    return redirect("password_letter")


@require_http_methods(["GET", "HEAD"])
def letter(request: HttpRequest) -> HttpResponse:
    return render(request, "registration/password_letter.html")


class NewPassword(PasswordResetConfirmView):
    """By the link of a letter. Who has a second factor needs it all the same."""

    template_name = "registration/password_new.html"
    success_url = reverse_lazy("login")
    reset_url_token = "new"  # noqa: S105 - stands in the address in place of the token

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        passwords.has_changed(self.user, "identity.password_reset", address=address_of(self.request))
        messages.success(self.request, gettext("Your new password is saved. Sign in with it."))
        return answer


class ChangePassword(PasswordChangeView):
    template_name = "registration/password_change.html"
    success_url = reverse_lazy("preferences")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and not request.user.has_usable_password():
            return redirect("preferences")  # they sign in at their university
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._tries().too_soon() or super().post(request, *args, **kwargs)

    def _tries(self) -> Tries:
        name = self.request.user.get_username()
        return Tries(self.request, f"old password of {name}", owner=name, of_name=OF_SECOND_STEP)

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        if "old_password" in form.errors:
            self._tries().was_wrong()
        return super().form_invalid(form)

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        answer = super().form_valid(form)  # every other session of theirs has ended
        passwords.has_changed(self.request.user, "identity.password_changed", address=address_of(self.request))
        messages.success(self.request, gettext("Your password is changed."))
        return answer


change = login_required(ChangePassword.as_view())
