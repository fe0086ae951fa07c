"""Messages: what others say at the end of a sentence of ours does not run into the next one."""

from __future__ import annotations

import pytest
from django.utils import translation

from ladokflow.messages import message


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Felet", "Felet."),
        ("Felet.", "Felet."),
        ("Varför?", "Varför?"),
        ("Kursen är ”stängd.”", "Kursen är ”stängd.”"),
        ("Se bilaga (2)", "Se bilaga (2)."),
        ("Vänta …", "Vänta …"),
    ],
)
def test_words_of_others_end_with_a_full_stop(said: str, shown: str) -> None:
    with translation.override("en"):
        told = message("answer.person_rejected", said=said)
        assert str(told).startswith(f"Ladok rejected the grade: {shown} It was not registered.")


def test_where_nothing_was_said_nothing_is_added() -> None:
    with translation.override("en"):
        assert message("answer.not_found", said="").what == "Ladok has no such exam to export to (HTTP 404)."
        assert message("answer.exported", count=1).effect == ""


def test_who_can_act_on_a_message_inside_another_is_told() -> None:
    refused = message("answer.unauthorised", said="").to_json()
    with translation.override("en"):
        assert message("export.of_code", code="C2", cause=refused).who == "Your licence admin"
        assert message("attempt.remote", cause=refused).who == "You, as manager"
