"""A forgotten password is chosen anew by a letter. Nobody learns from it which addresses are known."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import default_token_generator
from django.core.cache import cache
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext

from ladokflow.mail import letter
from ladokflow.queue import enqueue
from sources.identity.letters import address_of, language_of, send
from sources.identity.recording import record_everywhere

logger = logging.getLogger(__name__)
NOBODY = 0
SECONDS_BETWEEN_LETTERS = 300


def name_of_account(typed: str) -> str:
    """The user name that was meant: as it is written, or else the only one that differs by capital letters or has this e-mail."""
    people = get_user_model().objects.all()
    if people.filter(username=typed).exists():
        return typed
    for spelled in ("username__iexact", "email__iexact"):
        found = people.filter(**{spelled: typed}).values_list("username", flat=True)[:2]
        if found:
            return str(found[0]) if len(found) == 1 else typed
    return typed


def ask_for_letter(name: str) -> None:
    """Have a letter sent to whom the name or address belongs, if anybody. As much is done for nobody, so that it takes as long."""
    people = get_user_model().objects.filter(Q(username__iexact=name) | Q(email__iexact=name), is_active=True)
    found = [user for user in people.order_by("pk")[:5] if user.has_usable_password()]
    enqueue("sources.tasks.send_password_letter", found[0].pk if found else NOBODY)


def send_letter(pk: int) -> None:
    """Called by a worker. One in a while: nobody's mailbox is filled by somebody else."""
    user: Any = get_user_model().objects.filter(pk=pk, is_active=True).first()
    if user is None or not address_of(user) or not cache.add(f"password-letter-{pk}", 1, SECONDS_BETWEEN_LETTERS):
        return
    with translation.override(language_of(pk)):
        link = reverse(
            "password_new", args=[urlsafe_base64_encode(force_bytes(pk)), default_token_generator.make_token(user)]
        )
        lines = [
            gettext("Somebody, you or those who run LadokFlow, has asked for a new password for you."),
            gettext("Open this link within an hour to choose it:"),
            f"{settings.PUBLIC_URL}{link}",
            "",
            gettext("If you want none, do nothing: your password stays as it is."),
        ]
        send(letter(address_of(user), gettext("LadokFlow: choose a new password"), lines), pk)


@transaction.atomic
def has_changed(user: Any, code: str, *, address: str | None) -> None:
    """Put on record that the person has another password, and tell them."""
    record_everywhere(user, code, actor=user, address=address)
    enqueue("sources.tasks.tell_of_password", user.pk)


def tell(pk: int) -> None:
    """Called by a worker: whoever has not done it themselves is to know."""
    user: Any = get_user_model().objects.filter(pk=pk, is_active=True).first()
    if user is None or not address_of(user):
        return
    with translation.override(language_of(pk)):
        lines = [
            gettext("Your password in LadokFlow has been changed."),
            gettext("If it was not you, choose a new one at once, and tell those who run LadokFlow:"),
            f"{settings.PUBLIC_URL}{reverse('password_forgotten')}",
        ]
        send(letter(address_of(user), gettext("LadokFlow: your password has been changed"), lines), pk)
