"""What may be typed in the administration. A secret goes in and never out again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q
from django.utils.text import capfirst, format_lazy
from django.utils.translation import gettext_lazy as _

from ladokflow.form_fields import DayField
from ladokflow.identifiers import normal
from ladokflow.ladok.bodies import check_expression
from ladokflow.messages import Refused, Text
from sources.models import Credential, Membership, Source
from sources.universities.members import known_at
from sources.universities.paths import PATHS, PLACEHOLDERS, check_path
from sources.universities.permissions import GIVEN

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


class MomentInput(forms.SplitDateTimeWidget):
    """A day and a time, each in the browser's own field. The label is of both, so each has one of its own besides."""

    def __init__(self) -> None:
        day: dict[str, Any] = {"type": "date", "aria-label": _("Date")}
        # With its seconds: a moment that is stored with some is no other for having been shown.
        clock: dict[str, Any] = {"type": "time", "step": 1, "aria-label": _("Time")}
        super().__init__(date_attrs=day, date_format="%Y-%m-%d", time_attrs=clock, time_format="%H:%M:%S")


class CredentialForm(forms.ModelForm):
    """What is in use is not changed under way: another secret is another credential, which is tested before it takes over."""

    secret = forms.CharField(label=capfirst(_("secret")), widget=SecretInput, strip=True)
    expires_on = DayField(
        label=capfirst(_("expires")),
        required=False,
        help_text=_(
            "The last day on which it can be used, where you know it: you are told 90, 30 and 7 days before. A certificate says it itself."
        ),
    )

    class Meta:
        model = Credential
        fields = ("source", "system", "kind", "label", "client_id", "secret", "owner")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept_secret = self.instance.secret
        self.has_new_secret = False
        if "secret" not in self.fields:  # somebody who may only look
            return
        if self.instance.pk:
            self.initial["expires_on"] = self.instance.expires_on
            self.initial.pop("secret", None)
            self.fields["secret"].required = False
        self.fields["secret"].help_text = self._help_on_the_secret()  # type: ignore[assignment] # lazy, as Django's own

    def _help_on_the_secret(self) -> Text:
        if self.instance.former_host:
            host = {"host": self.instance.former_host}
            return _("Type a new secret: the one there is was given for %(host)s.") % host
        if self.instance.enabled and self.instance.pk:
            return _(
                "A secret is stored, encrypted, and never shown. While this credential is in use it stays: a new one is entered as a "
                "credential of its own, and takes over when it has been tested."
            )
        if self.instance.pk:
            return _(
                "A secret is stored, encrypted, and never shown. Leave empty to keep it; type a new one to replace it."
            )
        return _(
            "The token, the password, the client secret, or the certificate with its private key as PEM text. It is stored encrypted and never shown again."
        )

    def clean_secret(self) -> str:
        self.has_new_secret = bool(self.cleaned_data["secret"])
        return self.cleaned_data["secret"] or self.kept_secret

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.instance.pk is None:
            self.instance.enabled = False  # until its test has passed
        elif self.instance.enabled:
            self._keep_what_is_in_use()
        if self.has_new_secret:
            self.instance.former_host = ""
        self._take_the_end(cleaned)
        owner, source = cleaned.get("owner"), cleaned.get("source") or (self.instance.pk and self.instance.source)
        if owner and source and not source.memberships.filter(user=owner).exists():
            self.add_error("owner", _("The owner is no member of the source."))
        return cleaned

    def _keep_what_is_in_use(self) -> None:
        for name in Credential.SIGNS_IN_WITH:
            if name in self.changed_data:
                self.add_error(
                    name,
                    _(
                        "This credential is in use, and nothing of it has been changed. Add the new one as a credential of its own, test it "
                        "and switch over: until then this one goes on."
                    ),
                )

    def _take_the_end(self, cleaned: Mapping[str, Any]) -> None:
        source = cleaned.get("source") or (self.instance.source if self.instance.pk else None)
        if source is not None and "expires_on" in cleaned:
            self.instance.source = source
            self.instance.expires_on = cleaned["expires_on"]


class PathField(forms.CharField):
    """One of the paths of Ladok, where it differs from the university's own."""

    LABELS: ClassVar[dict[str, Any]] = {
        "list": _("the exams of a course"),
        "fetch": _("an exam with its people"),
        "export": _("where grades go"),
        "list_by_dates": _("the exams between two dates"),
    }

    def __init__(self, key: str) -> None:
        self.key = key
        placeholders = " ".join(PLACEHOLDERS[key]) or "–"
        super().__init__(
            label=capfirst(self.LABELS[key]),
            required=False,
            max_length=500,
            widget=forms.TextInput(attrs={"class": "vTextField mono", "spellcheck": "false"}),
            help_text=format_lazy("{} {}", _("Empty: the usual one. It begins with / and holds:"), placeholders),
        )

    def clean(self, value: Any) -> str:
        path: str = super().clean(value)
        if path:
            check_path(self.key, path)
        return path


