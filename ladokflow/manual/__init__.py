"""The manual: a page for each task, written in Markdown in both languages beside this file.

Words in bold are those of the pages, exactly; a test holds them to the translations. Pictures are those of `static/manual/`, taken by `make screenshots`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.templatetags.static import static
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from ladokflow.messages import Text

FOLDER = Path(__file__).parent
LANGUAGES = ("en", "sv")
STATIC = "../../../static/"  # from a file of ours, so that its pictures are seen wherever it is read


@dataclass(frozen=True)
class Topic:
    """A task page. `pages`: the names of the addresses that lead to it; of admin without what is done there (`admin:sources_source`)."""

    slug: str
    pages: tuple[str, ...] = ()

    def text(self, language: str) -> tuple[str, str, str]:
        """Its title, its first paragraph, and the rest as Markdown."""
        title, lead, *rest = (FOLDER / _known(language) / f"{self.slug}.md").read_text().split("\n\n", 2)
        return title.removeprefix("# "), lead, "".join(rest)


@dataclass(frozen=True)
class Part:
    title: Text
    topics: tuple[Topic, ...]


PARTS = (
    Part(
        _("For managers"),
        (
            Topic("home", ("home",)),
            Topic(
                "make-a-flow",
                (
                    "flows:new",
                    "flows:way",
                    "flows:from_list",
                    "flows:from_code",
                    "flows:preview",
                    "flows:settings",
                    "flows:batch",
                ),
            ),
            Topic("list", ("flows:from_table",)),
            Topic("rules", ("flows:rules", "flows:rule", "admin:sources_flowrule")),
            Topic("take-over", ("flows:adopt", "flows:adopt_list", "exports:adoption")),
            Topic("staff", ("flows:assessors", "flows:staff")),
            Topic("change", ("flows:change", "flows:change_many")),
            Topic("codes", ("flows:codes", "flows:code_remove")),
            Topic("synchronise", ("flows:syncs", "flows:sync_preview", "flows:sync_run")),
            Topic("questions", ("flows:list", "flows:detail")),
            Topic("people", ("flows:participants", "student", "search")),
            Topic("export", ("exports:dashboard", "exports:weeks", "exports:preview", "flows:exports")),
            Topic("papers", ("exports:papers",)),
            Topic("rejected", ("exports:attempt",)),
            Topic("unknown", ("exports:mark", "exports:findings")),
            Topic("archive", ("exports:archive", "exports:package", "exports:package_person")),
            Topic("let-go", ("flows:release",)),
            Topic("statistics", ("statistics", "flows:statistics")),
            Topic("logs", ("logs", "flows:timeline")),
            Topic("settings", ("preferences",)),
            Topic(
                "sign-in",
                (
                    "login",
                    "invitation",
                    "password_forgotten",
                    "password_letter",
                    "password_new",
                    "password_change",
                    "second_factor",
                    "second_factors",
                ),
            ),
            Topic("when-nothing-happens"),
        ),
    ),
    Part(
        _("For licence admins"),
        (
            Topic("source", ("admin:index", "admin:sources_source")),
            Topic("credentials", ("admin:sources_credential",)),
            Topic("members", ("admin:sources_membership", "admin:sources_auditentry")),
            Topic(
                "university-sign-in",
                ("admin:sources_signinscope", "admin:sources_membershiprule", "admin:sources_federatedidentity"),
            ),
            Topic("privacy", ("admin:sources_accessentry", "reveal", "extract")),
            Topic("presets", ("admin:sources_flowpreset",)),
            Topic(
                "api",
                (
                    "admin:sources_apitoken",
                    "admin:sources_oauthclient",
                    "admin:sources_subscription",
                    "admin:sources_delivery",
                ),
            ),
            Topic("webhook", ("admin:sources_webhook", "admin:sources_webhookevent", "admin:sources_source_webhook")),
        ),
    ),
)
TOPICS = {topic.slug: topic for part in PARTS for topic in part.topics}
_BY_PAGE = {page: topic for topic in TOPICS.values() for page in topic.pages}


def topic_of(page: str) -> Topic | None:
    """The topic that the page with this name leads to."""
    return _BY_PAGE.get(page) or _BY_PAGE.get(page.rpartition("_")[0])


@cache
def html_of(slug: str, language: str) -> SafeString:
    """What stands below the title and the first paragraph."""
    from markdown_it import MarkdownIt  # here: no command needs it

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("image", _image)
    markdown.add_render_rule("link_open", _link)
    markdown.add_render_rule("table_open", _table)
    _title, _lead, text = TOPICS[slug].text(language)
    return mark_safe(markdown.render(text))  # noqa: S308 (our own files, and no HTML in them)


def _image(renderer: Any, tokens: Sequence[Any], place: int, options: Any, env: Any) -> str:
    token = tokens[place]
    token.attrSet("src", static(str(token.attrGet("src")).removeprefix(STATIC)))
    token.attrSet("loading", "lazy")
    return str(renderer.image(tokens, place, options, env))


def _link(renderer: Any, tokens: Sequence[Any], place: int, options: Any, env: Any) -> str:
    """To another topic: in a file its file, on a page its page."""
    slug = str(tokens[place].attrGet("href")).removesuffix(".md")
    tokens[place].attrSet("href", reverse("manual_page", args=[slug]))
    return str(renderer.renderToken(tokens, place, options, env))


def _table(renderer: Any, tokens: Sequence[Any], place: int, options: Any, env: Any) -> str:
    tokens[place].attrSet("class", "table table--stack")
    return str(renderer.renderToken(tokens, place, options, env))


def _known(language: str) -> str:
    return language if language in LANGUAGES else LANGUAGES[0]
