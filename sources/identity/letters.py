"""Where letters about somebody's own account go, and in which language."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from sources.models import Membership


def language_of(user_pk: int) -> str:
    """That of the person's e-mails."""
    languages = Membership.objects.filter(user_id=user_pk).exclude(language="").values_list("language", flat=True)
    return languages.order_by("pk").first() or settings.LANGUAGE_CODE


def address_of(user: Any) -> str:
    """The person's e-mail address; empty where none is known."""
    return user.email or (user.username if "@" in user.username else "")
