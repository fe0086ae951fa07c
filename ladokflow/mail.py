"""The e-mails that LadokFlow writes; and, where there is no mail server, how they stand on the screen."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from django.core.mail import EmailMessage
from django.core.mail.backends.console import EmailBackend as Console

LINE = "-" * 72


def letter(to: str, subject: str, lines: Iterable[str]) -> EmailMessage:
    """One that nobody's answering machine answers."""
    return EmailMessage(subject=subject, body="\n".join(lines), to=[to], headers={"Auto-Submitted": "auto-generated"})


class EmailBackend(Console):
    """Django's own prints the message as it is sent, with Swedish letters as codes."""

    def write_message(self, message: EmailMessage) -> None:
        text = f"E-mail to {', '.join(message.recipients())}\n{message.subject}\n\n{message.body.strip()}"
        self.stream.write(f"{LINE}\n{textwrap.indent(text, '  ')}\n{LINE}\n")
