"""An e-mail that is printed can be read."""

import io

from django.core.mail import EmailMessage

from ladokflow.mail import EmailBackend


def test_a_printed_e_mail_is_text_and_not_the_codes_it_travels_in() -> None:
    screen = io.StringIO()
    body = "Betygen för Åsa Sjö-Berg är exporterade.\n\nhttps://ladokflow.example/flows/1/" + " lång" * 40
    message = EmailMessage("LadokFlow: rättigheter", body, "ladokflow@localhost", ["anna@liu.example"])
    assert EmailBackend(stream=screen).send_messages([message]) == 1
    said = screen.getvalue()
    assert "E-mail to anna@liu.example\n  LadokFlow: rättigheter\n" in said
    assert "Åsa Sjö-Berg är exporterade.\n\n  https://ladokflow.example/flows/1/" in said
    assert "Content-Type" not in said
