"""Second factors: codes of an app (TOTP, RFC 6238), and codes to keep for when it is lost. Keys have a module of their own."""

from __future__ import annotations

import hashlib
import logging
import secrets
from typing import Any

import pyotp
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from ladokflow.messages import Refused, message
from sources.identity.recording import record_everywhere
from sources.models import RecoveryCode, SecondFactor

logger = logging.getLogger(__name__)

STEP = 30  # seconds that a code is shown
DRIFT = 1  # steps that the clock of a phone may be off, to either side
RECOVERY_CODES = 10
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none is taken for another
ISSUER = "LadokFlow"


def is_required(user: Any) -> bool:
    return settings.REQUIRE_SECOND_FACTOR and (user.is_superuser or user.is_staff)


# --- An app with codes


def new_secret() -> str:
    return pyotp.random_base32()


def uri_of(secret: str, user: Any) -> str:
    """What the app reads out of the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=user.get_username(), issuer_name=ISSUER)


@transaction.atomic
def add_app(user: Any, *, secret: str, code: str, name: str, address: str | None) -> SecondFactor:
    """Refused where the code is not one of the secret's at this time."""
    step = _step_of(secret, code, after=0)
    if not step:
        raise Refused(message("identity.wrong_code"))
    factor = SecondFactor.objects.create(
        user=user, kind=SecondFactor.Kind.APP, name=name, secret=secret, last_step=step
    )
    record_everywhere(user, "identity.factor_added", actor=user, factor=name, address=address)
    return factor


def _step_of(secret: str, code: str, *, after: int) -> int:
    """The half minute that the code belongs to, if it is near and later than `after`; else 0."""
    now = int(timezone.now().timestamp()) // STEP
    app = pyotp.TOTP(secret, interval=STEP)
    for step in range(now - DRIFT, now + DRIFT + 1):
        if step > after and constant_time_compare(app.at(step * STEP), code):
            return step
    return 0


def takes_code(user: Any, typed: str, *, address: str | None) -> bool:
    """Whether it is a code of one of the person's apps, or one to keep; it is used up by that."""
    code = "".join(sign for sign in typed.lower() if sign.isalnum())
    return _takes_app_code(user, code) or _takes_recovery_code(user, code, address)


def _takes_app_code(user: Any, code: str) -> bool:
    if not (code.isascii() and code.isdigit()):
        return False
    for factor in SecondFactor.objects.filter(user=user, kind=SecondFactor.Kind.APP):
        step = _step_of(factor.secret, code, after=factor.last_step)
        # Of two who come with the same code at the same time one gets in.
        used = {"last_step": step, "used_at": timezone.now()}
        if step and SecondFactor.objects.filter(pk=factor.pk, last_step__lt=step).update(**used):
            return True
    return False


# --- Codes to keep


@transaction.atomic
def new_recovery_codes(user: Any, *, address: str | None) -> list[str]:
    """To be shown once; those of before are void."""
    codes = ["".join(secrets.choice(LETTERS) for _ in range(16)) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=_digest(code)) for code in codes)
    record_everywhere(user, "identity.recovery_codes_made", actor=user, address=address)
    return ["-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in codes]


@transaction.atomic
def _takes_recovery_code(user: Any, code: str, address: str | None) -> bool:
    unused = RecoveryCode.objects.filter(user=user, digest=_digest(code), used_at=None)
    if not unused.update(used_at=timezone.now()):
        return False
    record_everywhere(user, "identity.recovery_code_used", actor=user, address=address)
    return True


def recovery_codes_left(user: Any) -> int:
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


# --- Taking away


@transaction.atomic
def remove(factor: SecondFactor, *, address: str | None) -> None:
    """By the person. Refused where they need one and it is their last."""
    mine = list(SecondFactor.objects.select_for_update().filter(user=factor.user_id))
    if len(mine) == 1 and is_required(factor.user):
        raise Refused(message("identity.last_factor"))
    record_everywhere(factor.user, "identity.factor_removed", actor=factor.user, factor=factor.name, address=address)
    factor.delete()
    if len(mine) == 1:
        RecoveryCode.objects.filter(user=factor.user_id).delete()


@transaction.atomic
def remove_all(user: Any, *, by: Any = None, address: str | None = None) -> int:
    """By those who run LadokFlow, for somebody who has lost them all. How many there were."""
    mine = list(SecondFactor.objects.select_for_update().filter(user=user))
    for factor in mine:
        record_everywhere(user, "identity.factor_removed", factor=factor.name, actor=by, address=address)
    SecondFactor.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    return len(mine)
