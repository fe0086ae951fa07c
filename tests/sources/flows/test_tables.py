"""Reading pasted and uploaded tables, however they were written, and a list of exams out of them."""

from __future__ import annotations

import codecs
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from ladokflow.messages import Refused
from sources.flows.exam_list import read_exam_list
from sources.flows.tables import as_text, lines_of, text_of_file

A, B = ("A-1", ("asse1", "asse2"), ("rev1",)), ("B-2", ("asse3",), ())

HEADING = ("Kod", "Bedömare", "Granskare", "Rad")


def read(text: str) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return [(row.code, row.assessors, row.reviewers) for row in read_exam_list(text)[0]]


def refusal(call: Any) -> str:
    with pytest.raises(Refused) as caught:
        call()
    assert caught.value.message.todo
    return str(caught.value.message.code)


@pytest.mark.parametrize(
    "text",
    [
        "A-1\tasse1, asse2\trev1\nB-2\tasse3\t",
        "A-1;asse1,asse2;rev1\r\nB-2;asse3;\r\n",
        'A-1,"asse1,asse2",rev1\nB-2,asse3',
        "A-1,asse1;asse2,rev1\nB-2,asse3",
        'A-1\t"asse1\nasse2"\trev1\nB-2\tasse3',
        '"A-1";"asse1\r\nasse2";"rev1"\r\n"B-2";"asse3"\r\n',
        "\ufeffsep=;\nTentamenskod;Bedömare;Granskare\nA-1;asse1,asse2;rev1\n\n;;\nB-2;asse3",
        "Exam code\tAssessor(s)\tReviewer\nA-1\tasse1; asse2\trev1\nB-2\tasse3",
        "Datum;Granskare;Kod;Sal;Rättare\n2026-12-01;rev1;A-1;T1;asse1,asse2\n;;B-2;T2;asse3",
        "A-1\xa0\t asse1\u200b ,\xa0asse2\trev1\nB-2\u200b\tasse3\x00",
        '="A-1"\tasse1, asse2, asse1\trev1\nB-2\tasse3',
        'A-1\t"asse1\rasse2"\trev1\rB-2\tasse3',
        "Kod\tBedömare 1\tBedömare 2\tGranskare\nA-1\tasse1\tasse2\trev1\nB-2\t\tasse3",
        "Kod\tBedömare1\tBedömare2\tGranskare\nA-1\tasse1\tasse2\trev1\nB-2\t\tasse3",
        "Kod\tBedömare\tGranskare\nA-1\tasse1,asse2\trev1\nKod\tGranskare\tBedömare\nB-2\t\tasse3",
        "A-1\tasse1, asse2\trev1\na-1\tASSE1,asse2\trev1\nKod\tBedömare\nB-2\tasse3\nB-2\tasse3",
    ],
)
def test_a_list_of_exams_may_be_written_in_many_ways(text: str) -> None:
    assert read(text) == [A, B]


def test_a_person_may_be_written_as_mail_programs_do_and_by_name() -> None:
    assert read("A\tAnna Asp <anna@liu.example>; Bo Ek")[0][1] == ("anna@liu.example", "Bo Ek")


def test_lines_keep_their_numbers_and_columns_that_mean_nothing_are_told() -> None:
    rows, unread = read_exam_list('Kod;Sal;Bedömare\n\nA;T1;"x\ny"\nB;;z')
    assert ([row.number for row in rows], unread) == ([3, 5], ["Sal"])


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("A;b;c;d;e", ("d", "e")),
        ("Kod,Bedömare,Granskare\nA,asse1,asse2,rev1", ("rev1",)),
        ("Kod;Bedömare;;Granskare\nA;b;c;d", ("c",)),
        ("Kod;Sal;Bedömare\nA;T1;b", ()),
    ],
)
def test_nobody_gets_lost_in_a_cell_that_no_column_is_for(text: str, rest: tuple[str, ...]) -> None:
    (row,) = read_exam_list(text)[0]
    assert row.rest == rest
    again = as_text([HEADING, row.cells])
    assert read_exam_list(again)[0][0].rest == rest


@pytest.mark.parametrize("code", ["KOD101", "Code-1001", "KOD-1"])
def test_a_code_is_no_heading(code: str) -> None:
    assert [row.code for row in read_exam_list(f"{code};examiner1\nB;x")[0]] == [code, "B"]


