"""Who somebody is here whom their university has signed in, and what they are a member of by that.

A person is recognised by issuer and subject, and by nothing else. The first time there is an account for them where they come by their
invitation, have signed in here otherwise just before, are called by a member's organisation id within a scope that the source names, or
bring what a rule makes a member of. An e-mail address joins nobody to an account.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from ladokflow.changes import change, changes
from ladokflow.federation.subject import ASSURANCE, LOCAL_ID, Asserted, Subject
from ladokflow.identifiers import normal
from ladokflow.messages import Message, Refused, message
from sources.audit import record
from sources.identity import invitations
from sources.identity.recording import record_everywhere
from sources.models import FederatedIdentity, GivenMembership, Membership, MembershipRule, SeenAssertion, Source
from sources.universities.members import remove, update_admin_access
from sources.universities.rights import tell_later

logger = logging.getLogger(__name__)
# Who has several roles at a source by rule has the one that may most.
WEIGHT = {Membership.Role.LICENCE_ADMIN.value: 2, Membership.Role.MANAGER.value: 1}
LONGEST_NAME = 150  # of Django's columns


def take_once(asserted: Asserted) -> Subject:
    """Refused where somebody has come with the assertion before: the database knows, whichever process took it."""
    SeenAssertion.objects.filter(expires_at__lt=timezone.now()).delete()
    ends = dt.datetime.fromtimestamp(asserted.ends_at, dt.UTC)
    try:
        with transaction.atomic():
            SeenAssertion.objects.create(digest=asserted.digest, expires_at=ends)
    except IntegrityError as error:
        raise _refused(message("federation.replayed"), asserted.subject) from error
    return asserted.subject


def person_of(subject: Subject, *, address: str | None, invitation: str = "", joined_to: Any = None) -> Any:
    """The account of whom the provider has signed in, with the memberships they have by that; None where they have no place here.

    `invitation` is the digest of the link that they came by, `joined_to` the account they have signed in with otherwise.
    """
    try:
        return _person_of(subject, address=address, invitation=invitation, joined_to=joined_to)
    except IntegrityError:  # the same person at the same time, in another window
        return _person_of(subject, address=address, invitation=invitation, joined_to=joined_to)


@transaction.atomic
def _person_of(subject: Subject, *, address: str | None, invitation: str, joined_to: Any) -> Any:
    identity = (
        FederatedIdentity.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(issuer=subject.issuer, subject=subject.subject)
        .first()
    )
    owner = invitations.use(invitation, address=address).membership.user if invitation else joined_to
    if identity is not None and owner is not None and identity.user_id != owner.pk:
        raise _refused(message("federation.anothers"), subject)
    if identity is None:
        owner = owner or _member_called(subject) or _new_person(subject)
        if owner is None:
            return None
        identity = FederatedIdentity(
            user=owner, protocol=subject.protocol, issuer=subject.issuer, subject=subject.subject
        )
    if not identity.user.is_active:
        raise _refused(message("federation.inactive"), subject)
    is_new = identity.pk is None
    _keep(identity, subject)
    _follow_rules(identity, subject, address)
    if is_new:
        record_everywhere(identity.user, "identity.linked", actor=identity.user, address=address, **_told(identity))
    has_place = identity.user.is_superuser or Membership.objects.filter(user=identity.user).exists()
    return identity.user if has_place else None


@transaction.atomic
def unlink(identity: FederatedIdentity, *, by: Any, address: str | None) -> None:
    """Take a sign-in at a university off the account, and what the person is a member of by it."""
    record_everywhere(identity.user, "identity.unlinked", actor=by, address=address, **_told(identity))
    _take_back(identity, identity.given.all(), by, address)
    identity.delete()


def _told(identity: FederatedIdentity) -> dict[str, Any]:
    return {"issuer": identity.issuer, "subject": identity.principal_name or identity.subject}


def _keep(identity: FederatedIdentity, subject: Subject) -> None:
    identity.principal_name = subject.principal_name
    identity.local_id = subject.value(LOCAL_ID)[:200]
    identity.assurance = list(subject.values(ASSURANCE))
    identity.used_at = timezone.now()
    identity.save()


# --- The first time


def _member_called(subject: Subject) -> Any:
    """Who is a member under this very name at a source that names its scope: one person, who signs in nowhere else at this provider.

    And under no other name at another source: or the licence admin of one could give away the account of another's member. A superuser is
    joined by hand only: a name is not enough to run the house.
    """
    if not subject.principal_name:
        return None
    called = Membership.objects.filter(
        organisation_id__iexact=subject.principal_name, source__sign_in_scopes__scope=subject.scope
    )
    others = Membership.objects.exclude(pk__in=called)
    found = get_user_model().objects.filter(pk__in=called.values("user_id")).exclude(pk__in=others.values("user_id"))
    people = list(found[:2])
    if len(people) != 1 or people[0].is_superuser:
        return None
    if FederatedIdentity.objects.filter(user=people[0], issuer=subject.issuer).exists():
        logger.warning("sign_in.federation.name_of_another issuer=%r user=%s", subject.issuer, people[0].pk)
        return None
    return people[0]


def _new_person(subject: Subject) -> Any:
    """An account without a password, for somebody who is a member by rule; none for anybody else."""
    if not _rules_for(subject):
        return None
    model = get_user_model()
    name = subject.principal_name[:LONGEST_NAME]
    if not name or model.objects.filter(username__iexact=name).exists():
        digest = hashlib.sha256(f"{subject.issuer}\0{subject.subject}".encode()).hexdigest()
        name = f"{subject.protocol}-{digest[:24]}"
    user = model(
        username=name,
        email=_free_address(subject.email),
        first_name=subject.value("givenName")[:LONGEST_NAME] or subject.value("given_name")[:LONGEST_NAME],
        last_name=subject.value("sn")[:LONGEST_NAME] or subject.value("family_name")[:LONGEST_NAME],
    )
    user.set_unusable_password()
    user.save()
    return user


def _free_address(email: str) -> str:
    """Members are added by their address: nobody gets another's by way of a provider."""
    is_taken = email and get_user_model().objects.filter(email__iexact=email).exists()
    return "" if is_taken else email


