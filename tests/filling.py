"""A form of a page, as a browser would send it: with what stands in it, and what somebody then ticks and writes."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

Fields = dict[str, list[str]]


class _Forms(HTMLParser):
    """Each form's action and fields. A select counts with what is chosen in it, a box only when it is ticked."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, Fields]] = []
        self.by_id: dict[str, Fields] = {}
        self.open: Fields | None = None
        self.select: tuple[Fields, str] | None = None
        self.writing: list[str] | None = None  # in a text area

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.open = {}
            self.found.append((given.get("action", ""), self.open))
            self.by_id[given.get("id", "")] = self.open
            return
        fields, name = self.by_id.get(given["form"]) if "form" in given else self.open, given.get("name", "")
        if fields is None:
            return
        if tag == "select":
            self.select = (fields, name)
        elif tag == "option" and self.select and "selected" in given:
            self.select[0].setdefault(self.select[1], []).append(given["value"])
        elif tag == "textarea" and name:
            self.writing = fields.setdefault(name, [])
            self.writing.append("")
        elif tag == "input" and name:
            is_box = given.get("type") in ("checkbox", "radio")
            if not is_box or "checked" in given:
                fields.setdefault(name, []).append(given.get("value", "on" if is_box else ""))

    def handle_data(self, data: str) -> None:
        if self.writing is not None:
            self.writing[-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.open = None
        elif tag == "select":
            self.select = None
        elif tag == "textarea" and self.writing is not None:
            # As browsers do: without the line break that the text begins with in the page, and with their own kind of them.
            self.writing[-1] = self.writing[-1].removeprefix("\n").replace("\r\n", "\n").replace("\n", "\r\n")
            self.writing = None


def form_on(page: str, action: str = "", **having: str) -> Fields:
    """What the page's form with this action, and with these values in it, sends as it stands; AssertionError where there is none."""
    forms = _Forms()
    forms.feed(page)
    for its_action, fields in forms.found:
        if its_action == action and all(value in fields.get(name, ()) for name, value in having.items()):
            return fields
    raise AssertionError(f"There is no form to {action!r} with {having} among {[each for each, _ in forms.found]}.")


def press(client: Any, shown_at: str, action: str = "", *, follow: bool = False, **filled: Any) -> Any:
    """Open the page, fill its form, and send it at once. A form without an action is sent to the page's own address."""
    form = form_on(client.get(shown_at, headers={"accept-language": "en"}).content.decode(), action)
    return client.post(action or shown_at, form | filled, follow=follow, headers={"accept-language": "en"})