def test_a_title_above_the_heading_is_a_row_of_its_own_and_the_columns_are_those_of_the_heading() -> None:
    assert read("Tentor HT26\nKod;Granskare;Bedömare\nA-1;rev1;asse1,asse2") == [("Tentor HT26", (), ()), A]


def test_a_cell_longer_than_any_is_told_and_nobody_is_cut_off() -> None:
    for cell in ("x" * 150_000, '"' + "x," * 75_000 + '"', "Anna Asp <" + "a@" * 3000):
        (row,) = read_exam_list(f"A;{cell}")[0]
        assert max(map(len, row.assessors)) > 200


@pytest.mark.parametrize("sign", ["x", '"', ';"', '"\n', '"a"b;'])
def test_a_text_without_end_is_read_or_refused(sign: str) -> None:
    """A cell that is longer than Python's reader takes, and quotes that close nothing."""
    assert all(len(cell) <= 5_000 for line in lines_of(sign * 200_000, has_lists=True) for cell in line.cells)


def test_an_open_quote_takes_no_more_than_its_line() -> None:
    assert [row.code for row in read_exam_list('A;"x\nB;y')[0]] == ["A", "B"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "sources.exam_list.nothing_given"),
        (" ;;\n\t\n\xa0;\u2028\n", "sources.exam_list.nothing_given"),
        ("Kod;Bedömare\n", "sources.exam_list.nothing_given"),
        ("Bedömare;Granskare\na;b", "sources.exam_list.no_code_column"),
        ("\n".join(f"A{n};b" for n in range(201)), "sources.exam_list.too_many"),
    ],
)
def test_what_is_no_list_is_refused_as_a_whole(text: str, code: str) -> None:
    assert refusal(lambda: read_exam_list(text)) == code


def workbook(*rows: Any, formats: dict[str, str] | None = None) -> bytes:
    book = Workbook()
    hidden = book.active
    assert hidden is not None
    hidden.append(["hidden"])
    hidden.sheet_state = "hidden"
    book.create_sheet("empty")
    sheet = book.create_sheet("exams")
    for row in rows:
        sheet.append(row)
    for cell, number_format in (formats or {}).items():
        sheet[cell].number_format = number_format
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_a_workbook_is_read_as_it_is_shown() -> None:
    rows: tuple[list[Any], ...] = (
        ["Kod", "Bedömare"],
        ["A-1", "asse1\nasse2"],
        [1001, "=1+1"],
        [12.0, None],
        [],
        ["x" * 9000],
    )
    text = text_of_file(workbook(*rows, formats={"A3": "000000"}))
    read_rows = [line.cells for line in lines_of(text, has_lists=True)]
    assert read_rows == [("Kod", "Bedömare"), ("A-1", "asse1\nasse2"), ("001001",), ("12",), ("x" * 5000,)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_file_may_be_in_any_encoding_of_excels(encoding: str) -> None:
    assert read(text_of_file("Å-1;asse1".encode(encoding))) == [("Å-1", ("asse1",), ())]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"PK\x03\x04" + b"\x00" * 40, "sources.table.workbook_unreadable"),
        (workbook(["A"])[:-30], "sources.table.workbook_unreadable"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "sources.table.old_workbook"),
        (b"\x00\x01\x02", "sources.table.no_text"),
        (codecs.BOM_UTF16_LE + b"\x00", "sources.table.no_text"),
        (b"a;b\n" * 600_000, "sources.table.file_too_large"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(data: bytes, code: str) -> None:
    assert refusal(lambda: text_of_file(data)) == code


@given(st.lists(st.tuples(*[st.text(max_size=20)] * 3), max_size=5))
def test_whatever_is_pasted_a_row_that_was_read_is_read_the_same_again(cells: list[tuple[str, str, str]]) -> None:
    for text in (as_text(cells), "\n".join(";".join(row) for row in cells)):
        try:
            rows, _unread = read_exam_list(text)
        except Refused:
            continue
        said = [row.cells for row in rows if any((row.code, row.assessors, row.reviewers, row.rest))]
        again = read_exam_list(as_text([HEADING, *said]))[0] if said else []
        assert [row.cells for row in again] == said


def test_what_is_written_is_read_again() -> None:
    rows = [("Kod", "Bedömare"), ("A;1, B", 'x "y"\nz'), ("\u00e5 /1", "a\tb")]
    assert [line.cells for line in lines_of(as_text(rows), has_lists=True)] == rows
