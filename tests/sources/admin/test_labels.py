"""Each field of a form in the administration, and the search of each list, has a name that is read aloud."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from tests.pages.test_who_may_what import World, rows_of_everything, views_of

pytestmark = pytest.mark.django_db
HAS_ITS_OWN = ("hidden", "submit", "button")


class Fields(HTMLParser):
    """The fields of a page, and what names them: a label with words in it, or words of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}  # by id, and what is said of them otherwise
        self.labels: dict[str, str] = {}
        self.label: str | None = None  # the field of the label that is open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "label":
            self.label = given.get("for", "")
        elif tag in ("input", "select", "textarea") and given.get("type") not in HAS_ITS_OWN:
            around = "" if self.label is None else self.labels.get(self.label, "")
            self.fields[given.get("id", given.get("name", ""))] = given.get("aria-label", around)

    def handle_data(self, data: str) -> None:
        if self.label is not None:
            self.labels[self.label] = self.labels.get(self.label, "") + data.strip()

    def handle_endtag(self, tag: str) -> None:
        self.label = None if tag == "label" else self.label

    @property
    def nameless(self) -> list[str]:
        return [field for field, said in self.fields.items() if not (said or self.labels.get(field))]


def test_every_field_of_the_administration_has_a_name() -> None:
    world, looked_at, nameless = World(), 0, []
    clients = [world.client(role) for role in ("licence_admin", "operator")]
    for label, row in rows_of_everything(world).items():
        for method, view, address, _needed in views_of(label, row):
            for client in clients:
                if method != "GET" or (answer := client.get(address)).status_code != 200:
                    continue
                page = Fields()
                page.feed(answer.text)
                looked_at += len(page.fields)
                nameless += [(label, view, field) for field in page.nameless]
    assert nameless == []
    assert looked_at > 300
