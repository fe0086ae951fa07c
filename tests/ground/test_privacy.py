"""No spelling of a national id lets any of its last four characters through, and what is no national id stays."""

import datetime as dt
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ladokflow.privacy import knowing, mask, redact

BORN = {  # how a birth may be written; `short` is the last two of the year, `day` may be that of a samordningsnummer
    "12": "{year}{month}{day}",
    "10": "{short}{month}{day}",
    "SE12": "SE{year}{month}{day}",
    "SE 10": "SE {short}{month}{day}",
    "date": "{year}-{month}-{day}",
    "dots": "{year}.{month}.{day}",
    "slashes": "{year}/{month}/{day}",
    "dashes": "{year}–{month}–{day}",
    "blanks": "{year} {month} {day}",
    "short date": "{short}-{month}-{day}",
}
BETWEEN = {
    "nothing": "", "-": "-", "+": "+", "/": "/", "blank": " ", " - ": " - ", "no-break": "\u00a0", "dash": "–", "em dash": "—",
    "minus": "−", "hyphen": "\u2010", "wide": "－", "_": "_",
}  # fmt: skip
# A date in two digits a year, and then a blank, is the date of anything.
DASHES = {"-", "+", "dash", "em dash", "minus", "hyphen", "wide"}
UNTELLABLE = {("short date", between) for between in BETWEEN if between not in DASHES}

dates = st.dates(dt.date(1920, 1, 1), dt.date(2015, 12, 31))
digits = st.text("0123456789", min_size=4, max_size=4)
interim = st.tuples(st.sampled_from("TtRSUWXJKLMN"), st.text("0123456789", min_size=3, max_size=3)).map("".join)
spelt = st.sampled_from(
    sorted(
        (BORN[written], BETWEEN[between])
        for written in BORN
        for between in BETWEEN
        if (written, between) not in UNTELLABLE
    )
)


def birth(date: dt.date, spelling: str, *, is_coordination: bool = False) -> str:
    day = date.day + 60 if is_coordination else date.day
    return spelling.format(year=date.year, short=f"{date.year % 100:02}", month=f"{date.month:02}", day=f"{day:02}")


@pytest.mark.parametrize(
    ("national_id", "shown"),
    [
        ("199001011234", "19900101-****"),
        ("19900101-1234", "19900101-****"),
        ("9001011234", "900101-****"),
        ("900101-1234", "900101-****"),
        ("900101+1234", "900101-****"),
        (" 19900101 1234 ", "19900101-****"),
        ("900101 1234", "900101-****"),
        ("19900101/1234", "19900101-****"),
        ("1990-01-01-1234", "19900101-****"),
        ("1990-01-01 1234", "19900101-****"),
        ("SE199001011234", "19900101-****"),
        ("SE 900101-1234", "900101-****"),
        ("19900101-T123", "19900101-****"),
        ("19900101T123", "19900101-****"),
        ("900101t123", "900101-****"),
        ("19900161-1234", "19900161-****"),
        ("9001611234", "900161-****"),
        ("90010112345", "900101-****"),  # a digit too many
        ("19900101123", "199001-****"),  # a digit too few
        ("900101123456", "900101-****"),  # two too many
        ("1990010112345", "199001-****"),
        ("19900101-****", "19900101-****"),
        ("AB12345", "AB1-****"),
        ("1234", "****"),
        ("12", "****"),
        (" - ", ""),
        ("", ""),
    ],
)
def test_a_national_id_as_people_see_it(national_id, shown):
    assert mask(national_id) == shown
    assert mask(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("19900101-1234 saknas", "19900101-**** saknas"),
        ("199001011234", "19900101****"),
        ("9001011234", "900101****"),
        ("900101-T123!", "900101-****!"),
        ("samordningsnummer 900161+1234", "samordningsnummer 900161+****"),
        ("samordningsnummer 199001911234.", "samordningsnummer 19900191****."),
        ("19900101 1234, 900102 1235", "19900101 ****, 900102 ****"),
        ("19900101/1234", "19900101/****"),
        ("1990-01-01-1234", "1990-01-01-****"),
        ("1990-01-01 1234", "1990-01-01 ****"),
        ("90-01-01-1234", "90-01-01-****"),
        ("SE199001011234", "SE19900101****"),
        ("pnr199001011234saknas", "pnr19900101****saknas"),
        ("id_900101-1234", "id_900101-****"),
        ('{"personnummer": "199001011234"}', '{"personnummer": "19900101****"}'),
        ("11 siffror: 90010112345", "11 siffror: 900101****"),
        ("11 siffror: 19900101123", "11 siffror: 19900101****"),
        ("11 siffror: 19900101-123", "11 siffror: 19900101-****"),
        ("13 siffror: 1990010112345", "13 siffror: 19900101****"),
        ("199001011234;199002021234", "19900101****;19900202****"),
        ("900101--1234", "900101--****"),
        ("１９９００１０１－１２３４", "１９９００１０１－****"),
        ("0701234567", "070123****"),  # a telephone number, or somebody who was born in January 2007
    ],
)
def test_a_national_id_in_a_text(text, shown):
    assert redact(text) == shown
    assert redact(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "TDDE01-TEN1-1001",
        "21SD1A-1510-1003, 22FE2C",
        "kurs 2026-01-15, 2027-06-01",
        "2027-06-01 1234",  # a date and something else: whoever is examined was born before 2020
        "2027-06-01 1230-1730 i sal T101",
        "20270601 T101",
        "2027-06-01T12:30:00+02:00",
        "2027-06-01+0200",
        "2027-06-01T12:30:00.123456Z",
        "1234567890",  # no month 34
        "AID 1234567890",
        "9 001 011 234 kr",
        "1234,50 kr; 12.5 p; 7,5 hp",
        "070-123 45 67",
        "+46 70 123 45 67",
        "+46701234567",
        "11111111-0000-4000-8000-000000000001",
        "c0ffee00-0000-4000-8000-199001011234",
        "19900101-1234-4000-8000-000000000001",
        "5f199001011234aa" * 4,  # a checksum
        "HTTP 409",
    ],
)
def test_what_is_no_national_id_stays(text):
    assert redact(text) == text


