"""What may be typed in the administration. A secret goes in and never out again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from ladokflow.identifiers import normal
from ladokflow.ladok.bodies import check_expression
from ladokflow.messages import Refused
from sources.models import Credential, Membership, Source
from sources.universities.paths import PATHS, check_path

USER_DATA_TYPES = ("organisation_id", "national_id", "external_user_id")


ADDRESS: dict[str, Any] = {
    "max_length": 500,
    "assume_scheme": "https",
    "widget": forms.URLInput(attrs={"class": "vURLField"}),
}


class SecretInput(forms.Textarea):
    """Room for a token or a whole certificate; what was typed is never written into a page, not even after a mistake."""

    def __init__(self) -> None:
        super().__init__(
            attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false", "class": "vLargeTextField secret"}
        )

    def format_value(self, value: Any) -> str:
        return ""


class CredentialForm(forms.ModelForm):
    secret = forms.CharField(label=capfirst(_("secret")), widget=SecretInput, strip=True)

    class Meta:
        model = Credential
        fields = ("source", "system", "kind", "label", "client_id", "secret", "enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept_secret = self.instance.secret
        self.has_new_secret = False
        if "secret" not in self.fields:  # somebody who may only look
            return
        former_host = self.instance.former_host
        if former_host:
            self.initial.pop("secret", None)
            self.fields["secret"].required = False
            self.fields["secret"].help_text = _("Type a new secret: the one there is was given for %(host)s.") % {
                "host": former_host
            }
        elif self.instance.pk:
            self.initial.pop("secret", None)
            self.fields["secret"].required = False
            self.fields["secret"].help_text = _(
                "A secret is stored, encrypted, and never shown. Leave empty to keep it; type a new one to replace it."
            )
        else:
            self.fields["secret"].help_text = _(
                "The token, the password, the client secret, or the certificate with its private key as PEM text. It is stored encrypted and never shown again."
            )

    def clean_secret(self) -> str:
        self.has_new_secret = bool(self.cleaned_data["secret"])
        return self.cleaned_data["secret"] or self.kept_secret

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self._keep_to_its_host(cleaned)
        return cleaned

    def _keep_to_its_host(self, cleaned: Mapping[str, Any]) -> None:
        """A secret is not sent to another host than the one it was given for: that takes a new secret."""
        credential = self.instance
        if self.has_new_secret:
            credential.former_host = ""
        elif credential.former_host and cleaned.get("enabled"):
            self.add_error(
                "secret",
                _("Type a new secret: the one there is was given for %(host)s.") % {"host": credential.former_host},
            )


def check_texts(value: Any, *, keys: tuple[str, ...] = ()) -> dict[str, str]:
    """An object of texts, with numbers allowed where an id is meant. ValidationError says what is wrong."""
    if value in (None, ""):
        return {}
    if not isinstance(value, Mapping):
        raise ValidationError(_('Write an object: {"name": "value"}.'))
    for key, text in value.items():
        if keys and key not in keys:
            raise ValidationError(_("%(key)s is not one of %(keys)s."), params={"key": key, "keys": ", ".join(keys)})
        if isinstance(text, bool) or not isinstance(text, str | int) or text == "":
            raise ValidationError(_("The value of %(key)s must be a text."), params={"key": key})
    return dict(value)


class SourceForm(forms.ModelForm):
    COUNTS = ("brake_people", "brake_percent", "settling_minutes")

    ladok_url = forms.URLField(label=capfirst(_("address of Ladok")), **ADDRESS)
    wiseflow_url = forms.URLField(label=capfirst(_("address of WISEflow")), **ADDRESS)

    class Meta:
        model = Source
        # `export_body` has its own page, where it is previewed before it can be saved.
        fields = (
            "name",
            "slug",
            "university",
            "timezone",
            "retention_days",
            "protects_identity",
            "ladok_url",
            "ladok_paths",
            "exam_page",
            "wiseflow_url",
            "flow_page",
            "sync_at",
            "brake_people",
            "brake_percent",
            "grading_scales",
            "user_data_types",
            "grade_form",
            "export_method",
            "accepts_manual_participants",
            "can_read_back",
            "settling_minutes",
            "allows_overwriting",
            "already_patterns",
            "exports_when_marking_ends",
        )
        widgets = {
            name: forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField mono", "spellcheck": "false"})
            for name in ("ladok_paths", "grading_scales", "user_data_types", "already_patterns")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # What has changed is told from the row, not from a hidden copy in the page: it goes into the audit log.
            field.show_hidden_initial = False
        if self.instance.pk and "already_patterns" in self.fields:
            # What counts is shown, whoever has said so.
            self.initial["already_patterns"] = "\n".join(self.instance.answers.already)
        for name in self.COUNTS:
            if name in self.fields:  # not for somebody who may only look
                self.fields[name].required = False

    @property
    def changed_data(self) -> list[str]:
        changed: list[str] = super().changed_data
        return [name for name in changed if name not in self.COUNTS or self.data.get(self.add_prefix(name))]

    def clean(self) -> dict[str, Any]:
        """A number that is left empty stays as it was."""
        cleaned = super().clean() or self.cleaned_data
        for name in self.COUNTS:
            if name in cleaned and cleaned[name] is None:
                cleaned[name] = getattr(self.instance, name)
        return cleaned

    def clean_already_patterns(self) -> str:
        """The university's own are not stored: they follow its module."""
        lines = [line.strip() for line in self.cleaned_data["already_patterns"].splitlines() if line.strip()]
        own = self.instance.rules.answers.already if self.instance.university else ()
        return "" if tuple(lines) == own else "\n".join(lines)

    def clean_ladok_paths(self) -> dict[str, str]:
        paths = check_texts(self.cleaned_data["ladok_paths"], keys=PATHS)
        for key, path in paths.items():
            check_path(key, str(path))
        return paths

    def clean_grading_scales(self) -> dict[str, str]:
        return check_texts(self.cleaned_data["grading_scales"])

    def clean_user_data_types(self) -> dict[str, str]:
        return check_texts(self.cleaned_data["user_data_types"], keys=USER_DATA_TYPES)


