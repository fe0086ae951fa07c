"""A new member gets a letter with a link. It lets them in once, until it expires, is withdrawn, or another one is sent."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import secrets
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext

from ladokflow.dates import moment_in_words
from ladokflow.mail import letter
from ladokflow.messages import Refused, message
from ladokflow.queue import enqueue
from sources.audit import record
from sources.identity.letters import address_of
from sources.models import Invitation, Membership

logger = logging.getLogger(__name__)


def can_sign_in(user: Any) -> bool:
    return user.has_usable_password() or user.identities.exists()


@transaction.atomic
def invite(membership: Membership, *, by: Any = None, address: str | None = None) -> Invitation:
    """Have a letter sent; one that was sent before leads nowhere from now on. Refused for somebody who needs none, or cannot get it."""
    user, who = membership.user, {"email": membership.user.get_username()}
    if not user.is_active:
        raise Refused(message("identity.account_inactive", **who))
    if can_sign_in(user):
        raise Refused(message("identity.can_sign_in_already", **who))
    if not address_of(user):
        raise Refused(message("identity.no_address", **who))
    _close(membership)
    invitation = Invitation.objects.create(
        membership=membership,
        invited_by=by,
        expires_at=timezone.now() + dt.timedelta(days=settings.INVITATION_DAYS),
    )
    record(message=message("identity.invited", **who), source=membership.source, actor=by, address=address)
    enqueue("sources.tasks.send_invitation", invitation.pk)
    return invitation


@transaction.atomic
def withdraw(membership: Membership, *, by: Any = None, address: str | None = None) -> bool:
    """Whether there was one."""
    if not _close(membership):
        return False
    told = message("identity.invitation_withdrawn", email=membership.user.get_username())
    record(message=told, source=membership.source, actor=by, address=address)
    return True


def _close(membership: Membership) -> int:
    Membership.objects.select_for_update().get(pk=membership.pk)
    return membership.invitations.filter(used_at=None, withdrawn_at=None).update(withdrawn_at=timezone.now())


# --- The letter


def send(pk: int) -> None:
    """Called by a worker. The secret of the link is made here, and is nowhere but in the letter."""
    secret = secrets.token_urlsafe(32)
    if not Invitation.objects.open().filter(pk=pk, sent_at=None).update(digest=digest_of(secret)):
        return
    invitation = Invitation.objects.select_related("membership__user", "membership__source", "invited_by").get(pk=pk)
    try:
        with translation.override(invitation.membership.language or settings.LANGUAGE_CODE):
            _letter(invitation, secret).send()
    except OSError as error:
        Invitation.objects.filter(pk=pk).update(could_not_be_sent=True)
        logger.warning("sign_in.invitation.not_sent invitation=%s reason=%s", pk, type(error).__name__)
        return
    Invitation.objects.filter(pk=pk).update(sent_at=timezone.now(), could_not_be_sent=False)
    logger.info("sign_in.invitation.sent invitation=%s", pk)


def _letter(invitation: Invitation, secret: str) -> Any:
    source = invitation.membership.source
    until = moment_in_words(invitation.expires_at, source.tz)
    by = invitation.invited_by
    return letter(
        address_of(invitation.membership.user),
        gettext("LadokFlow: you are invited by %(source)s") % {"source": source.name},
        [
            gettext("%(who)s has made you a member of %(source)s in LadokFlow, as %(role)s.")
            % {
                "who": (by.get_full_name() or by.get_username()) if by else gettext("Your university"),
                "source": source.name,
                "role": invitation.membership.get_role_display().lower(),
            },
            gettext("LadokFlow makes exams in WISEflow from Ladok, and sends the grades back."),
            "",
            gettext("Open this link to choose how you sign in. It can be used once, until %(until)s:")
            % {"until": until},
            f"{settings.PUBLIC_URL}{reverse('invitation_link', args=[secret])}",
            "",
            gettext("If you do not know what this is about, do nothing: nobody gets in without the link."),
        ],
    )


# --- The link


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def invitation_of(digest: str) -> Invitation:
    """The invitation whose link was opened. Refused where it lets nobody in any more."""
    found = (
        Invitation.objects.open()
        .select_related("membership__user", "membership__source")
        .filter(digest=digest, membership__user__is_active=True)
        .first()
    )
    if found is None or can_sign_in(found.membership.user):
        raise Refused(message("identity.link_is_void"))
    return found


def use(digest: str, *, address: str | None) -> Invitation:
    """Take the invitation up, once. Call it in the transaction that lets the person in; Refused where somebody was first."""
    Invitation.objects.select_for_update().filter(digest=digest).first()
    invitation = invitation_of(digest)
    user = invitation.membership.user
    now = timezone.now()
    Invitation.objects.filter(pk=invitation.pk).update(used_at=now)
    # They can sign in now: what others have sent them meanwhile is not needed.
    Invitation.objects.open().filter(membership__user=user).update(withdrawn_at=now)
    told = message("identity.invitation_used", email=user.get_username())
    record(message=told, source=invitation.membership.source, actor=user, address=address)
    return invitation
