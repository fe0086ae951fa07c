"""Reading the list of who assesses whom: forgiving of how it is written, and exact about what is wrong."""

import codecs

import pytest

from sources.flows.assessor_csv import name_assessors, read_list, tell_strangers
from sources.flows.tables import decode

PAIRS = [("stude1", "asse1"), ("stude2", "asse2")]


def pairs(text):
    lines, wrong = read_list(text)
    assert wrong == []
    return [(line.participant, line.assessor) for line in lines]


@pytest.mark.parametrize(
    "text",
    [
        "stude1;asse1\nstude2;asse2",
        "stude1 ; asse1\r\n\r\nstude2,asse2\r\n",
        "stude1\tasse1\nstude2\tasse2\n",
        '\ufeffsep=;\n"stude1";"asse1"\nstude2;asse2;;\n;;\n',
        "Organisation id;Assessor\nstude1;asse1\nstude2;asse2",
        "Anmälningskod,Bedömare (e-post)\nstude1,asse1\nSTUDE1,asse1\nstude2,asse2",
    ],
)
def test_the_list_may_be_written_in_many_ways(text):
    assert pairs(text) == PAIRS


def test_a_participant_may_have_two_assessors_and_an_address_is_no_heading():
    assert pairs("a;assessor1@liu.example\na;asse2") == [("a", "assessor1@liu.example"), ("a", "asse2")]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("stude3", "sources.list_line_short"),
        (";asse1", "sources.list_line_short"),
        ("stude3;asse1;Anna", "sources.list_line_long"),
        ("stude3;Anna Asp", "sources.list_line_name"),
        ("x" * 201 + ";asse1", "sources.list_line_name"),
    ],
)
def test_a_line_that_is_not_understood_is_told_with_its_number_and_the_others_are_read(line, code):
    lines, wrong = read_list(f"stude1;asse1\n\n{line}\nstude2;asse2")
    assert [(told.code, told.params["line"]) for told in wrong] == [(code, 3)]
    assert "3" in wrong[0].what
    assert wrong[0].todo
    assert [(one.participant, one.assessor) for one in lines] == PAIRS


def test_a_list_without_end_is_refused_as_a_whole():
    lines, wrong = read_list("a;b\n" * 20_001)
    assert (lines, [told.code for told in wrong]) == ([], ["sources.list_too_long"])


@pytest.mark.parametrize(
    "data",
    [
        "å;ä".encode(),
        codecs.BOM_UTF8 + "å;ä".encode(),
        "å;ä".encode("cp1252"),
        codecs.BOM_UTF16_LE + "å;ä".encode("utf-16-le"),
    ],
)
def test_a_file_of_excel_is_read_in_any_of_its_encodings(data):
    text = decode(data)
    assert text is not None
    assert pairs(text) == [("å", "ä")]


@pytest.mark.parametrize("data", [b"PK\x03\x04\x00rest", b"\x00\x01\x02", codecs.BOM_UTF16_LE + b"\x00"])
def test_a_file_that_is_no_text_is_known_as_such(data):
    assert decode(data) is None


def test_a_members_address_becomes_their_organisation_id_and_a_stranger_is_told():
    lines, _ = read_list("a;Anna@liu.example\nb;asse2\nc;asse3")
    named, wrong = name_assessors(lines, {"anna@liu.example": "annan12"}, {"annan12", "asse2"})
    assert [line.assessor for line in named] == ["annan12", "asse2"]
    assert [(told.code, told.params["line"]) for told in wrong] == [("sources.list_line_assessor", 3)]
    assert [told.params["line"] for told in tell_strangers(lines, ["A", "c"])] == [2]


def test_without_assessors_the_list_says_who_they_are():
    lines, _ = read_list("a;asse1\nb;asse2")
    named, wrong = name_assessors(lines, {}, None)
    assert ([line.assessor for line in named], wrong) == (["asse1", "asse2"], [])
