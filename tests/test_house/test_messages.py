"""Messages: what is stored is shown, whatever version wrote it; what others say at the end of a sentence of ours does not run into the next one."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from ladokflow.choices import with_trait
from ladokflow.messages import CATALOGUE, Message, Trait, message
from sources.models import Flow
from tests.factories import FlowFactory
from tests.test_house.test_message_codes import placeholders


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


WORDLESS = "What was written here by another version of LadokFlow cannot be shown in words ({})."


@pytest.mark.parametrize(
    "stored",
    [
        {"code": "export.of_another_version", "params": {"count": 3}},
        {"code": "export.of_another_version"},
        {"code": "export.marking_ends_at", "params": {}},
        {"code": "export.marking_ends_at", "params": None},
        {"code": "export.marking_ends_at"},
        {"code": "export.ready", "params": {}},
        {"code": "export.ready", "params": [3]},
        {"params": {"at": "today"}},
        {"code": 7},
        {"code": ["export.ready"]},
        "export.ready",
        ["export.ready"],
        7,
        True,
    ],
    ids=str,
)
def test_a_stored_message_that_the_catalogue_does_not_know_says_what_is_known_and_what_to_do(stored: Any) -> None:
    with translation.override("en"):
        told = Message.from_json(stored)
        assert told
        assert told.what == WORDLESS.format(told.code or "–")
        assert str(told).startswith(told.what)
        assert not told.has(Trait.CHANGED)
        assert not told.is_due_to(Trait.CHANGED)
        if told.code not in CATALOGUE:
            assert told.todo.startswith("Go by the state that is shown.")
            assert told.who == "Those who run LadokFlow"


def test_what_a_message_without_a_parameter_can_still_say_is_said() -> None:
    with translation.override("en"):
        told = Message("sources.end_outside", {})
        assert told.what == WORDLESS.format("sources.end_outside")
        assert told.todo.startswith("See the person's end on the flow in WISEflow")
        assert told.who == "You, as manager"


def test_a_parameter_too_many_is_not_heeded() -> None:
    with translation.override("en"):
        told = message("export.ready", count=3)
        assert str(Message(told.code, {**told.params, "more": {"code": "x"}})) == str(told)


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize("value", [None, "x", 3, True, [], {}, {"code": "gone"}, {"code": "x", "params": [1]}], ids=str)
def test_every_message_there_is_can_be_shown_whatever_its_parameters_are(value: Any, language: str) -> None:
    with translation.override(language):
        for code in CATALOGUE:
            told = Message.from_json({"code": code, "params": dict.fromkeys(placeholders(code), value)})
            assert told
            assert told.what
            assert all(isinstance(part, str) for part in (told.what, told.effect, told.todo, told.who, str(told)))


def test_messages_of_a_row_that_holds_something_else_are_shown_too() -> None:
    known = message("export.ready", count=3)
    assert Message.list_from_json([known.to_json(), "x", 3, {}, None]) == [known, Message(""), Message("")]
    assert Message.list_from_json({"code": "x"}) == [Message("x")]
    assert Message.list_from_json("x") == [Message("")]
    assert Message.list_from_json(None) == []


def test_a_message_inside_another_that_the_catalogue_does_not_know_is_a_plain_sentence() -> None:
    with translation.override("en"):
        told = Message.from_json(
            {"code": "export.of_code", "params": {"code": "C1", "cause": {"code": "answer.of_another_version"}}}
        )
        assert told
        assert told.what == f"C1: {WORDLESS.format('answer.of_another_version')}"
        assert told.who == "Those who run LadokFlow"


def test_it_is_kept_as_it_was_stored() -> None:
    stored = {"code": "export.of_another_version", "params": {"count": 3}}
    told = Message.from_json(stored)
    assert told
    assert told.to_json() == stored


def test_a_message_is_only_made_of_a_code_that_is_there() -> None:
    with pytest.raises(ValueError, match="Unknown message code"):
        message("export.of_another_version")


@pytest.mark.django_db
def test_rows_are_found_by_a_trait_of_their_message() -> None:
    codes = ["export.ready", "export.ready_but", "export.some_changed", "export.of_another_version"]
    for code in codes:
        FlowFactory(export_message={"code": code, "params": {}})
    FlowFactory(export_message={})
    ready = Flow.objects.filter(with_trait("export_message", Trait.READY))
    assert set(ready.values_list("export_message__code", flat=True)) == {"export.ready", "export.ready_but"}
    assert not Flow.objects.filter(with_trait("export_message", Trait.BRAKE)).exists()
