"""E-mails where there is no mail server: on the screen, as somebody would read them."""

from __future__ import annotations

import textwrap

from django.core.mail import EmailMessage
from django.core.mail.backends.console import EmailBackend as Console

LINE = "-" * 72


class EmailBackend(Console):
    """Django's own prints the message as it is sent, with Swedish letters as codes."""

    def write_message(self, message: EmailMessage) -> None:
        text = f"E-mail to {', '.join(message.recipients())}\n{message.subject}\n\n{message.body.strip()}"
        self.stream.write(f"{LINE}\n{textwrap.indent(text, '  ')}\n{LINE}\n")
