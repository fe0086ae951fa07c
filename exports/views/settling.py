"""Unknown outcomes: asking Ladok, and a manager's word."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from exports.attempts.marks import (
    ABSENT,
    THERE,
    Word,
    marked,
    say,
    seen_of,
    take_back,
    there_already,
    unknown,
    unsettled,
)
from exports.attempts.settle import check_with_ladok
from exports.models import ExportAttempt, ExportItem, ExportItemQuerySet
from exports.pages.forms import MarkForm
from exports.pages.lists import with_newer
from exports.pages.ticked import in_address, keys_in
from exports.rules.right import right_refusal
from exports.views.asking import attempt_for, back, came_from, chosen_flows, flow_for, keys_of
from ladokflow.addresses import address_of
from ladokflow.dates import moment_in_words
from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused, message
from ladokflow.requests import HtmxRequest
from ladokflow.undo import tell
from sources.models import Flow

# More fields than this in one form are not read.
MARKED_AT_ONCE = 400
CHECKED_AT_ONCE = 10
WORDS = {"there": THERE, "absent": ABSENT}
ENCRYPTED = ("national_id", "participant__national_id")  # none of them is shown


@login_required
@require_POST
def check(request: HtmxRequest, pk: int) -> HttpResponse:
    """*Check with Ladok*."""
    _check(request, flow_for(request, pk))
    return redirect(back(request, reverse("exports:dashboard")))


@login_required
@require_POST
def check_chosen(request: HtmxRequest) -> HttpResponse:
    """For the flows that were ticked. Somebody waits while Ladok is asked, of each by itself: so of a few at a time."""
    flows = [flow for flow in chosen_flows(request, request.POST.getlist("flow")) if flow.source.can_read_back]
    to_check = _uncertain(flows)
    for flow in to_check[:CHECKED_AT_ONCE]:
        _check(request, flow, name=flow.title)
    if flows and not to_check:
        messages.info(request, _("Nothing to check: what became of each grade of these flows is known."))
    if left := to_check[CHECKED_AT_ONCE:]:
        text = _("Not checked yet: %(flows)s. Press Check with Ladok once more.")
        messages.warning(request, text % {"flows": ", ".join(flow.title for flow in left)})
    return redirect(back(request, reverse("exports:dashboard")))


def _uncertain(flows: Collection[Flow]) -> list[Flow]:
    """Those of which nobody knows if all that was sent is in Ladok."""
    unknown = ExportItem.objects.filter(attempt__flow__in=flows, state=ExportItem.State.UNKNOWN)
    keys = set(unknown.values_list("attempt__flow_id", flat=True).distinct())
    return [flow for flow in flows if flow.pk in keys]


def _check(request: HtmxRequest, flow: Flow, *, name: str = "") -> None:
    """`name`: of the flow, where several are told of."""

    def say_of(level: int, text: object) -> None:
        messages.add_message(request, level, f"{name}: {text}" if name else str(text))

    try:
        settled = check_with_ladok(flow=flow, by=request.user, address=address_of(request))
    except (RemoteError, Refused) as error:
        say_of(messages.ERROR, error.message)
    else:
        text = _(
            "Ladok was asked. Registered there: %(exported)s. Not registered: %(failed)s. Still unknown: %(unknown)s."
        )
        level = messages.WARNING if settled.unknown or settled.failed else messages.SUCCESS
        figures = {"exported": settled.exported, "failed": settled.failed, "unknown": settled.unknown}
        told = text % figures
        if settled.again_at:
            again = _("Ladok may still be working on them: check again after %(at)s.")
            told = f"{told} {again % {'at': moment_in_words(settled.again_at, flow.source.tz)}}"
        say_of(level, told)
        for failure in settled.unread:
            say_of(messages.ERROR, failure)


@login_required
@require_POST
def choose(request: HtmxRequest, pk: UUID) -> HttpResponse:
    """The people ticked on the attempt's page go on to the preview of the retry, or to *Mark as exported*."""
    attempt = attempt_for(request, pk)
    items = _chosen(attempt, request.POST.getlist("item"))
    if not items:
        messages.warning(request, _("Choose at least one person first."))
        return redirect(back(request, reverse("exports:attempt", args=[attempt.pk])))
    if "mark" in request.POST:
        query = urlencode(in_address(request, "item", [item.pk for item in items]))
        return redirect(f"{reverse('exports:mark', args=[attempt.flow_id])}?{query}")
    people = in_address(request, "person", [item.participant_id for item in items])
    query = urlencode([("asking", "retry"), *people])
    return redirect(f"{reverse('exports:preview', args=[attempt.flow_id])}?{query}")


def _chosen(attempt: ExportAttempt, values: list[str]) -> list[ExportItem]:
    """The attempt's own items among these keys that are still open to be settled. 404 for a key of another attempt."""
    keys = keys_of(values)
    items = with_newer(attempt.items.filter(pk__in=keys))
    if len(items) != len(keys):
        raise Http404
    return [item for item in items if item.is_unsettled and not item.has_newer]


