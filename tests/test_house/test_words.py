"""Words that nobody who works with exams would say, or that read as translated: in no text, in either language.

Words of one's own come in by habit. Who finds a better one for all the texts writes the old one down here.
"""

import re
from collections.abc import Iterator

import polib
import pytest

from tests.environment import ROOT

# A pattern, and what is said instead.
SWEDISH = {
    r"(?<!externa )käll(a|an|ans|or|orna)\b": "lärosäte",
    r"källdata": "underlag",
    r"ladokkod": "tentamenskod",
    r"export-?kropp|\bkroppen\b": "exportinnehåll",
    r"\bflöde": "flow",
    r"\btenta(n|ns|or|orna)?\b": "tentamen, tentamina",
    r"\bsade att\b": "angav att",
    r"(?-i:organisations-id\b|tentamens-id\b)": "ID, with capitals",
    r"\bdriver (ladokflow|%)": "ansvarar för driften av",
    r"\bfärdigställ|\bsupporta|\bapplicera|\bexekvera|\bimplementera": "a plain word",
    r"\bradera": "ta bort",
    r"\bvänligen\b|\boops|\bhoppsan": "nothing: say what to do",
}
ENGLISH = {
    r"\banew\b": "again",
    r"\bplease\b|\boops\b|\bsorry\b": "nothing: say what to do",
    r"\bgrown too old\b": "has expired",
    r"\bit is looked up whose\b": "working out whose",
    r"\bthe very request\b": "the actual request",
    r"\bcalls no more\b": "no longer calls",
    r"^how it is$": "status",
    r"\bresp\.|\beventually\b|\bactual state\b|\bthereof\b": "a plain word",
}


def texts() -> Iterator[tuple[str, str, str]]:
    """Language, where it stands, and the text: of the pages, and of the manual."""
    for entry in polib.pofile(str(ROOT / "locale/sv/LC_MESSAGES/django.po")):
        for text in (entry.msgid, entry.msgid_plural):
            yield "en", entry.msgid, text
        for text in (entry.msgstr, *entry.msgstr_plural.values()):
            yield "sv", entry.msgid, text
    for language in ("sv", "en"):
        for page in sorted((ROOT / "ladokflow/manual" / language).glob("*.md")):
            yield language, page.name, page.read_text()


@pytest.mark.parametrize(("language", "words"), [("sv", SWEDISH), ("en", ENGLISH)])
def test_no_text_has_a_word_that_was_given_up(language: str, words: dict[str, str]) -> None:
    found = [
        f"{where[:60]}: {match[0]!r}, say {instead}"
        for of, where, text in texts()
        if of == language
        for pattern, instead in words.items()
        for match in re.finditer(pattern, text, re.IGNORECASE)
    ]
    assert found == []


@pytest.mark.parametrize("text", ["Kontrollera källans adress", "Ladokkoden", "en rad i tentan"])
def test_a_word_that_was_given_up_is_found(text: str) -> None:
    assert any(re.search(pattern, text, re.IGNORECASE) for pattern in SWEDISH)
