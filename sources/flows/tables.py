"""Tables that people paste or upload: a text, or a workbook of Excel's, becomes lines of cells, whatever wrote it.

Tab, semicolon or comma between the cells, quotes (also around line breaks), empty lines and Excel's own marks (`sep=;`, a byte order
mark, `="0012"`) are understood. What the cells mean is for those who read a table of their own.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ladokflow.identifiers import normal
from ladokflow.messages import Refused, message
from ladokflow.texts import visible

DELIMITERS = "\t;,"
MOST_BYTES = 2_000_000  # of a file
MOST_UNPACKED = 50_000_000  # bytes of a workbook once it is unpacked
MOST_ROWS, MOST_COLUMNS = 20_000, 200  # that are read of a sheet
LONGEST_CELL = 5_000
LONGEST_LINE = 100_000  # of a longer one the rest is not read
_BREAK = "\ue000"  # a line break within quotes, while the lines are told apart
_BREAKS = re.compile(r"\r\n?")
_QUOTED = re.compile(rf'(?:^|(?<=[{DELIMITERS}\n]))[ ]*"(?:[^"]|"")*+"(?=[ ]*(?:$|[{DELIMITERS}\n]))')
_AS_TEXT = re.compile(r'="([^"]*)"')
_ZEROS = re.compile(r"0{2,30}")
# A quote that is left open takes all that follows: it is told like any cell that is too long.
csv.field_size_limit(MOST_BYTES)
_WORKBOOKS = {b"PK\x03\x04": "new", b"\xd0\xcf\x11\xe0": "old"}


@dataclass(frozen=True)
class Line:
    """`number` counts from 1, with the empty ones; `text` is the line as it was written."""

    number: int
    cells: tuple[str, ...]
    text: str = ""


def decode(data: bytes) -> str | None:
    """The text of an uploaded file: UTF-8, UTF-16 or what Excel on Windows writes. None where it is no text at all."""
    encodings = ["utf-16"] if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if "\x00" in text or text.startswith("PK\x03\x04") else text
    return None


def text_of_file(data: bytes) -> str:
    """An uploaded table as text, so that it can be seen and corrected: of a workbook its first sheet, with tabs between the cells.

    Refused where it is neither a text nor a workbook that can be read.
    """
    if len(data) > MOST_BYTES:
        raise Refused(message("sources.table.file_too_large"))
    match _WORKBOOKS.get(data[:4]):
        case "new":
            return as_text(_sheet(data))
        case "old":
            raise Refused(message("sources.table.old_workbook"))
    text = decode(data)
    if text is None:
        raise Refused(message("sources.table.no_text"))
    return text


def lines_of(text: str, *, has_lists: bool = False) -> Iterator[Line]:
    """The lines that say anything, one after the other.

    `has_lists`: a cell may hold several names with a comma or semicolon between them, so what stands first in the table is what
    divides its cells. Otherwise a semicolon divides before a comma does.
    """
    usual = ""
    number = 0
    for raw in _QUOTED.sub(_join, _BREAKS.sub("\n", text)).split("\n"):
        number += 1
        own, number = number, number + raw.count(_BREAK)
        line = visible(raw[:LONGEST_LINE]).replace("\x00", "").strip(" ")
        if not line.strip(DELIMITERS + ' "' + _BREAK):
            continue
        if normal(line).startswith("sep="):
            usual = line[4:5] if line[4:5] in tuple(DELIMITERS) else usual
            continue
        delimiter = _delimiter(line, usual, has_lists=has_lists)
        usual = usual or delimiter
        read = next(csv.reader([line], delimiter=delimiter or ";", skipinitialspace=True))
        if cells := _without_end([_cell(cell) for cell in read]):
            yield Line(own, tuple(cells), line.replace(_BREAK, " "))


def as_text(rows: Iterable[Sequence[str]]) -> str:
    """The rows as they are pasted from a spreadsheet: `lines_of` gives them back."""
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(rows)
    return text.getvalue()


def _join(quoted: re.Match[str]) -> str:
    return quoted[0].replace("\n", _BREAK)


def _delimiter(line: str, usual: str, *, has_lists: bool) -> str:
    outside = re.sub(r'"[^"]*"', "", line)
    if "\t" in outside:
        return "\t"
    if usual and usual in outside:
        return usual
    there = [sign for sign in DELIMITERS if sign in outside]
    return min(there, key=outside.index, default="") if has_lists else next(iter(there), "")


def _cell(text: str) -> str:
    text = text.replace(_BREAK, "\n").replace("\xa0", " ").replace("\u202f", " ").strip()
    as_text = _AS_TEXT.fullmatch(text)
    return (as_text[1].strip() if as_text else text)[:LONGEST_CELL]


def _without_end(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    return cells


# --- Workbooks ------------------------------------------------------------------------------------------------------


def _sheet(data: bytes) -> list[list[str]]:
    """The first sheet that holds anything and is not hidden, with what its formulas had come to when it was saved."""
    from openpyxl import load_workbook  # here: few pages read one

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(part.file_size for part in archive.infolist()) > MOST_UNPACKED:
                raise Refused(message("sources.table.file_too_large"))
        workbook = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        for sheet in workbook.worksheets:
            rows = _rows(sheet) if sheet.sheet_state == "visible" else []
            if rows:
                return rows
    except Refused:
        raise
    except Exception as error:  # openpyxl has no error of its own for a broken file
        raise Refused(message("sources.table.workbook_unreadable")) from error
    return []


def _rows(sheet: Any) -> list[list[str]]:
    sheet.reset_dimensions()  # what the file says of its size may be wrong
    rows = [
        _without_end([_shown(cell) for cell in row]) for row in sheet.iter_rows(max_row=MOST_ROWS, max_col=MOST_COLUMNS)
    ]
    return rows if any(rows) else []


def _shown(cell: Any) -> str:
    """As the sheet shows it, as far as that matters to a code: without decimals, and with the zeros of a format such as `0000`."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        number_format = str(cell.number_format or "")
        return f"{value:0{len(number_format)}d}" if _ZEROS.fullmatch(number_format) else str(value)
    return str(value)[:LONGEST_CELL]
