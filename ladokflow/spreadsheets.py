"""Tables to download: CSV and XLSX that a spreadsheet program opens without running anything in them."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.http import Http404, HttpResponse

# A cell that begins with one of these is taken for a formula by Excel, LibreOffice and Google Sheets (OWASP, "CSV Injection").
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "＝", "＋", "－", "＠")
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CELL_LENGTH = 32_767  # the most that a cell of a workbook takes


def safe_text(value: Any) -> str:
    """The value as a text that stays a text: an apostrophe stands before what could be a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(DANGEROUS) else text


def csv_file(name: str, headings: Sequence[Any], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    return _download(b"".join(csv_parts(headings, rows)), "text/csv; charset=utf-8", f"{name}.csv")


def csv_parts(headings: Sequence[Any], rows: Iterable[Sequence[Any]], at_once: int = 500) -> Iterator[bytes]:
    """The file, so many rows at a time. Semicolons and a byte-order mark: what Excel in Swedish expects, and others can read."""
    text = io.StringIO()
    text.write("\ufeff")
    writer = csv.writer(text, delimiter=";", quoting=csv.QUOTE_ALL)
    for number, row in enumerate(itertools.chain([headings], rows)):
        writer.writerow([safe_text(cell) for cell in row])
        if number and number % at_once == 0:
            yield _taken(text)
    yield _taken(text)


def _taken(text: io.StringIO) -> bytes:
    written = text.getvalue()
    text.seek(0)
    text.truncate()
    return written.encode()


class Sink(io.RawIOBase):
    """A file that is sent while it is written: what is written, until somebody takes it."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._place = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._place += len(part)
        return len(part)

    def tell(self) -> int:
        return self._place

    def close(self) -> None:
        """The end of the file is still to be taken."""

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def xlsx_file(name: str, headings: Sequence[Any], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """Every cell is written as a text, never as a formula or a number: a code keeps its leading zeros."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import Font

    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("LadokFlow")
    sheet.freeze_panes = "A2"

    def cell(value: Any, *, bold: bool = False) -> Any:
        made = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("", safe_text(value))[:CELL_LENGTH])
        made.data_type = "s"
        if bold:
            made.font = Font(bold=True)
        return made

    sheet.append([cell(heading, bold=True) for heading in headings])
    for row in rows:
        sheet.append([cell(value) for value in row])
    content = io.BytesIO()
    workbook.save(content)
    return _download(content.getvalue(), XLSX_TYPE, f"{name}.xlsx")


def _download(content: bytes, content_type: str, filename: str) -> HttpResponse:
    """`filename` is ours, with ids at most: never a name or a national id."""
    return HttpResponse(
        content,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )


def json_file(name: str, document: Any) -> HttpResponse:
    content = json.dumps(document, ensure_ascii=False, indent=2).encode()
    return _download(content, "application/json; charset=utf-8", f"{name}.json")


def text_file(name: str, text: str) -> HttpResponse:
    return _download(text.encode(), "text/plain; charset=utf-8", f"{name}.txt")


Writer = Callable[[str, Sequence[Any], Iterable[Sequence[Any]]], HttpResponse]
FILES: dict[str, Writer] = {"csv": csv_file, "xlsx": xlsx_file}


def writer_of(kind: str) -> Writer:
    """As the end of an address names it; there is no other."""
    if kind not in FILES:
        raise Http404
    return FILES[kind]
