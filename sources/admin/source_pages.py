"""What every page of a source's own is built of, beside Django's."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from sources.admin.scope import ScopedAdmin
from sources.models import Source
from sources.universities.permissions import require_here


class SourcePages(ScopedAdmin):
    def own_source(self, request: HttpRequest, object_id: str) -> Source:
        source = self.get_object(request, object_id)
        if not isinstance(source, Source):
            raise Http404
        require_here(request, source)
        return source

    def page(self, request: HttpRequest, source: Source, template: str, **context: Any) -> HttpResponse:
        return TemplateResponse(
            request,
            f"admin/sources/source/{template}.html",
            {**self.admin_site.each_context(request), "opts": self.opts, "source": source, **context},
        )