LINES = {"rows": 4, "class": "vLargeTextField mono", "spellcheck": "false"}


class DepartmentsField(forms.Field):
    """The beginning of a course code and its department, a line each, as `TDDE = IDA`."""

    widget = forms.Textarea(attrs=LINES)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(f"{start} = {name}" for start, name in value.items()) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> dict[str, str]:
        departments = {}
        for line in filter(None, map(str.strip, str(value or "").splitlines())):
            start, is_pair, name = (part.strip() for part in line.partition("="))
            if not (start and is_pair and name):
                text = _(
                    "Write the beginning of a course code, = and the department, as TDDE = IDA. This is not so: %(line)s"
                )
                raise forms.ValidationError(text, params={"line": line})
            departments[start] = name
        return departments

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return (initial or {}) != self.to_python(data)
        except forms.ValidationError:
            return True


class SourceForm(forms.ModelForm):
    COUNTS = ("brake_people", "brake_percent", "settling_minutes")
    PATH_FIELDS = tuple(f"path_{key}" for key in PATHS)

    ladok_url = forms.URLField(label=capfirst(_("address of Ladok")), **ADDRESS)
    wiseflow_url = forms.URLField(label=capfirst(_("address of WISEflow")), **ADDRESS)
    departments = DepartmentsField(
        label=capfirst(_("departments")),
        required=False,
        help_text=_(
            "For the statistics: the beginning of a course code and the department that gives the course, a line each, as TDDE = IDA. The "
            "longest beginning counts."
        ),
    )

    class Meta:
        model = Source
        # `export_body` has its own page, where it is previewed before it can be saved; so have scales and data types, chosen from the
        # licence's lists.
        fields = (
            "name",
            "slug",
            "university",
            "timezone",
            "retention_days",
            "protects_identity",
            "ladok_url",
            "exam_page",
            "wiseflow_url",
            "flow_page",
            "sync_at",
            "brake_people",
            "brake_percent",
            "departments",
            "grade_form",
            "export_method",
            "accepts_manual_participants",
            "can_read_back",
            "settling_minutes",
            "allows_overwriting",
            "already_patterns",
            "exports_when_marking_ends",
        )
        widgets = {"already_patterns": forms.Textarea(attrs=LINES)}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # What has changed is told from the row, not from a hidden copy in the page: it goes into the audit log.
            field.show_hidden_initial = False
        for key in PATHS:
            self.initial[f"path_{key}"] = self.instance.ladok_paths.get(key, "")
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
        """A number that is left empty stays as it was; a path that is left empty is the usual one."""
        cleaned = super().clean() or self.cleaned_data
        for name in self.COUNTS:
            if name in cleaned and cleaned[name] is None:
                cleaned[name] = getattr(self.instance, name)
        paths = {key: cleaned.get(f"path_{key}", "") for key in PATHS}
        self.instance.ladok_paths = {key: path for key, path in paths.items() if path}
        return cleaned

    def clean_already_patterns(self) -> str:
        """The university's own are not stored: they follow its module."""
        lines = [line.strip() for line in self.cleaned_data["already_patterns"].splitlines() if line.strip()]
        own = self.instance.rules.answers.already if self.instance.university else ()
        return "" if tuple(lines) == own else "\n".join(lines)


# Declared, so that the administration finds them by name.
SourceForm.declared_fields |= {f"path_{key}": PathField(key) for key in PATHS}


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
        fields = ("source", "role", "organisation_id", *GIVEN, "gets_summary", "language")

    maker: Any = None  # who fills it in

    field_order = ("source", "email", "role", "organisation_id", *GIVEN, "gets_summary", "language")

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

    @staticmethod
    def _is_its_first_admin(cleaned: Mapping[str, Any], source: Source) -> bool:
        admins = source.memberships.filter(role=Membership.Role.LICENCE_ADMIN, user__is_active=True)
        is_only_that = cleaned.get("role") == Membership.Role.LICENCE_ADMIN and not any(map(cleaned.get, GIVEN))
        return is_only_that and not admins.exists()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        email, source = cleaned.get("email"), cleaned.get("source")
        if email and source and Membership.objects.filter(self._is(email), source=source).exists():
            self.add_error("email", _("This person is a member of the source already."))
        elif email and source and known_at(email) == self.maker and not self._is_its_first_admin(cleaned, source):
            self.add_error(
                "email",
                _(
                    "Nobody makes themselves a member: ask a licence admin of the source. Only where it has none, you can be the first, without "
                    "the rights that are given besides the role."
                ),
            )
        if source is None and self.instance.pk:
            source = self.instance.source
        organisation_id = cleaned.get("organisation_id") if "organisation_id" in self.changed_data else ""
        if organisation_id and source and self._is_taken(organisation_id, source):
            self.add_error("organisation_id", _("Another member of the source has this organisation id."))
        return cleaned