# --- Memberships by rule


def _rules_for(subject: Subject) -> list[MembershipRule]:
    rules = MembershipRule.objects.filter(issuer=subject.issuer).select_related("source")
    return [rule for rule in rules if rule.value in subject.values(rule.attribute)]


def _follow_rules(identity: FederatedIdentity, subject: Subject, address: str | None) -> None:
    """Memberships by this sign-in are as its rules say now. What was given by hand is left alone."""
    by_source: dict[Source, list[MembershipRule]] = {}
    for rule in _rules_for(subject):
        by_source.setdefault(rule.source, []).append(rule)
    for source, rules in by_source.items():
        _give(identity, subject, source, rules, address)
    _take_back(identity, identity.given.exclude(membership__source__in=by_source), None, address)
    update_admin_access(identity.user_id)
    identity.user.refresh_from_db()


def _take_back(identity: FederatedIdentity, given: QuerySet[GivenMembership], by: Any, address: str | None) -> None:
    for membership in [row.membership for row in given.select_related("membership__source", "membership__user")]:
        _record(identity, membership.source, "identity.member_gone_by_rule", membership.is_admin, address)
        remove(membership, by=by, address=address)


def _give(
    identity: FederatedIdentity, subject: Subject, source: Source, rules: list[MembershipRule], address: str | None
) -> None:
    wanted: dict[str, Any] = {
        "role": max({rule.role for rule in rules}, key=lambda role: WEIGHT.get(role, 0)),
        "can_export": any(rule.can_export for rule in rules),
    }
    wanted["organisation_id"] = _organisation_id(identity, subject, source)
    membership = Membership.objects.filter(source=source, user=identity.user).first()
    if membership is not None and not GivenMembership.objects.filter(membership=membership, identity=identity).exists():
        return
    is_new = membership is None
    membership = membership or Membership(source=source, user=identity.user)
    changed = [name for name, value in wanted.items() if is_new or getattr(membership, name) != value]
    if not changed:
        return
    fields = changes(
        Membership,
        [change(name, None if is_new else getattr(membership, name), wanted[name]) for name in changed],
    )
    for name in changed:
        setattr(membership, name, wanted[name])
    membership.save()
    if is_new:
        GivenMembership.objects.create(membership=membership, identity=identity)
    code = "identity.member_by_rule" if is_new else "identity.member_changed_by_rule"
    has_more = membership.is_admin or membership.can_export
    _record(identity, source, code, has_more, address, fields=fields)


def _organisation_id(identity: FederatedIdentity, subject: Subject, source: Source) -> str:
    """The principal name, where the source names its scope, and nobody else at the source is called so."""
    if not source.sign_in_scopes.filter(scope=subject.scope).exists():
        return ""
    others = (
        Membership.objects.filter(source=source).exclude(user=identity.user).values_list("organisation_id", flat=True)
    )
    return "" if normal(subject.principal_name) in map(normal, others) else subject.principal_name


def _record(
    identity: FederatedIdentity, source: Source, code: str, is_told: bool, address: str | None, **params: Any
) -> None:
    """Those who may do more than look after flows are told of to the source's licence admins, as when one of them gives the right."""
    told = message(code, email=identity.user.get_username(), issuer=identity.issuer, **params)
    entry = record(message=told, source=source, address=address)
    if is_told:
        tell_later(entry)


def whom_to_ask(scope: str) -> list[Any]:
    """The licence admins of the sources that name the scope, which is the person's."""
    if not scope:
        return []
    admins = Membership.objects.filter(
        source__sign_in_scopes__scope=scope, role=Membership.Role.LICENCE_ADMIN, user__is_active=True
    )
    return list(admins.select_related("user", "source").order_by("source__name", "user__username")[:10])


def _refused(reason: Message, subject: Subject) -> Refused:
    logger.warning("sign_in.%s.refused code=%s issuer=%r", subject.protocol, reason.code, subject.issuer)
    return Refused(reason)
