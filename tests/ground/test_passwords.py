"""Passwords that are tried first are refused; others are not."""

import pytest

from ladokflow.passwords import is_common


@pytest.mark.parametrize(
    "password",
    [
        "Sommar2026!", "sommar2026", "!!Hösten2025", "VINTER-2026-vinter", "Lösenord123!", "L0senord1234", "P@ssw0rd2026",
        "Linköping2026!", "hejhej12345", "HejHej!2026", "Student2026#", "wiseflow2026", "Ladok12345", "1234567890", "2026-11-28!",
        "Kanelbulle99!", "Stockholm.123", "qwerty123456", "Djurgården1891", "Anna1990Anna", "!!!!!!!!!!!!", "Måndag2026!",
    ],
)  # fmt: skip
def test_a_common_word_with_something_about_it_is_refused(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize(
    "password",
    [
        "korrekt häst batteri häftklammer",
        "tentamen skriver zebra i Kiruna",
        "x7#Kp2vQ9mLw",
        "Vargtass-lyfter-9-kaffesump",
        "blomkruka!Traktor77gran",
    ],
)
def test_several_words_and_what_is_random_are_not(password: str) -> None:
    assert not is_common(password)
