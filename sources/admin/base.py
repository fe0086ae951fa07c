"""What holds for every table of ours in the administration, whoever reads it: no secret is shown, and no form undoes what it has not shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import DateField, DateTimeField, Field, Model, QuerySet, TimeField
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from ladokflow.dates import moment_in_words
from ladokflow.fields import EncryptedTextField
from ladokflow.fingerprints import Fingerprint, NotAsShown, fingerprint, require_seen
from ladokflow.form_fields import ClockInput, DayInput, within_bounds
from sources.admin.forms import MomentInput, SecretInput

# Django's own word on the button, of which our Swedish says it as everywhere else.
WORDS = (gettext_noop("Delete"),)


def is_secret(field: Any) -> bool:
    """Whether the column holds what nobody reads in the administration: what is stored encrypted, and digests of what signs somebody in."""
    return isinstance(field, EncryptedTextField) or (
        isinstance(field, Field) and (field.name == "password" or field.name.endswith("_hash"))
    )


def secrets_of(model: type[Model]) -> frozenset[str]:
    return frozenset(field.name for field in model._meta.get_fields() if is_secret(field))


def changed_meanwhile(row: Model) -> ValidationError:
    """Says who was the last to change it here, where that is known."""
    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(row), object_id=row.pk)
    last = entries.select_related("user").order_by("-action_time").first()
    told = gettext("This has been changed since it was shown to you, and nothing is saved.")
    if last is not None:
        at = moment_in_words(last.action_time, timezone.get_current_timezone())
        told = f"{told} " + gettext("The last change here is by %(who)s, %(at)s.") % {"who": last.user, "at": at}
    return ValidationError(f"{told} " + gettext("Open the page again, look at what it says now, and change it there."))


class AsShown(ModelForm):
    """Before a form of ours: it is saved only on top of what it has shown, and what it has shown is no change.

    `seen` is the fingerprint that the form has carried; None for what has carried none, as a program.
    """

    seen: str | None = None

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(data if data is None else _with_plain_lines(data), *args, **kwargs)
        self.initial = {name: _plain(value) for name, value in self.initial.items()}
        shown = {name: self.get_initial_for_field(field, name) for name, field in self.fields.items()}
        self.shown: Fingerprint = fingerprint(f"admin.{self._meta.model._meta.label_lower}.{self.instance.pk}", shown)

    def full_clean(self) -> None:
        super().full_clean()
        if not self.is_bound or self.instance.pk is None:
            return
        try:
            require_seen(self.seen, self.shown)
        except NotAsShown:
            self.add_error(None, changed_meanwhile(self.instance))


def _plain(value: Any) -> Any:
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def _with_plain_lines(data: Any) -> Any:
    """Browsers send other line breaks than they were given: that is no change."""
    plain = data.copy()
    for name in data:
        plain.setlist(name, [_plain(value) for value in data.getlist(name)])
    return plain


class OurAdmin(admin.ModelAdmin):
    # Where a secret is typed, nothing stands in its field: not what is stored, nor what was typed wrongly.
    formfield_overrides: ClassVar[Any] = {
        EncryptedTextField: {"widget": SecretInput},
        DateField: {"validators": [within_bounds], "widget": DayInput},
        TimeField: {"widget": ClockInput},
        DateTimeField: {"validators": [within_bounds], "widget": MomentInput},
    }

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Django shows whoever may only look the values themselves: a secret is left out wherever it is not typed."""
        may_type = self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)
        secrets = secrets_of(self.model)
        left_out = secrets & {*self.get_readonly_fields(request, obj)} if may_type else secrets
        shown: list[Any] = [
            (title, {**part, "fields": _without(part["fields"], left_out)})
            for title, part in super().get_fieldsets(request, obj)
        ]
        if may_type:
            return shown
        return [
            (title, {**part, "fields": [self._without_link(request, line) for line in part["fields"]]})
            for title, part in shown
        ]

    def _without_link(self, request: HttpRequest, line: Any) -> Any:
        """Django links what a row refers to, also for whom the page would refuse."""
        if not isinstance(line, str):
            return tuple(self._without_link(request, name) for name in line)
        field = next((each for each in self.opts.fields if each.name == line), None)
        there = self.admin_site._registry.get(field.related_model) if field is not None else None  # type: ignore[arg-type]
        if field is None or there is None or there.has_view_permission(request):
            return line

        @admin.display(description=field.verbose_name)
        def named(row: Any) -> str | None:
            return None if getattr(row, f"{line}_id") is None else str(getattr(row, line))

        named.__name__ = line
        return named

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)
        return type(form.__name__, (AsShown, form), {"seen": request.POST.get("seen")})

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Where a form is being saved, one at a time: the other one then sees what has been saved."""
        row = super().get_object(request, object_id, from_field)
        if row is not None and "seen" in request.POST and transaction.get_connection().in_atomic_block:
            self.model._base_manager.select_for_update(no_key=True).filter(pk=row.pk).first()
            row = super().get_object(request, object_id, from_field)
        return row

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """A form that comes back with mistakes has still seen what it saw first."""
        row = context.get("original")
        if row is not None and self.has_change_permission(request, row):
            context["seen"] = request.POST.get("seen", str(context["adminform"].form.shown))
        return super().render_change_form(request, context, *args, **kwargs)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Each by itself, as if it were deleted alone: what that records and tells goes for each."""
        for row in queryset:
            self.delete_model(request, row)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Nothing changed is nothing to tell of."""
        return super().log_change(request, obj, message) if message else None


def _without(fields: Iterable[Any], left_out: frozenset[str]) -> list[Any]:
    """Fields that stand on one line are a tuple."""
    lines = [[field] if isinstance(field, str) else list(field) for field in fields]
    kept = [[name for name in line if name not in left_out] for line in lines]
    return [line[0] if len(line) == 1 else tuple(line) for line in kept if line]
