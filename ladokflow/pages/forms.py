"""The forms of signing in, and the one of the style guide."""

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from sources.identity.passwords import name_of_account

LONGEST_NAME = 150  # of the column
# Django's own words beside a new password, of which our Swedish says that the new one is meant.
WORDS = (gettext_noop("Enter the same password as before, for verification."),)


class ByAnySpelling(AuthenticationForm):
    """Capital letters do not matter in the name, where that leaves one account."""

    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": _(
            "The e-mail or user name, or the password, is not right. Capital letters matter in the password only."
        )
    }

    def clean_username(self) -> str:
        typed: str = self.cleaned_data["username"]
        return name_of_account(typed)


class SignInForm(ByAnySpelling):
    username = forms.CharField(
        label=_("E-mail or user name"),
        max_length=LONGEST_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


class AdminSignInForm(ByAnySpelling, AdminAuthenticationForm):
    username = forms.CharField(
        label=_("E-mail or user name"), max_length=LONGEST_NAME, widget=forms.TextInput(attrs={"autofocus": True})
    )


class ForgottenForm(forms.Form):
    name = forms.CharField(
        label=_("E-mail or user name"),
        max_length=LONGEST_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        help_text=_("Six digits from the app, or one of your recovery codes."),
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


class NewAppForm(forms.Form):
    code = forms.CharField(
        label=_("Code that the app shows"),
        max_length=6,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )
    name = forms.CharField(
        label=_("What you call it"), max_length=60, required=False, help_text=_("For example: my phone.")
    )


class NewKeyForm(forms.Form):
    name = forms.CharField(
        label=_("What you call it"), max_length=60, required=False, help_text=_("For example: the key on my key ring.")
    )
    key = forms.CharField(max_length=20_000, widget=forms.HiddenInput)


class StyleguideForm(forms.Form):
    code = forms.CharField(label=_("Code"), help_text=_("As it stands in Ladok."))
    note = forms.CharField(label=_("Note"), required=False, widget=forms.Textarea(attrs={"rows": 3}))
    role = forms.ChoiceField(label=_("Role"), choices=[("assessor", _("Assessor")), ("reviewer", _("Reviewer"))])
    decided_by = forms.ChoiceField(
        label=_("Grade decided by"),
        choices=[("assessor", _("Assessor")), ("reviewer", _("Reviewer"))],
        widget=forms.RadioSelect,
    )
    agreed = forms.BooleanField(
        label=_("Activate the flow when it is created"), help_text=_("Otherwise you do it in WISEflow.")
    )
