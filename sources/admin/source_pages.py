"""What every page of a source's own is built of, beside Django's."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from ladokflow.fingerprints import Fingerprint, NotAsShown, require_seen
from sources.admin.base import changed_meanwhile
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

    def is_stale(self, request: HttpRequest, source: Source, shown: Fingerprint) -> bool:
        """Whether a form of the source's own pages has been sent of what is another now; that is told."""
        try:
            require_seen(request.POST.get("seen"), shown)
        except NotAsShown:
            messages.error(request, str(changed_meanwhile(source).message))
            return True
        return False

    def page(self, request: HttpRequest, source: Source, template: str, **context: Any) -> HttpResponse:
        return TemplateResponse(
            request,
            f"admin/sources/source/{template}.html",
            {**self.admin_site.each_context(request), "opts": self.opts, "source": source, **context},
        )
