"""The manual: every page leads to a topic, and every topic is there in both languages, in the words of the pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import polib
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from ladokflow.manual import FOLDER, LANGUAGES, TOPICS, html_of, topic_of
from tests.environment import ROOT
from tests.pages.everything import ACTIONS, CLOSED, ELSEWHERE, ENGLISH_ONLY, FRAGMENTS, NO_PAGES
from tests.pages.walking import main_text, patterns

SignIn = Callable[..., Client]
FILES = [(language, slug) for language in LANGUAGES for slug in TOPICS]
OF_ITSELF = {"glossary", "manual", "manual_page"}


def text_of(language: str, slug: str) -> str:
    return (FOLDER / language / f"{slug}.md").read_text()


@cache
def words_of_the_pages(language: str) -> set[str]:
    entries = polib.pofile(str(ROOT / "locale/sv/LC_MESSAGES/django.po"))
    found = {entry.msgid if language == "en" else entry.msgstr for entry in entries}
    plurals = [entry.msgid_plural if language == "en" else entry.msgstr_plural.get(1, "") for entry in entries]
    return found | set(plurals)


def test_every_page_leads_to_a_topic() -> None:
    no_pages = ACTIONS | CLOSED | ELSEWHERE | ENGLISH_ONLY | FRAGMENTS | NO_PAGES | OF_ITSELF
    names = {name for _pattern, name in patterns()} - no_pages
    assert [name for name in sorted(names) if topic_of(name) is None] == []


def test_no_topic_names_a_page_that_is_not_there() -> None:
    names = {name for _pattern, name in patterns()}
    named = {page for topic in TOPICS.values() for page in topic.pages if not page.startswith("admin:")}
    assert named - names == set()


def test_there_is_a_file_for_each_topic_and_no_other() -> None:
    there = {(path.parent.name, path.stem) for path in FOLDER.glob("*/*.md")}
    assert there == set(FILES)


@pytest.mark.parametrize(("language", "slug"), FILES)
def test_what_is_in_bold_stands_on_the_pages_word_for_word(language: str, slug: str) -> None:
    words = words_of_the_pages(language)
    assert [word for word in re.findall(r"\*\*(.+?)\*\*", text_of(language, slug)) if word not in words] == []


@pytest.mark.parametrize(("language", "slug"), FILES)
def test_links_lead_to_topics_and_pictures_are_of_the_language(language: str, slug: str) -> None:
    pictures = re.findall(r'src="([^"]+)"', html_of(slug, language))
    assert [
        path for path in pictures if not re.fullmatch(rf"/static/manual/{language}/[a-z]+(\.\w+)?\.png", path)
    ] == []
    # Whether the files are there is asked of every Markdown file (tests/test_house/test_repository.py).
    links = re.findall(r"(?<!!)\[[^\]]+\]\(([^)]+)\)", text_of(language, slug))
    assert [link for link in links if not link.startswith("..") and link.removesuffix(".md") not in TOPICS] == []


def test_both_languages_say_the_same_things_in_the_same_order() -> None:
    def shape(language: str, slug: str) -> list[str]:
        return [re.sub(r"[^#|!\-\d.].*", "", line)[:2] for line in text_of(language, slug).splitlines()]

    assert [slug for slug in TOPICS if shape("en", slug) != shape("sv", slug)] == []


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "title"), [("sv", "Ett betyg avvisades"), ("en", "A grade was rejected")])
def test_a_page_s_question_mark_leads_to_what_to_do(sign_in: SignIn, anna: User, language: str, title: str) -> None:
    client = sign_in(anna, **{"accept-language": language})
    page = client.get(reverse("manual_page", args=["rejected"])).text
    assert main_text(page).count(title) == 2  # where one is, and the heading
    assert '<table class="table table--stack">' in page
    assert f'src="/static/manual/{language}/attempt' in page
    home = client.get("/").text
    assert f'href="{reverse("manual_page", args=["home"])}"' in home


def test_help_is_there_before_signing_in(client: Client) -> None:
    assert client.get(reverse("manual")).status_code == 200
    assert client.get(reverse("manual_page", args=["nothing"])).status_code == 404
