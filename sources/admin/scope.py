"""Who may do what in the administration.

What each table needs stands in `sources/universities/permissions.py`. A right comes from being a member of a source, or an operator, never
from Django's own groups and permissions. `is_staff` only opens the door. What belongs to another source does not exist: 404, also for an address that is typed by hand.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import BooleanField, ExpressionWrapper, Model, Q, QuerySet, Value
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from sources.admin.base import OurAdmin
from sources.models import Source
from sources.universities.permissions import ADMIN, Needed, Right, Table, refusal_of, rights_in


def inspected_sources(request: HttpRequest) -> QuerySet[Source]:
    """Those whose settings and logs the user may read: all, for an operator."""
    sources: QuerySet[Source] = rights_in(request).sources(Right.INSPECT)
    return sources


def allows(request: HttpRequest, needed: Needed, source_pk: Any = None) -> bool:
    """At the source; without one, at any."""
    return isinstance(needed, Right) and rights_in(request).may(needed, source_pk)


def audit_log_of_source(source_pk: Any) -> str:
    return f"{reverse('admin:sources_auditentry_changelist')}?source__exact={source_pk}"


class ByTable:
    """Before an admin: who may what with its rows stands in the table of permissions. These belong to no source."""

    opts: Any

    @property
    def needs(self) -> Table:
        return ADMIN[self.opts.label_lower]

    def _may(self, request: HttpRequest, needed: Needed, obj: Any = None) -> bool:
        return allows(request, needed)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request, self.needs.view)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.needs.view, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, self.needs.add)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.needs.change, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.needs.delete, obj)


class ScopedAdmin(ByTable, OurAdmin):
    """Rows of the user's own sources. `source_path` leads from the row to its source, as in a queryset filter."""

    source_path = "source"
    list_select_related: ClassVar[Any] = True
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows, rights = super().get_queryset(request), rights_in(request)
        if rights.is_everywhere(Right.INSPECT):
            return rows
        return rows.filter(**{f"{self.source_path}__in": rights.sources(Right.INSPECT)})

    @property
    def offered_besides(self) -> tuple[str, ...]:
        """The source of a row, by which the log of one is linked to, is nothing that its reader does not see."""
        return (self.source_path.split("__")[0],)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model:
        row = super().get_object(request, object_id, from_field)
        if row is None:
            raise Http404
        return row

    def source_pk_of(self, row: Any) -> Any:
        for step in self.source_path.split("__")[:-1]:
            row = getattr(row, step)
        return getattr(row, f"{self.source_path.split('__')[-1]}_id")

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """In the audit log: Django's own has only what was saved by its forms, and not by whom on whose behalf."""
        row = self.get_object(request, object_id)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return HttpResponseRedirect(audit_log_of_source(self.source_pk_of(row)))

    @property
    def is_changed(self) -> bool:
        """Whether people change its rows, so that the audit log tells of them."""
        return isinstance(self.needs.change, Right)

    def _may(self, request: HttpRequest, needed: Needed, obj: Any = None) -> bool:
        return allows(request, needed, None if obj is None or obj.pk is None else self.source_pk_of(obj))

    def own_sources(self, request: HttpRequest) -> QuerySet[Source]:
        """Those at which the user may add a row."""
        needed = self.needs.add
        sources: QuerySet[Source] = (
            rights_in(request).sources(needed) if isinstance(needed, Right) else Source.objects.none()
        )
        return sources

    def get_actions(self, request: HttpRequest) -> Any:
        """Django asks whether an action is the reader's at all: each is done only with rows at whose source it is."""
        given: Any = super().get_actions(request)
        return {name: (self._where_allowed(act), *rest) for name, (act, *rest) in given.items()}

    def _where_allowed(self, act: Callable[..., Any]) -> Callable[..., Any]:
        needed: Any = next((getattr(self.needs, verb) for verb in getattr(act, "allowed_permissions", ())), None)
        if not isinstance(needed, Right):
            return act

        @wraps(act)
        def acts(model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
            allowed = rights_in(request).sources(needed)
            rows = queryset.filter(**{f"{self.source_path}__in": allowed})
            others = Source.objects.filter(pk__in=queryset.values(self.source_path)).exclude(
                pk__in=allowed.values("pk")
            )
            for source in others:
                messages.error(request, str(refusal_of(needed, source)))
            return act(model_admin, request, rows) if rows or not others else None

        return acts

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.related_model is Source:
            kwargs["queryset"] = self.own_sources(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Whoever has one source need not choose it."""
        initial = super().get_changeform_initial_data(request)
        own = list(self.own_sources(request)[:2])
        return {"source": own[0].pk, **initial} if len(own) == 1 else initial

    def get_list_filter(self, request: HttpRequest) -> Any:
        """The filter by source only helps whoever has more than one, and offers only their own."""
        given = tuple(super().get_list_filter(request))
        return (OwnSourceFilter.along(self.source_path), *given) if inspected_sources(request).count() > 1 else given


OF_STUDENTS = _("Only for members of the university: it may tell of students.")


class ReadOnlyAdmin(ScopedAdmin):
    """Rows that only the program itself writes."""

    @admin.display(description=_("requested by"), ordering="requested_by__username")
    def who_asked(self, run: Any) -> str | None:
        """Without a link: the pages of users are for superusers."""
        return run.requested_by.get_username() if run.requested_by else None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With `sees_people`: whether what a row tells of students is for the user. An operator who is no member sees that it is there, and
        no more."""
        keys = rights_in(request).keys(Right.READ)
        own: Any = ExpressionWrapper(Q(**{f"{self.source_path}__in": keys}), BooleanField()) if keys else Value(False)
        return super().get_queryset(request).annotate(sees_people=own)


class OwnSourceFilter(admin.SimpleListFilter):
    """Filters by source, and offers only those the user may look into."""

    title = Source._meta.verbose_name
    parameter_name = "source"
    path = "source"

    @classmethod
    def along(cls, path: str) -> type["OwnSourceFilter"]:
        return type("OwnSourceFilter", (cls,), {"path": path})

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(source.slug, source.name) for source in inspected_sources(request)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{f"{self.path}__slug": self.value()}) if self.value() else queryset
