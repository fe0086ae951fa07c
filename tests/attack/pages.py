"""The pages as a manager has them: what they say in words and figures, and the forms on them, to be sent at once or much later."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any

from django.test import Client

Row = dict[str, str]


@dataclass
class Form:
    """`fields` as a browser would send them; `boxes` are the ticks that nobody has made."""

    address: str
    id: str = ""
    is_post: bool = False
    fields: list[tuple[str, str]] = field(default_factory=list)
    boxes: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def ticked(self, name: str) -> Form:
        """With all boxes of the name ticked."""
        return replace(self, fields=[*self.fields, *(box for box in self.boxes if box[0] == name)], boxes=[])


class Page(HTMLParser):
    """`text` is what can be read; `rows` are those of its tables, each cell by the heading of its column; `forms` what it asks."""

    def __init__(self, html: str, status: int, address: str) -> None:
        super().__init__()
        self.status, self.address = status, address
        self.forms: list[Form] = []
        self.rows: list[Row] = []
        self._words: list[str] = []
        self._form: Form | None = None
        self._late: list[tuple[str, str, str]] = []
        self._select = self._cell = ""
        self._cells: list[list[str]] | None = None
        self._heads: list[str] = []
        self._in_head = self._is_silent = False
        self.feed(html)
        for form_id, name, value in self._late:
            next(form for form in self.forms if form.id == form_id).fields.append((name, value))
        self.text = " ".join(" ".join(self._words).split())

    def form_to(self, end: str) -> Form | None:
        return next((form for form in self.forms if form.is_post and form.address.split("?")[0].endswith(end)), None)

    def figures(self) -> dict[str, int]:
        """The large numbers at the head of a page, by what is said of them."""
        return {label.strip(): int(number) for number, label in FIGURE.findall(self.text)}

    # --- Reading -------------------------------------------------------------------------------------------------

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            action = given.get("action") or self.address
            self._form = Form(action, given.get("id", ""), given.get("method", "").lower() == "post")
            self.forms.append(self._form)
        elif tag in ("input", "button", "select", "option", "textarea"):
            self._control(tag, given)
        elif tag in ("script", "style"):
            self._is_silent = True
        elif tag == "thead":
            self._in_head, self._heads = True, []
        elif tag == "tr":
            self._cells = []
        elif tag in ("td", "th") and self._cells is not None:
            self._cells.append([])
        if "figure__label" in given.get("class", ""):
            self._words.append("‹")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag in ("script", "style"):
            self._is_silent = False
        elif tag == "select":
            self._select = ""
        elif tag == "thead":
            self._in_head = False
        elif tag == "tr" and self._cells is not None:
            cells = [" ".join(" ".join(cell).split()) for cell in self._cells]
            if self._in_head:
                self._heads = cells
            else:
                self.rows.append(dict(zip(self._heads, cells, strict=False)))
            self._cells = None
        elif tag == "li":
            self._words.append("›")

    def handle_data(self, data: str) -> None:
        if self._is_silent:
            return
        self._words.append(data)
        if self._cells:
            self._cells[-1].append(data)

    def _control(self, tag: str, given: dict[str, str]) -> None:
        name, value, kind = given.get("name", ""), given.get("value", ""), given.get("type", "")
        if tag == "select":
            self._select = name
            self._select_form = given.get("form", "")
            return
        if tag == "option":
            if self._select and "selected" in given:
                self._keep(self._select_form, self._select, value)
            return
        if not name or self._form is None:
            return
        if tag == "button":
            self._form.buttons.append((name, value))
        elif kind in ("checkbox", "radio") and "checked" not in given:
            self._form.boxes.append((name, value or "on"))
        elif kind not in ("submit", "button"):
            self._keep(given.get("form", ""), name, value)

    def _keep(self, form_id: str, name: str, value: str) -> None:
        if form_id:
            self._late.append((form_id, name, value))
        elif self._form is not None:
            self._form.fields.append((name, value))


FIGURE = re.compile(r"(\d+)\s*‹\s*([^‹›]*?)\s*›")


class Browser:
    """A signed-in manager, in English."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self.client = Client(headers={"accept-language": "en"})
        self.client.force_login(user)

    def open(self, address: str) -> Page:
        return self._page(self.client.get(address, follow=True), address)

    def press(self, form: Form, *more: tuple[str, str], without: tuple[str, ...] = ()) -> Page:
        data: dict[str, list[str]] = {}
        for name, value in (*(row for row in form.fields if row[0] not in without), *more):
            data.setdefault(name, []).append(value)
        return self._page(self.client.post(form.address, data, follow=True), form.address)

    @staticmethod
    def _page(response: Any, address: str) -> Page:
        if response.redirect_chain:
            address = response.redirect_chain[-1][0]
        return Page(response.content.decode(errors="replace"), response.status_code, address)
