"""Who may do what in the administration.

A right comes from being licence admin of a source (`Membership`), never from Django's own groups and permissions. `is_staff`
only opens the door. What belongs to another source does not exist: 404, also for an address that is typed by hand.
"""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest
from django.utils.translation import gettext_lazy as _

from sources.models import Source


def administered_sources(request: HttpRequest) -> QuerySet[Source]:
    """All sources for a superuser, the user's own for a licence admin, none for anybody else."""
    user = request.user
    if not user.is_active or not user.is_authenticated:
        return Source.objects.none()
    return Source.objects.all() if user.is_superuser else Source.objects.administered_by(user)


def administers(request: HttpRequest, source_pk: Any = None) -> bool:
    """If the user administers the source; without one, if there is any. Asked many times in a page, looked up once."""
    if request.user.is_superuser and request.user.is_active:
        return True
    kept: dict[str, Any] = request.__dict__
    if "administered_source_pks" not in kept:
        kept["administered_source_pks"] = frozenset(administered_sources(request).values_list("pk", flat=True))
    keys: frozenset[int] = kept["administered_source_pks"]
    return bool(keys) if source_pk is None else source_pk in keys


class ScopedAdmin(admin.ModelAdmin):
    """Rows of the user's own sources. `source_path` leads from the row to its source, as in a queryset filter."""

    source_path = "source"
    list_select_related: ClassVar[Any] = True
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        if request.user.is_superuser:
            return rows
        return rows.filter(**{f"{self.source_path}__in": administered_sources(request)})

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model:
        row = super().get_object(request, object_id, from_field)
        if row is None:
            raise Http404
        return row

    def source_pk_of(self, row: Any) -> Any:
        for step in self.source_path.split("__")[:-1]:
            row = getattr(row, step)
        return getattr(row, f"{self.source_path.split('__')[-1]}_id")

    def _may(self, request: HttpRequest, obj: Any = None) -> bool:
        return administers(request, None if obj is None or obj.pk is None else self.source_pk_of(obj))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.related_model is Source:
            kwargs["queryset"] = administered_sources(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Whoever has one source need not choose it."""
        initial = super().get_changeform_initial_data(request)
        administered = list(Source.objects.administered_by(request.user)[:2])
        return {"source": administered[0].pk, **initial} if len(administered) == 1 else initial

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Each by itself, as if it were deleted alone: what that records and tells goes for each."""
        for row in queryset:
            self.delete_model(request, row)

    def get_list_filter(self, request: HttpRequest) -> Any:
        """The filter by source only helps whoever has more than one, and offers only their own."""
        given = tuple(super().get_list_filter(request))
        return (OwnSourceFilter.along(self.source_path), *given) if administered_sources(request).count() > 1 else given

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        # A filter on a column that is not offered could be used to guess a secret: only the offered ones are allowed.
        return lookup.split("__")[0] not in {"secret", "answer", "national_id", "payload"} and super().lookup_allowed(
            lookup, value, request
        )


class ReadOnlyAdmin(ScopedAdmin):
    """Rows that only the program itself writes."""

    @admin.display(description=_("requested by"), ordering="requested_by__username", empty_value="-")
    def who_asked(self, run: Any) -> str | None:
        """Without a link: the pages of users are for superusers."""
        return run.requested_by.get_username() if run.requested_by else None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class OwnSourceFilter(admin.SimpleListFilter):
    """Filters by source, and offers only those the user administers."""

    title = Source._meta.verbose_name
    parameter_name = "source"
    path = "source"

    @classmethod
    def along(cls, path: str) -> type["OwnSourceFilter"]:
        return type("OwnSourceFilter", (cls,), {"path": path})

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(source.slug, source.name) for source in administered_sources(request)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{f"{self.path}__slug": self.value()}) if self.value() else queryset