# --- Mark as exported ----------------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def mark(request: HtmxRequest, pk: int) -> HttpResponse:
    """*Mark as exported*: a manager has seen the grades in Ladok, and says how. Those of the address, or whose outcome is `unknown`;
    without, those of whom Ladok has said so itself, or everybody whose grade is not exported. And those who are marked already, to take
    it back."""
    flow = flow_for(request, pk)
    if request.method == "POST":
        return _mark(request, flow)
    keys = keys_of(keys_in(request, "item"))
    if keys:
        asked = unsettled(flow).filter(pk__in=keys)
    else:
        asked = unknown(flow) if "unknown" in request.GET else there_already(flow)
    is_all = "all" in request.GET or not (keys or asked.exists())
    form = MarkForm(initial={"reason": _("Seen in Ladok")} if request.GET.get("unknown") else None)
    return _mark_page(request, flow, unsettled(flow) if is_all else asked, () if is_all else None, form)


def _mark(request: HtmxRequest, flow: Flow) -> HttpResponse:
    """Of all whom the form has ticked, as it has shown them, what its button says; where one of them is another than was shown, it is
    shown instead."""
    word = WORDS.get(request.POST.get("word", "there"))
    if word is None:
        raise Http404
    seen = _seen(request.POST.getlist("item"))
    shown = keys_of(request.POST.getlist("shown"))
    form, failure = MarkForm(request.POST), None
    if not seen:
        failure = message("settle.nobody_chosen")
    elif form.is_valid():
        given = {"by": request.user, "reason": form.cleaned_data["reason"], "address": address_of(request)}
        try:
            done = say(word, flow=flow, seen=seen, **given)
        except Refused as refused:
            failure = refused.message
        else:
            _tell_marked(request, flow, seen, _done(word, done))
            return redirect(back(request, reverse("flows:detail", args=[flow.pk])))
    items = unsettled(flow).filter(pk__in={*shown, *seen})
    return _mark_page(request, flow, items, seen, form, failure)


def _done(word: Word, count: int) -> str:
    if word is THERE:
        text = ngettext("%(count)s grade is marked as exported.", "%(count)s grades are marked as exported.", count)
    else:
        text = ngettext(
            "%(count)s grade is marked as not in Ladok.", "%(count)s grades are marked as not in Ladok.", count
        )
    return text % {"count": count}


def _tell_marked(request: HtmxRequest, flow: Flow, keys: Collection[int], text: str) -> None:
    """What was said, what is left to say, and the way to take it back."""
    if left := unsettled(flow).exclude(pk__in=keys).count():
        rest = ngettext("%(count)s grade is left.", "%(count)s grades are left.", left) % {"count": left}
        text = f"{text} {rest}"
    items = marked(flow).filter(pk__in=keys)
    tell(
        request,
        text,
        reverse("exports:take_mark_back", args=[flow.pk]),
        (("item", f"{item.pk}:{seen_of(item)}") for item in items),
    )


def _mark_page(
    request: HtmxRequest,
    flow: Flow,
    items: ExportItemQuerySet,
    ticked: Collection[int] | None,
    form: MarkForm,
    failure: Message | None = None,
) -> HttpResponse:
    """`ticked`: the items that are; None for all."""
    refusal, looked = right_refusal(flow, request.user), request.POST.get("unknown") or request.GET.get("unknown")
    count = items.count()
    rows = list(
        items.select_related("participant", "attempt__code")
        .defer(*ENCRYPTED, "attempt__answer")
        .order_by("pk")[:MARKED_AT_ONCE]
    )
    done = marked(flow).select_related("participant", "settled_by").defer(*ENCRYPTED)
    context = {
        "flow": flow,
        "tz": flow.source.tz,
        "rows": [(item, seen_of(item), ticked is None or item.pk in ticked) for item in rows],
        "count": count,
        "left_out": count - len(rows),
        "others": unsettled(flow).count() - count,
        "looked": looked,
        "word": _("I have looked in Ladok") if looked else _("Mark as exported"),
        "next": came_from(request),
        "has_unknown": any(item.state == ExportItem.State.UNKNOWN for item in rows),
        "marked": [(item, seen_of(item)) for item in done.order_by("-settled_at")[:MARKED_AT_ONCE]],
        "has_codes": flow.codes.count() > 1,
        "form": form,
        "failure": failure or refusal,
        "may_mark": refusal is None,
    }
    return render(request, "exports/mark.html", context)


def _seen(values: list[str]) -> dict[int, str]:
    """What was ticked: an item's key and what was seen of it, "12:4f…". 404 for what is none."""
    pairs = [value.partition(":") for value in values]
    keys = keys_of(key for key, _colon, _print in pairs)
    return dict(zip(keys, (print_ for _key, _colon, print_ in pairs), strict=True))


@login_required
@require_POST
def take_mark_back(request: HtmxRequest, pk: int) -> HttpResponse:
    """The ticked are as they were before they were marked."""
    flow = flow_for(request, pk)
    seen = _seen(request.POST.getlist("item"))
    after = redirect(f"{reverse('exports:mark', args=[flow.pk])}?{urlencode(in_address(request, 'item', seen))}")
    if not seen:
        messages.warning(request, _("Choose at least one person first."))
        return after
    try:
        done = take_back(flow=flow, seen=seen, by=request.user, address=address_of(request))
    except Refused as refused:
        messages.error(request, str(refused.message))
        return redirect("exports:mark", flow.pk)
    text = ngettext(
        "The mark of %(count)s grade has been taken back.", "The marks of %(count)s grades have been taken back.", done
    )
    messages.success(request, text % {"count": done})
    return after
