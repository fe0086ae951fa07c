"""Security keys and passkeys as second factors (WebAuthn)."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from ladokflow.messages import Refused, message
from sources.identity.recording import record_everywhere
from sources.models import SecondFactor

logger = logging.getLogger(__name__)

RP_NAME = "LadokFlow"
NO_ANSWER = (WebAuthnException, ValueError, KeyError, TypeError)  # what the browser sent is none to the challenge


def creation(user: Any, host: str) -> tuple[str, str]:
    """What the browser is asked to make a key with, as JSON, and its challenge, to be at hand when it answers."""
    options = generate_registration_options(
        rp_id=host,
        rp_name=RP_NAME,
        user_id=hashlib.sha256(f"{settings.PUBLIC_URL} {user.pk}".encode()).digest(),
        user_name=user.get_username(),
        user_display_name=user.get_full_name() or user.get_username(),
        exclude_credentials=_descriptors(user),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED, user_verification=UserVerificationRequirement.PREFERRED
        ),
    )
    return options_to_json(options), bytes_to_base64url(options.challenge)


@transaction.atomic
def add_key(
    user: Any, *, answered: str, challenge: str, host: str, origin: str, name: str, address: str | None
) -> SecondFactor:
    """Refused where the browser's answer is not one to the challenge."""
    try:
        made = verify_registration_response(credential=answered, **_expected(challenge, host, origin))
        with transaction.atomic():
            factor = SecondFactor.objects.create(
                user=user,
                kind=SecondFactor.Kind.KEY,
                name=name,
                credential_id=bytes_to_base64url(made.credential_id),
                public_key=bytes_to_base64url(made.credential_public_key),
                sign_count=made.sign_count,
            )
    except (*NO_ANSWER, IntegrityError) as error:
        logger.warning("sign_in.key.refused user=%s reason=%s", user.pk, type(error).__name__)
        raise Refused(message("identity.wrong_key")) from error
    record_everywhere(user, "identity.factor_added", actor=user, factor=name, address=address)
    return factor


def asking(user: Any, host: str) -> tuple[str, str]:
    """As `creation`, to be signed with a key that there is."""
    options = generate_authentication_options(
        rp_id=host, allow_credentials=_descriptors(user), user_verification=UserVerificationRequirement.PREFERRED
    )
    return options_to_json(options), bytes_to_base64url(options.challenge)


def takes_key(user: Any, *, answered: str, challenge: str, host: str, origin: str) -> bool:
    """Whether one of the person's keys has signed the challenge."""
    for factor in _keys_of(user):
        try:
            signed = verify_authentication_response(
                credential=answered,
                **_expected(challenge, host, origin),
                credential_public_key=base64url_to_bytes(factor.public_key),
                credential_current_sign_count=factor.sign_count,
            )
        except NO_ANSWER as error:
            logger.info("sign_in.key.not_it factor=%s reason=%s", factor.pk, type(error).__name__)
            continue
        if bytes_to_base64url(signed.credential_id) == factor.credential_id:
            SecondFactor.objects.filter(pk=factor.pk).update(sign_count=signed.new_sign_count, used_at=timezone.now())
            return True
    return False


def _expected(challenge: str, host: str, origin: str) -> dict[str, Any]:
    """Of whatever a key answers."""
    return {
        "expected_challenge": base64url_to_bytes(challenge),
        "expected_rp_id": host,
        "expected_origin": origin,
        "require_user_verification": False,
    }


def _keys_of(user: Any) -> QuerySet[SecondFactor]:
    return SecondFactor.objects.filter(user=user, kind=SecondFactor.Kind.KEY)


def _descriptors(user: Any) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(key.credential_id)) for key in _keys_of(user)]
