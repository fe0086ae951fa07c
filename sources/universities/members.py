"""People and their places at sources, as far as Django's own user row is concerned."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from ladokflow.changes import kind_of
from ladokflow.messages import message
from sources.audit import record
from sources.models import ApiToken, Membership, OAuthClient, Source
from sources.universities.permissions import Right, rights_of


def known_at(email: str) -> AbstractBaseUser | None:
    """The person with this address, if there is one."""
    people = get_user_model().objects
    return (
        people.filter(username__iexact=email.strip()).first()
        or people.filter(email__iexact=email.strip()).order_by("pk").first()
    )


def person_at(email: str) -> AbstractBaseUser:
    """The person with this address; a new one cannot sign in with a password until somebody gives them one."""
    model = get_user_model()
    email = email.strip()
    user: Any = known_at(email)
    if user is None:
        user = model(username=email.lower(), email=email.lower())
        user.set_unusable_password()
        user.save()
    person: AbstractBaseUser = user
    return person


def update_admin_access(user_pk: Any) -> None:
    """Who may look at a source's settings may enter the administration; whoever no longer may at any source may not. Call it in the
    transaction that changes a membership. What they may do there comes from the membership itself (`sources/admin/scope.py`).
    """
    is_one = any(Right.INSPECT in rights_of(row) for row in Membership.objects.filter(user_id=user_pk))
    get_user_model().objects.filter(pk=user_pk, is_superuser=False).exclude(is_staff=is_one).update(is_staff=is_one)


def remove(membership: Membership, *, by: AbstractBaseUser | AnonymousUser | None, address: str | None) -> None:
    """What acts as the member goes with the membership, on record. Call it in a transaction; `by` is None for a rule."""
    email = membership.user.get_username()
    for model in (ApiToken, OAuthClient):
        for access in model._default_manager.filter(membership=membership):
            facts = {"kind": kind_of(model), "access": access.label, "email": email}
            told = message("admin.api_access_deleted", **facts)
            record(message=told, source=membership.source, actor=by, address=address)
    membership.delete()
    update_admin_access(membership.user_id)


def may_export(source: Source, user: AbstractBaseUser) -> bool:
    return Membership.objects.filter(source=source, user_id=user.pk, can_export=True).exists()
