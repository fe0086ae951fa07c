"""WISEflow's logs: how far they are read, what is missing, and to take them along."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from ladokflow.addresses import address_of
from ladokflow.form_fields import DayField
from ladokflow.requests import HtmxRequest
from ladokflow.wiseflow.logs import KEPT_WEEKS
from sources.access import logs_seen
from sources.logs.access import record_download, sources_of
from sources.logs.files import FORMATS, entries_of
from sources.models import LogGap, LogReading, Source
from sources.models.source import SourceQuerySet
from sources.universities.permissions import require_here, rights_in

SHOWN = 50
DAYS = 30
KINDS = [("csv", _("CSV, for a spreadsheet")), ("jsonl", _("JSON Lines")), ("parquet", _("Parquet"))]


class LogForm(forms.Form):
    """Which entries are downloaded: those of one source and these days, the last one included."""

    source = forms.ModelChoiceField(Source.objects.none(), label=_("Source"), to_field_name="slug", empty_label=None)
    first = DayField(label=_("From"))
    last = DayField(label=_("To"))
    kind = forms.ChoiceField(label=_("File"), choices=KINDS)

    def __init__(self, *args: Any, sources: SourceQuerySet, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["source"].queryset = sources  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and last < first:
            self.add_error("last", _("The last day is before the first one."))
        return cleaned


@login_required
@require_GET
def logs(request: HtmxRequest) -> HttpResponseBase:
    """Of the sources whose logs the user may see; 403 where there is none, and for another one of theirs. With `kind` in the address, the file
    itself."""
    sources = sources_of(rights_in(request))
    if slug := request.GET.get("source"):
        require_here(request, get_object_or_404(Source.objects.visible_to(request.user), slug=slug))
    if not sources.exists():
        # Of no university in particular: it is told of the first one of theirs.
        require_here(request, *Source.objects.visible_to(request.user)[:1])
        raise PermissionDenied
    today = timezone.localdate()
    initial = {
        "first": today - dt.timedelta(days=DAYS),
        "last": today,
        "source": slug or sources[0].slug,
        "kind": "csv",
    }
    form = LogForm(request.GET if "kind" in request.GET else None, sources=sources, initial=initial)
    if form.is_bound and form.is_valid():
        return _file(request, **form.cleaned_data)
    gaps = LogGap.objects.filter(reading=OuterRef("pk"))
    readings = LogReading.objects.filter(source__in=sources).select_related("source", "flow")
    troubled = readings.filter(flow__isnull=False).filter(Exists(gaps) | ~Q(message={}))
    context = {
        "form": form,
        "licences": readings.filter(flow=None).prefetch_related("gaps"),
        "troubled": troubled.order_by("-pk").prefetch_related("gaps")[:SHOWN],
        "weeks": KEPT_WEEKS,
    }
    return render(request, "sources/logs.html", context)


def _file(request: HtmxRequest, *, source: Source, first: dt.date, last: dt.date, kind: str) -> StreamingHttpResponse:
    write, content_type = FORMATS[kind]
    name = f"ladokflow-logs-{source.slug}-{first:%Y%m%d}-{last:%Y%m%d}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    parts = write(entries_of(source, first, last), source.slug)
    begun = list(itertools.islice(parts, 1))  # what cannot be read is not on record as downloaded
    logs_seen(request, source)
    record_download(source, first, last, kind, actor=request.user, address=address_of(request))
    return StreamingHttpResponse(itertools.chain(begun, parts), content_type=content_type, headers=headers)
