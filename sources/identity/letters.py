"""Where letters about somebody's own account go, and in which language."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage

from sources.models import Membership

logger = logging.getLogger(__name__)


def language_of(user_pk: int) -> str:
    """That of the person's e-mails."""
    languages = Membership.objects.filter(user_id=user_pk).exclude(language="").values_list("language", flat=True)
    return languages.order_by("pk").first() or settings.LANGUAGE_CODE


def address_of(user: Any) -> str:
    """The person's e-mail address; empty where none is known."""
    return user.email or (user.username if "@" in user.username else "")


def send(written: EmailMessage, user_pk: int) -> None:
    """A letter that the mail server does not take is told in the log, and not written again."""
    try:
        written.send()
    except OSError as error:
        logger.warning("sign_in.letter.not_sent user=%s reason=%s", user_pk, type(error).__name__)
