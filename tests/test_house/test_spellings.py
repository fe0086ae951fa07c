"""One person, one exam and one title, however they are spelt."""

import datetime as dt
import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ladokflow import identifiers
from ladokflow.texts import IGNORABLE, as_stored, is_same_text, visible

TODAY = dt.date(2027, 6, 1)
INVISIBLE = ["\u200b", "\ufeff", "\u200e", "\u200f", "\u202a", "\u2066", "\u00ad", "\u2060"]
HYPHENS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
IDS = st.text(st.sampled_from("abzÅåÄöéß09-_.@"), min_size=1, max_size=12)
TEXTS = st.text(st.sampled_from("abcÅåÖé 1\u0301\u00a0\t\u00ad\u200b") | st.characters(codec="utf-8"), max_size=40)


@st.composite
def respelt(draw, values=IDS):
    """A value, and another spelling of it."""
    value = draw(values)
    spelt = unicodedata.normalize(draw(st.sampled_from(["NFC", "NFD"])), value)
    spelt = draw(st.sampled_from([str, str.upper, str.lower]))(spelt)
    for place in draw(st.lists(st.integers(0, len(spelt)), max_size=3)):
        spelt = spelt[:place] + draw(st.sampled_from(INVISIBLE)) + spelt[place:]
    blanks = st.sampled_from(["", " ", "\t", "\u00a0"])
    return value, draw(blanks) + spelt + draw(blanks)


# --- Identifiers


@given(respelt())
def test_every_spelling_of_an_identifier_is_the_same(pair):
    value, spelt = pair
    assert identifiers.normal(spelt) == identifiers.normal(value)
    assert identifiers.normal_code(spelt) == identifiers.normal_code(value)


@given(TEXTS)
def test_a_normal_form_is_its_own(value):
    for normal in (identifiers.normal, identifiers.normal_code, identifiers.normal_national_id):
        assert normal(normal(value)) == normal(value)


@given(TEXTS)
@example("a\u20101")
def test_every_spelling_that_is_looked_for_is_the_same_person(value):
    assert {identifiers.normal(one) for one in identifiers.spellings(value)} <= {identifiers.normal(value)}
    national = identifiers.normal_national_id(value)
    found = {identifiers.normal_national_id(one) for one in identifiers.spellings_of_national_id(value)}
    assert found <= {national}
    # A dash that a word processor has made may be meant as a hyphen: which of the two the exam has, Ladok says.
    meant = {identifiers.normal_code(value), identifiers.normal_code(value.translate(HYPHENS))}
    assert {identifiers.normal_code(one) for one in identifiers.spellings_of_code(value)} <= meant


@given(st.text(st.sampled_from("abzåäö09-"), min_size=1, max_size=12), st.sampled_from(["NFC", "NFD"]), st.booleans())
def test_what_another_system_has_in_one_case_is_among_the_spellings(value, form, is_upper):
    there = unicodedata.normalize(form, value.upper() if is_upper else value)
    assert there in identifiers.spellings(f"{value}\u200b")


@pytest.mark.parametrize(
    ("one", "other"), [("abc12", "abc13"), ("åbo", "abo"), ("a-b", "ab"), ("ab 1", "ab1"), ("stude005", "stude050")]
)
def test_different_identifiers_stay_different(one, other):
    assert identifiers.normal(one) != identifiers.normal(other)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (" ten1 ", "TEN1"),
        ("TEN 1", "TEN1"),
        ("ten 1", "TEN1"),
        ("TEN1", "ten1"),
        ("TA\u030aG1", "TÅG1"),
        ("tåg1", "TA\u030aG1"),
        ("TEN1\u20131001", "TEN1-1001"),
        ("ten1 \u2011 1001", "TEN1-1001"),
    ],
)
def test_what_was_meant_is_among_the_spellings_of_a_typed_code(typed, meant):
    assert meant in identifiers.spellings_of_code(typed)
    assert identifiers.spellings_of_code(typed)[0] == typed.strip()


# --- National ids

SAME = [
    "199001019809",
    "19900101-9809",
    "900101-9809",
    "9001019809",
    " 900101 9809",
    "19900101\u20119809",
    "\u200b900101-9809",
]


@pytest.mark.parametrize("spelt", SAME)
def test_a_personnummer_is_one_with_ten_and_with_twelve_digits(spelt):
    assert identifiers.normal_national_id(spelt, today=TODAY) == "199001019809"
    looked_for = identifiers.spellings_of_national_id(spelt, today=TODAY)
    assert set(looked_for) >= {"199001019809", "19900101-9809", "900101-9809", "9001019809"}


@pytest.mark.parametrize(
    ("spelt", "normal"),
    [
        ("270101-9809", "202701019809"),
        ("280101-9809", "192801019809"),
        ("270101+9809", "192701019809"),
        ("280101+9809", "182801019809"),
        ("900161-9809", "199001619809"),
        ("900101-T385", "19900101t385"),
        ("19900101t385", "19900101t385"),
        ("901301-9809", "9013019809"),
        ("AB 12-34", "ab1234"),
        ("１９９００１０１-9809", "199001019809"),
        ("", ""),
    ],
)
def test_the_century_of_a_personnummer(spelt, normal):
    assert identifiers.normal_national_id(spelt, today=TODAY) == normal


def test_who_is_over_a_hundred_is_looked_for_with_a_plus():
    assert "250101+9809" in identifiers.spellings_of_national_id("192501019809", today=TODAY)
    assert "250101-9809" not in identifiers.spellings_of_national_id("192501019809", today=TODAY)


@given(st.dates(dt.date(1928, 1, 1), dt.date(2026, 12, 31)), st.integers(0, 9999))
def test_ten_digits_name_the_person_of_twelve(born, last):
    long = f"{born:%Y%m%d}{last:04d}"
    for spelt in (f"{born:%Y%m%d}-{last:04d}", f"{born:%y%m%d}-{last:04d}", f"{born:%y%m%d}{last:04d}"):
        assert identifiers.normal_national_id(spelt, today=TODAY) == long
        assert spelt in identifiers.spellings_of_national_id(long, today=TODAY)


# --- Texts


@given(TEXTS, st.integers(1, 20), st.sampled_from(["NFC", "NFD"]), st.booleans())
def test_what_was_written_is_known_when_it_is_given_back(text, length, form, is_collapsed):
    written = as_stored(text, length)
    assert len(written) <= length
    assert written == as_stored(written, length) == written.strip()
    there = unicodedata.normalize(form, written).strip()
    there = " ".join(there.split()) if is_collapsed else f" {there}\u00a0 "
    assert is_same_text(written, there)


@pytest.mark.parametrize(("one", "other"), [("Tenta", "tenta"), ("Tenta", "Tenta 2"), ("Tentå", "Tenta"), ("", "-")])
def test_what_somebody_has_changed_is_not_the_same(one, other):
    assert not is_same_text(one, other)


def test_what_cannot_be_seen_is_left_out_whatever_stands_beside_it() -> None:
    """Of every character there is, whether it is looked up or known at a glance; those that ASCII holds are left as they are."""
    beyond = [chr(number) for number in range(128, sys.maxunicode + 1)]
    unseen = {ch for ch in beyond if unicodedata.category(ch) == "Cf" or ch in IGNORABLE}
    assert {ch for ch in beyond if visible(ch) != ch} == unseen
    assert {visible(f"å{ch}ö") for ch in unseen} == {"åö"}
