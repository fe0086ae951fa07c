"""Every text has its Swedish, and what is compiled is what is written."""

import shutil
import subprocess
import sys

import polib
import pytest

from tests import services
from tests.environment import ROOT

FOLDER = ROOT / "locale/sv/LC_MESSAGES"
Key = tuple[str | None, str, str]


def keys(file: polib.POFile | polib.MOFile) -> dict[Key, polib.POEntry]:
    return {(e.msgctxt, e.msgid, e.msgid_plural): e for e in file if not e.obsolete}


@pytest.fixture(scope="module")
def swedish() -> polib.POFile:
    return polib.pofile(str(FOLDER / "django.po"))


def test_every_text_is_translated(swedish: polib.POFile) -> None:
    assert [entry.msgid for entry in swedish.untranslated_entries()] == []


def test_no_translation_is_a_guess(swedish: polib.POFile) -> None:
    assert [entry.msgid for entry in swedish.fuzzy_entries()] == []


def test_the_compiled_file_is_up_to_date(swedish: polib.POFile) -> None:
    written, compiled = keys(swedish), keys(polib.mofile(str(FOLDER / "django.mo")))
    assert set(written) == set(compiled)
    assert [key for key, entry in written.items() if entry.msgstr != compiled[key].msgstr] == []
    plural = [
        key for key, e in written.items() if {str(k): v for k, v in e.msgstr_plural.items()} != _plural(compiled[key])
    ]
    assert plural == []


def _plural(entry: polib.POEntry) -> dict[str, str]:
    return {str(number): text for number, text in entry.msgstr_plural.items()}


def test_a_translation_fills_in_the_same_names(swedish: polib.POFile) -> None:
    import re

    def names(text: str) -> set[str]:
        return set(re.findall(r"%\((\w+)\)[sd]", text))

    wrong = [
        entry.msgid
        for entry in swedish
        for text in ([entry.msgstr] if entry.msgstr else entry.msgstr_plural.values())
        if not names(text) <= names(entry.msgid) | names(entry.msgid_plural)
        or (not entry.msgid_plural and names(text) != names(entry.msgid))
    ]
    assert wrong == []


def test_every_text_of_the_code_is_in_the_file(swedish: polib.POFile, tmp_path) -> None:
    if not shutil.which("xgettext"):
        services.leave_out("gettext is not installed, so texts that nobody has gathered yet are not found")
    copy = tmp_path / "copy"
    ignored = shutil.ignore_patterns(".*", "var", "tests", "__pycache__", "staticfiles", "docs", "deploy")
    shutil.copytree(ROOT, copy, ignore=ignored)
    subprocess.run(
        [
            sys.executable,
            str(copy / "manage.py"),
            "makemessages",
            "--locale",
            "sv",
            "--no-obsolete",
            "--verbosity",
            "0",
        ],
        cwd=copy,
        check=True,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "ENV_FILE": "/dev/null", "DATA_DIR": str(tmp_path / "data")},
    )
    gathered = keys(polib.pofile(str(copy / "locale/sv/LC_MESSAGES/django.po")))
    written = keys(swedish)
    assert {"missing": sorted(k[1] for k in set(gathered) - set(written))} == {"missing": []}
    assert {"gone": sorted(k[1] for k in set(written) - set(gathered))} == {"gone": []}
