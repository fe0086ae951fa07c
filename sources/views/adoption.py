"""Taking over flows that stand in WISEflow already: which, what there is of each, what would change, and then only doing it.

Nothing is kept between the steps but what the pages carry: each is worked out anew of what is there by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from ladokflow.addresses import address_of
from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused
from ladokflow.requests import HtmxRequest
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.schemas import FoundFlow
from sources.access import exam_seen
from sources.flows.adoption import Checked, Look, check, flows_in, look
from sources.flows.adoption import adopt as take_over
from sources.flows.adoption_table import MOST_LINES, Pair, read_table
from sources.models import Flow, Source
from sources.pages.flow_fields import FIELDS, value_rows
from sources.pages.forms import AdoptionForm
from sources.universities.clients import wiseflow_for
from sources.views.wizard import source_for

LOOKED_AT = 5  # flows whose changes are shown on one page: each takes some questions to Ladok and WISEflow
FLOWS_PER_PAGE = 25
PHASES = tuple(Flow.State)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def adopt(request: HtmxRequest, slug: str) -> HttpResponse:
    """The form; what there is of each line; what would change in the first flows; and the others, when these are done."""
    source = source_for(request, slug)
    if request.method != "POST":
        return _form(request, source, AdoptionForm())
    step = request.POST.get("step", "")
    form = AdoptionForm(request.POST)
    if not form.is_valid():
        return _form(request, source, form)
    try:
        if step == "take":
            return _take(request, source, _carried(request))
        if step == "look":
            return _look(request, source, _carried(request))
        checked = check(source, _from_list(request) if step == "list" else form.pairs())
    except (RemoteError, Refused) as error:
        return _form(request, source, form, error.message)
    return _checked(request, source, checked)


def _form(request: HtmxRequest, source: Source, form: AdoptionForm, failure: Message | None = None) -> HttpResponse:
    context = {"source": source, "form": form, "failure": failure, "most": MOST_LINES}
    return render(request, "sources/adopt.html", context)


def _from_list(request: HtmxRequest) -> list[Pair]:
    """The codes that were written beside flows of the list."""
    fields = {name.removeprefix("code-"): code for name, code in request.POST.items() if name.startswith("code-")}
    return read_table("\n".join(f"{number}\t{code}" for number, code in fields.items() if str(code).strip()))


def _carried(request: HtmxRequest) -> list[Pair]:
    """The lines that the page before carries, flow by flow."""
    others = request.POST.getlist("waiting") if request.POST.get("step") == "look" else []
    return read_table("\n".join([*request.POST.getlist("pair"), *others]))


def _checked(request: HtmxRequest, source: Source, checked: Sequence[Checked]) -> HttpResponse:
    good = flows_in(checked)
    context = {"source": source, "checked": checked, "count": len(good), "pairs": _lines(good.values())}
    return render(request, "sources/adopt_check.html", context)


def _lines(flows: Any) -> list[str]:
    return [f"{row.number}\t{row.pair.code}" for rows in flows for row in rows]


# --- What would change --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """A flow on the page of what would change: the look at it, or why there is none."""

    rows: Sequence[Checked]
    look: Look | None
    failure: Message | None = None

    @property
    def number(self) -> int | None:
        return self.rows[0].number

    @property
    def info(self) -> Any:
        return self.rows[0].info

    @property
    def warnings(self) -> list[Message]:
        told: list[Message] = []
        for warning in (warning for row in self.rows for warning in row.warnings):
            told += [warning] if warning not in told else []
        return told

    @property
    def values(self) -> list[dict[str, Any]]:
        """What differs, and whether it stays as it is."""
        if self.look is None:
            return []
        return [
            {"field": name, "name": FIELDS[name], "is_kept": name in self.look.keeps} for name in self.look.keepable
        ]

    @property
    def kept(self) -> list[dict[str, Any]]:
        return value_rows(self.look.plan.unfollowed, self.look.flow.source.tz) if self.look is not None else []


def _look(
    request: HtmxRequest, source: Source, pairs: Sequence[Pair], failures: dict[int, Message] | None = None
) -> HttpResponse:
    """What taking over would change in the first of the flows; the others wait."""
    exam_seen(request, source)
    checked = check(source, pairs)
    flows = flows_in(checked)
    if not flows:
        return _checked(request, source, checked)
    first, others = list(flows.items())[:LOOKED_AT], list(flows.items())[LOOKED_AT:]
    shown = []
    for number, rows in first:
        try:
            shown.append(Shown(rows, look(rows, source, keeps=_keeps(request, number)), (failures or {}).get(number)))
        except (RemoteError, Refused) as error:
            shown.append(Shown(rows, None, error.message))
    context = {
        "source": source,
        "shown": shown,
        "pairs": _lines(rows for _number, rows in first),
        "waiting": _lines(rows for _number, rows in others),
        "waiting_count": len(others),
        "refused": [row for row in checked if row.refusal is not None],
        "can_be_taken": any(one.look is not None for one in shown),
    }
    return render(request, "sources/adopt_look.html", context)


def _keeps(request: HtmxRequest, number: int) -> list[str]:
    return request.POST.getlist(f"keep-{number}")


def _take(request: HtmxRequest, source: Source, pairs: Sequence[Pair]) -> HttpResponse:
    """Those that are ticked are taken over; what has changed since it was shown is shown instead."""
    waiting = request.POST.getlist("waiting")
    chosen = set(request.POST.getlist("take"))
    flows = flows_in(check(source, pairs))
    taken: list[Flow] = []
    failures: dict[int, Message] = {}
    left = []
    for number, rows in flows.items():
        if str(number) not in chosen:
            continue
        try:
            taken.append(
                take_over(
                    rows,
                    source,
                    by=request.user,
                    keeps=_keeps(request, number),
                    seen=request.POST.get(f"seen-{number}", ""),
                    address=address_of(request),
                )
            )
        except (RemoteError, Refused) as error:
            failures[number] = error.message
            left += _lines([rows])
    for flow in taken:
        messages.info(request, _("%(flow)s is being taken over.") % {"flow": flow})
    if left or waiting:
        return _look(request, source, read_table("\n".join([*left, *waiting])), failures)
    if not taken:
        messages.warning(request, _("No flow was chosen."))
        return redirect("flows:adopt", source.slug)
    return redirect("flows:detail", taken[0].pk) if len(taken) == 1 else redirect("flows:list")


# --- The licence's flows -----------------------------------------------------------------------------------------------


class _Flows(Sequence[FoundFlow]):
    """The flows of the licence with these words in their titles, as a paginator wants them: a page is one question."""

    def __init__(self, client: WiseflowClient, words: str) -> None:
        self._client, self._words = client, words
        self._total: int | None = None

    def __len__(self) -> int:
        if self._total is None:
            rows, total = self._client.list_flows(title=self._words)
            self._total = len(rows) if total is None else total
        return self._total

    def __getitem__(self, part: Any) -> Any:
        rows, _total = self._client.list_flows(title=self._words, offset=part.start, limit=part.stop - part.start)
        return rows


@login_required
@require_GET
def choose(request: HtmxRequest, slug: str) -> HttpResponse:
    """The flows of the licence, page by page, with a place for the code beside each that is not ours yet."""
    source = source_for(request, slug)
    words = request.GET.get("q", "").strip()[:200]
    failure: Message | None = None
    page: Page[Any] | None = None
    rows: list[tuple[FoundFlow, Any, Flow | None]] = []
    try:
        with wiseflow_for(source) as client:
            page = Paginator(_Flows(client, words), FLOWS_PER_PAGE).get_page(request.GET.get("page"))
            found = list(page.object_list)
        numbers = [row.id for row in found]
        own = {
            flow.wiseflow_id: flow
            for flow in Flow.objects.filter(source=source, former_host="", wiseflow_id__in=numbers)
        }
        rows = [(row, PHASES[row.state], own.get(row.id)) for row in found]
    except (RemoteError, Refused) as error:
        failure = error.message
    context = {"source": source, "query": words, "page": page, "rows": rows, "failure": failure}
    return render(request, "sources/adopt_list.html", context)