@given(dates, spelt, st.booleans(), digits | interim, digits | interim)
@example(dt.date(1990, 1, 1), (BORN["10"], ""), False, "1234", "5678")
def test_what_is_shown_tells_nothing_of_the_last_four(date, spelling, is_coordination, last, other):
    """Two people born on the same day look the same."""
    written, between = spelling
    born = birth(date, written, is_coordination=is_coordination) + between
    assert mask(born + last) == mask(born + other)
    assert redact(f"({born}{last})") == redact(f"({born}{other})") == f"({born}****)"


ESCAPED = {  # what may stand for a sign, the way it is written where signs are escaped
    "of an address": lambda sign: "".join(f"%{byte:02X}" for byte in sign.encode()),
    "of an address, twice": lambda sign: "".join(f"%25{byte:02x}" for byte in sign.encode()),
    "of HTML": lambda sign: f"&#{ord(sign)};",
    "of HTML, by 16": lambda sign: f"&#x{ord(sign):X};",
    "of HTML, twice": lambda sign: f"&amp;#{ord(sign)};",
    "of JSON": lambda sign: f"\\u{ord(sign):04x}",
    "of JSON, twice": lambda sign: f"\\\\u{ord(sign):04X}",
}
NAMED = ("&nbsp;", "&ndash;", "&minus;", "\\/", "\\t")


@given(st.data(), dates, spelt, digits | interim, digits | interim, st.sampled_from(sorted(ESCAPED)))
def test_nor_where_signs_are_escaped(data, date, spelling, last, other, how):
    written, between = spelling
    born = birth(date, written) + between
    chosen = data.draw(st.lists(st.booleans(), min_size=len(born) + 4, max_size=len(born) + 4))

    def escaped(text: str) -> str:
        signs = zip(text, chosen, strict=True)
        return "".join(ESCAPED[how](sign) if is_chosen else sign for sign, is_chosen in signs)

    shown, shown_of_other = redact(escaped(born + last)), redact(escaped(born + other))
    assert shown == shown_of_other
    assert shown.endswith("****")
    assert redact(shown) == shown
    with knowing(lambda: [f"{birth(date, BORN['12'])}{last}"]):
        assert redact(escaped(born + last)) == shown


@pytest.mark.parametrize("name", NAMED)
def test_nor_where_a_sign_is_named(name):
    assert redact(f"19900101{name}1234") == f"19900101{name}****"
    assert redact(f"1990{name}01{name}01{name}1234" if name == "\\/" else f"900101{name}1234").endswith("****")


@pytest.mark.parametrize(
    "text", ["100%25 av 12", "a &amp; b", r"C:\user\new", "%E5%E4%F6", "?next=%2Fflows%2F2026%2F1234"]
)
def test_what_is_escaped_and_no_national_id_stays(text):
    assert redact(text) == text


GAPS = st.sampled_from(["", "", "", " ", "-", ".", " - ", "\u00a0", "–", "·", "\n", "(", "/"])


@given(st.data(), dates, st.booleans(), digits | interim)
def test_whose_it_is_known_is_hidden_whatever_stands_between_the_signs(data, date, is_short, last):
    ten = birth(date, BORN["10"]) + last
    text = "".join(sign + data.draw(GAPS) for sign in (ten if is_short else f"{date.year // 100}{ten}"))
    text = text.upper() if data.draw(st.booleans()) else text.lower()
    with knowing(lambda: ["", "AB12", birth(date, BORN["12"]) + last]):
        hidden = redact(f"{text} saknas")
        assert redact(hidden) == hidden
    assert ten.lower() not in re.sub(r"\W", "", hidden.lower())
    assert hidden.endswith("saknas")


def test_of_whom_nothing_is_known_a_number_that_could_be_anything_stays():
    text = "Order 1990 0101 1234, 2026-01-15 och 5,5 hp"
    with knowing(lambda: ["199102021234", "T199001"]):
        assert redact(text) == text
    with knowing(lambda: ["199001011234"]):
        assert redact(text) == "Order 1990 0101 ****, 2026-01-15 och 5,5 hp"
    assert redact(text) == text


def test_nobody_is_asked_for_where_a_text_holds_no_number():
    def asked() -> list[str]:
        raise AssertionError

    with knowing(asked):
        assert redact("Studenten är inte registrerad på TDDE01 2026-01-15 (FelUID 12345678)")


@given(dates, st.sampled_from([BORN["12"], BORN["10"]]), st.sampled_from(["", "-"]), digits, digits, st.integers(-1, 1))
@example(dt.date(2001, 12, 31), BORN["12"], "", "0000", "0001", -1)
@example(dt.date(1920, 1, 1), BORN["10"], "", "0000", "0100", 1)
def test_nor_with_a_digit_too_many_or_too_few(date, written, between, last, other, more):
    last, other = (part[:3] if more < 0 else part + "7" * more for part in (last, other))
    born = birth(date, written) + between
    if more and len(born) == 6 + len(between) and (more < 0 or between):
        return  # nine digits are any number, and so are six and five
    shown = redact(born + last)
    assert shown == redact(born + other)
    assert shown.endswith("****")
    assert born.startswith(shown.removesuffix("****"))
    assert len(shown) >= 6
    assert re.sub(r"\D", "", born).startswith(mask(born + last).removesuffix("-****"))