class ExportBodyForm(forms.Form):
    """The expression that builds the body. It can be saved when the very same text has been previewed."""

    expression = forms.CharField(
        label=_("JMESPath expression"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 8, "class": "vLargeTextField mono", "spellcheck": "false"}),
        help_text=_("Empty: the university's own body, as agreed with Ladok."),
    )
    previewed = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, source: Source, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.source = source
        self.sample: Any = None

    def clean_expression(self) -> str:
        expression: str = self.cleaned_data["expression"].strip().replace("\r\n", "\n")
        try:
            self.sample = check_expression(expression, self.source.rules)
        except Refused as refused:
            raise ValidationError(str(refused)) from refused
        return expression

    @property
    def has_been_previewed(self) -> bool:
        return self.cleaned_data["previewed"].replace("\r\n", "\n") == self.mark(self.cleaned_data["expression"])

    @staticmethod
    def mark(expression: str) -> str:
        """Even the empty expression has been previewed only when its preview was shown."""
        return f"={expression}"


class MembershipForm(forms.ModelForm):
    """Names the person by e-mail address, so that nobody sees the people of other sources in a list."""

    email = forms.CharField(
        label=capfirst(_("e-mail")),
        max_length=150,
        validators=[validate_email],
        help_text=_("The address the person signs in with. Somebody who is new here is added."),
    )

    class Meta:
        model = Membership
        fields = ("source", "role", "organisation_id", "can_export", "gets_summary", "language")

    field_order = ("source", "email", "role", "organisation_id", "can_export", "gets_summary", "language")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields.pop("email", None)

    def _is_taken(self, organisation_id: str, source: Source) -> bool:
        others = Membership.objects.filter(source=source).exclude(pk=self.instance.pk)
        return normal(organisation_id) in map(normal, others.values_list("organisation_id", flat=True))

    @staticmethod
    def _is(email: str) -> Q:
        return Q(user__username__iexact=email.strip()) | Q(user__email__iexact=email.strip())

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        email, source = cleaned.get("email"), cleaned.get("source")
        if email and source and Membership.objects.filter(self._is(email), source=source).exists():
            self.add_error("email", _("This person is a member of the source already."))
        if source is None and self.instance.pk:
            source = self.instance.source
        organisation_id = cleaned.get("organisation_id") if "organisation_id" in self.changed_data else ""
        if organisation_id and source and self._is_taken(organisation_id, source):
            self.add_error("organisation_id", _("Another member of the source has this organisation id."))
        return cleaned
