"""A state's word, colour and icon stand together, and the style guide shows every state there is."""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.db import models
from django.test import Client
from django.utils.html import escape

from ladokflow.choices import StateChoices
from ladokflow.looks import KINDS, OK
from ladokflow.pages.samples import STATES
from ladokflow.templatetags.ladokflow import state
from tests.environment import ROOT

OWN = ("sources", "exports")


def state_columns() -> list[models.Field]:
    fields = [field for app in OWN for model in apps.get_app_config(app).get_models() for field in model._meta.fields]
    return [field for field in fields if field.name.split("_")[-1] == "state"]


STATE_COLUMNS = state_columns()
DEFINED = [member for _name, choices in STATES for member in choices]


@pytest.mark.parametrize("field", STATE_COLUMNS, ids=str)
def test_every_state_of_each_column_has_its_row(field: models.Field) -> None:
    rows = [[(member.value, member.label) for member in choices] for _name, choices in STATES]
    assert list(field.choices or ()) in rows


def test_there_are_columns_of_states() -> None:
    assert {str(field).removesuffix("tate") for field in STATE_COLUMNS} >= {
        "sources.Flow.setup_s",
        "exports.ExportItem.s",
    }


def test_the_style_guide_shows_every_state(client: Client) -> None:
    page = client.get("/styleguide/", headers={"accept-language": "en"}).text
    for name, choices in STATES:
        assert escape(name) in page
        part = page.split(f"<dt>{escape(name)}</dt>")[1].split("</dd>")[0]
        assert part.count('class="badge ') == len(choices)
        for member in choices:
            assert str(state(member)) in part


def test_every_look_has_its_colour_and_its_icon() -> None:
    css, icons = ((ROOT / "static" / name).read_text() for name in ("ladokflow.css", "icons.svg"))
    for look in [*KINDS.values(), *(member.look for member in DEFINED)]:
        assert look.kind == "neutral" or f".badge--{look.kind} {{" in css
        assert f'id="{look.icon}"' in icons
    assert set(re.findall(r"\.badge--(\w+)", css)) <= set(KINDS)


def test_a_state_without_a_look_cannot_be_defined() -> None:
    with pytest.raises(ValueError, match="not enough values"):

        class Forgetful(StateChoices):
            DONE = "done", "Done"

    class Careful(StateChoices):
        DONE = "done", OK, "Done"

    assert (Careful.DONE, Careful.DONE.label, Careful.DONE.look) == ("done", "Done", OK)
    assert Careful.choices == [("done", "Done")]


def test_no_template_and_no_style_knows_a_state_s_look_by_its_name() -> None:
    """A badge that is no state has a kind; the colours are called after kinds."""
    names = {str(member.value) for member in DEFINED} - set(KINDS)
    badges = r'{% badge "(\w+)"'
    found = {kind for path in (ROOT / "templates").rglob("*.html") for kind in re.findall(badges, path.read_text())}
    assert found
    assert found <= set(KINDS)
    assert not names & set(re.findall(r"--([a-z]+)\b", (ROOT / "static/ladokflow.css").read_text()))
