"""The manual's pages: for everybody, whether signed in or not, for no university stands in it."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from ladokflow.manual import LANGUAGES, PARTS, TOPICS, html_of


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    language = get_language() or LANGUAGES[0]
    parts = [(part.title, [(topic.slug, *topic.text(language)[:2]) for topic in part.topics]) for part in PARTS]
    return render(request, "pages/manual.html", {"parts": parts})


@require_GET
def page(request: HttpRequest, topic: str) -> HttpResponse:
    if topic not in TOPICS:
        raise Http404
    language = get_language() or LANGUAGES[0]
    title, lead, _rest = TOPICS[topic].text(language)
    return render(request, "pages/manual_page.html", {"title": title, "lead": lead, "text": html_of(topic, language)})
