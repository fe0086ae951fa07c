"""Tables to download: CSV and XLSX that a spreadsheet program opens without running anything in them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.http import HttpResponse

# A cell that begins with one of these is taken for a formula by Excel, LibreOffice and Google Sheets (OWASP, "CSV Injection").
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "＝", "＋", "－", "＠")
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CELL_LENGTH = 32_767  # the most that a cell of a workbook takes


def safe_text(value: Any) -> str:
    """The value as a text that stays a text: an apostrophe stands before what could be a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(DANGEROUS) else text


def csv_file(name: str, headings: Sequence[Any], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """Semicolons and a byte-order mark: what Excel in Swedish expects, and others can read."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", quoting=csv.QUOTE_ALL)
    writer.writerow([safe_text(heading) for heading in headings])
    writer.writerows([safe_text(cell) for cell in row] for row in rows)
    return _download(text.getvalue().encode("utf-8-sig"), "text/csv; charset=utf-8", f"{name}.csv")


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
        headers={"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"},
    )


def json_file(name: str, document: Any) -> HttpResponse:
    content = json.dumps(document, ensure_ascii=False, indent=2).encode()
    return _download(content, "application/json; charset=utf-8", f"{name}.json")


def text_file(name: str, text: str) -> HttpResponse:
    return _download(text.encode(), "text/plain; charset=utf-8", f"{name}.txt")


FILES: dict[str, Callable[[str, Sequence[Any], Iterable[Sequence[Any]]], HttpResponse]] = {
    "csv": csv_file,
    "xlsx": xlsx_file,
}
