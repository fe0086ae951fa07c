"""Invented people. Every personnummer is made up: a birth number in the nine hundreds and a check digit that fits."""

from __future__ import annotations

import random
import unicodedata
import uuid
from typing import Any

FIRST_NAMES = (
    "Åsa", "Björn", "Östen", "Märta", "Anna-Karin", "Lars-Göran", "Maj-Britt", "Per", "Ida", "Oskar", "Ebba", "Elsa", "Hampus",
    "Linnéa", "Jörgen", "Håkan", "Åke", "Sören", "Ylva", "Görel", "Nils", "Saga", "Tuva", "Alva", "Wilma", "Viktor", "Elias",
    "Amina", "Yusuf", "Gülşen", "Zeynep", "Mehmet", "Fatima", "Ali", "Zoë", "José", "François", "Søren", "Łukasz", "Nguyễn",
    "Lars Erik", "Anna Maria", "Karl Johan", "Eva-Lotta", "Jan-Olof", "Britt-Marie", "Freja", "Signe", "Sixten", "Bo", "Li",
)  # fmt: skip
LAST_NAMES = (
    "Åberg", "Ängström", "Östlund", "Sjöström", "Björklund", "Lindqvist", "Bäckström", "Söderberg", "Öberg", "Åkesson", "Hägg",
    "Nilsson", "Andersson", "Johansson", "Karlsson", "Svensson", "Gustafsson", "Pettersson", "Jönsson", "Hansson", "Löfgren",
    "Sjö-Berg", "Ek-Lundström", "af Ekenstam", "von Essen", "De Geer", "Nguyễn", "Yılmaz", "Özdemir", "Al-Hassan", "Haddad",
    "García López", "O'Connor", "Kowalski", "Lindgren Åhs", "Strömbäck", "Wåhlin", "Fällman", "Mård", "Grönqvist", "Hjälm",
)  # fmt: skip


def plain(text: str) -> str:
    """Lower-case a-z only: what a user name is made of."""
    text = text.replace("ø", "o").replace("ł", "l").replace("Ø", "O").replace("Ł", "L").replace("ı", "i")
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "".join(letter for letter in folded if letter.isalpha())


def check_digit(nine: str) -> int:
    """The tenth digit of a personnummer, from the nine before it (Luhn)."""
    total = 0
    for place, digit in enumerate(nine):
        product = int(digit) * (2 - place % 2)
        total += product // 10 + product % 10
    return -total % 10


def personnummer(rng: random.Random, *, is_temporary: bool = False) -> str:
    """`YYYYMMDD-NNNN`; a temporary one (for those without a Swedish number) has a T after the dash."""
    year, month, day = rng.randint(1962, 2007), rng.randint(1, 12), rng.randint(1, 28)
    born = f"{year}{month:02}{day:02}"
    serial = f"{rng.randint(900, 999)}"
    if is_temporary:
        return f"{born}-T{serial}"
    return f"{born}-{serial}{check_digit(born[2:] + serial)}"


def person(rng: random.Random, taken: set[str], domain: str) -> dict[str, Any]:
    """One student, in words of no university's own. `taken` holds the names and numbers in use and gets the new ones."""
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    stem = (plain(first)[:3] + plain(last)[:2]).ljust(5, "x")
    name = f"{stem}{rng.randint(100, 999)}"
    while name in taken:
        name = f"{stem}{rng.randint(100, 9999)}"
    taken.add(name)
    chance = rng.random()
    number = personnummer(rng, is_temporary=chance < 0.04)
    while number in taken:
        number = personnummer(rng, is_temporary=chance < 0.04)
    taken.add(number)
    return {
        "organisation_id": f"{name}@{domain}",
        "national_id": number,
        "first_name": first,
        "last_name": last,
        "email": "" if 0.04 <= chance < 0.08 else f"{plain(first)}.{plain(last)}.{name[5:]}@{domain}",
        "student_uid": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "needs_time": rng.random() < 0.06,
    }


def register(rng: random.Random, count: int, domain: str) -> list[dict[str, Any]]:
    """The students of a university: exams draw theirs from here, so the same person writes several."""
    taken: set[str] = set()
    return [person(rng, taken, domain) for _ in range(count)]


def taken_in(students: list[dict[str, Any]]) -> set[str]:
    """The names and numbers that nobody new may have."""
    names = {student["organisation_id"].partition("@")[0] for student in students}
    return names | {student["national_id"] for student in students}
