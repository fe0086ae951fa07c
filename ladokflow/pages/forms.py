"""The sign-in form, and the one of the style guide."""

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _

LONGEST_NAME = 150  # of the column


class SignInForm(AuthenticationForm):
    username = forms.CharField(
        label=_("E-mail or user name"),
        max_length=LONGEST_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


class AdminSignInForm(AdminAuthenticationForm):
    username = forms.CharField(max_length=LONGEST_NAME, widget=forms.TextInput(attrs={"autofocus": True}))


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
