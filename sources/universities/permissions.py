"""Who may what: the one place where it stands. Pages, administration, commands and whatever else lets somebody in look here.

A person's rights at a source come from the membership there (`ROLES`), and, of an operator, from the account: an operator is a superuser. Rights
that hold at one source say nothing of another, which does not exist for whoever has none there: 404.

`PAGES`, `ADMIN`, `ADMIN_PAGES` and `COMMANDS` say what each page, table and command needs. What is in none of them is refused to everybody, and a
test fails until it has been placed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from ladokflow.messages import Message, Refused, message
from sources.models import Membership, Scope, Source


class Right(StrEnum):
    """What somebody may do at a source; the last one, at all of them."""

    READ = "read"  # flows, people, grades, and what became of them
    CHANGE = "change"  # make flows, change them, synchronise, collect, answer what is asked
    EXPORT = "export"  # send grades, try again, say what Ladok has
    ARCHIVE = "archive"  # make archive packages, and have what is in them
    REVEAL = "reveal"  # see a whole national id, on record
    LOGS = "logs"  # see what WISEflow has logged of each student, and take it along
    SMALL_GROUPS = "small_groups"  # see statistics of fewer than five students, and of each assessor
    INSPECT = "inspect"  # read settings, members and the logs
    ADMINISTER = "administer"  # change settings, credentials and members
    DELEGATE = "delegate"  # have tokens, and members whom a rule makes, do what one may do oneself
    DISCLOSE = "disclose"  # give out all that is held of a student
    OPERATE = "operate"  # new universities, accounts, the queue


class Access(StrEnum):
    """What needs no right at a source."""

    ANYBODY = "anybody"  # also who is not signed in
    SIGNED_IN = "signed_in"
    SHELL = "shell"  # of a command: whoever is let in on the machine, which is the operator
    NOBODY = "nobody"  # there is nothing of the kind


Needed = Right | Access
OPERATOR = "operator"

ROLES: Mapping[str, frozenset[Right]] = {
    Membership.Role.MANAGER: frozenset({Right.READ, Right.CHANGE, Right.REVEAL}),
    Membership.Role.LICENCE_ADMIN: frozenset(
        {
            Right.READ,
            Right.CHANGE,
            Right.REVEAL,
            Right.LOGS,
            Right.SMALL_GROUPS,
            Right.INSPECT,
            Right.ADMINISTER,
            Right.DELEGATE,
            Right.DISCLOSE,
        }
    ),
    Membership.Role.AUDITOR: frozenset({Right.READ, Right.LOGS, Right.SMALL_GROUPS, Right.INSPECT}),
    # Runs LadokFlow, for all universities, and sees no student and no grade: for that, too, a membership is needed.
    OPERATOR: frozenset({Right.INSPECT, Right.ADMINISTER, Right.OPERATE}),
}
# What somebody may besides whose membership has the column on
GIVEN: Mapping[str, Right] = {
    "can_export": Right.EXPORT,
    "can_archive": Right.ARCHIVE,
    "can_see_logs": Right.LOGS,
    "can_see_small_groups": Right.SMALL_GROUPS,
}

_READ = (Right.READ, Access.NOBODY)
_CHANGE = (Right.CHANGE, Right.CHANGE)
_SHOW_AND_CHANGE = (Right.READ, Right.CHANGE)
_ONLY_CHANGE = (Access.NOBODY, Right.CHANGE)
_PACKAGE = (Right.ARCHIVE, Access.NOBODY)
_ONLY_ARCHIVE = (Access.NOBODY, Right.ARCHIVE)
_WIZARD = (Right.CHANGE, Access.NOBODY)
_OWN = (Access.SIGNED_IN, Access.NOBODY)
_OPEN = (Access.ANYBODY, Access.NOBODY)

# The name of an address -> what is needed to look at it, and to send it a form. A page of several flows shows each what is the reader's own.
PAGES: Mapping[str, tuple[Needed, Needed]] = {
    "home": _OWN,
    "search": _OWN,
    "statistics": _OWN,
    "statistics_file": _OWN,
    "logs": (Right.LOGS, Access.NOBODY),
    "student": _READ,
    "reveal": (Access.NOBODY, Right.REVEAL),
    "extract": (Access.NOBODY, Right.DISCLOSE),
    "login": (Access.ANYBODY, Access.ANYBODY),
    "second_factor": (Access.ANYBODY, Access.ANYBODY),
    "password_forgotten": (Access.ANYBODY, Access.ANYBODY),
    "password_letter": _OPEN,
    "password_new": (Access.ANYBODY, Access.ANYBODY),
    "invitation": (Access.ANYBODY, Access.ANYBODY),
    "invitation_link": _OPEN,
    "oidc_begin": _OPEN,
    "oidc_answer": _OPEN,
    "saml_begin": _OPEN,
    "saml_chosen": _OPEN,
    "saml_answer": (
        Access.NOBODY,
        Access.ANYBODY,
    ),  # who comes is known by the signature, and by the browser that has asked
    "saml_metadata": _OPEN,
    "logout": (Access.NOBODY, Access.ANYBODY),
    "set_language": (Access.ANYBODY, Access.ANYBODY),
    "preferences": (Access.SIGNED_IN, Access.SIGNED_IN),
    "keep_list": (Access.NOBODY, Access.SIGNED_IN),
    "password_change": (Access.SIGNED_IN, Access.SIGNED_IN),
    "second_factors": (Access.SIGNED_IN, Access.SIGNED_IN),
    "second_factor_remove": (Access.NOBODY, Access.SIGNED_IN),
    "recovery_codes": (Access.NOBODY, Access.SIGNED_IN),
    "identity_leave": (Access.NOBODY, Access.SIGNED_IN),
    "glossary": _OPEN,
    "manual": _OPEN,
    "manual_page": _OPEN,
    "webhook": (Access.NOBODY, Access.ANYBODY),  # who calls is known by the signature
    "health": _OPEN,
    "metrics": _OPEN,  # who asks is known by a token
    "security_txt": _OPEN,
    "overview": (Right.OPERATE, Access.NOBODY),
    "styleguide": _OPEN,
    "flows:list": _OWN,
    "flows:sync_chosen": _ONLY_CHANGE,
    "flows:change_many": _CHANGE,
    "flows:detail": _READ,
    "flows:participants": _READ,
    "flows:participants_file": _READ,
    "flows:timeline": (Right.LOGS, Access.NOBODY),
    "flows:statistics": _READ,
    "flows:statistics_file": _READ,
    "flows:codes": _READ,
    "flows:code_add": _ONLY_CHANGE,
    "flows:code_remove": _CHANGE,
    "flows:assessors": _SHOW_AND_CHANGE,
    "flows:staff": _SHOW_AND_CHANGE,
    "flows:accounts": _ONLY_CHANGE,
    "flows:change": _CHANGE,
    "flows:who_is_it": _ONLY_CHANGE,
    "flows:exports": _READ,
    "flows:place": (Access.NOBODY, Right.EXPORT),
    "flows:release": _CHANGE,
    "flows:resume": _ONLY_CHANGE,
    "flows:look_at_warnings": _ONLY_CHANGE,
    "flows:follow": _ONLY_CHANGE,
    "flows:syncs": _READ,
    "flows:sync_preview": _READ,
    "flows:sync": _ONLY_CHANGE,
    "flows:sync_run": _READ,
    "flows:new": _WIZARD,
    "flows:way": _WIZARD,
    "flows:from_list": _WIZARD,
    "flows:from_code": _WIZARD,
    "flows:from_table": _CHANGE,
    "flows:rules": _READ,
    "flows:rule": (Right.READ, Right.ADMINISTER),
    "flows:preview": _WIZARD,
    "flows:settings": _CHANGE,
    "flows:adopt": _CHANGE,
    "flows:adopt_list": _WIZARD,
    "flows:batch": _READ,
    "flows:batch_retry": _ONLY_CHANGE,
    "exports:dashboard": _OWN,
    "exports:weeks": _OWN,
    "exports:live": _OWN,
    "exports:errors": _OWN,
    "exports:preview_chosen": (Right.READ, Right.READ),  # a form, for there may be many flows; it changes nothing
    "exports:send_chosen": (Access.NOBODY, Right.EXPORT),
    "exports:check_chosen": _ONLY_CHANGE,
    "exports:preview": _READ,
    "exports:send": (Access.NOBODY, Right.EXPORT),
    "exports:collect": _ONLY_CHANGE,
    "exports:say": (Access.NOBODY, Right.EXPORT),
    "exports:check": _ONLY_CHANGE,
    "exports:mark": (Right.CHANGE, Right.EXPORT),
    "exports:take_mark_back": (Access.NOBODY, Right.EXPORT),
    "exports:adoption": (Right.READ, Right.EXPORT),
    "exports:findings": (Right.READ, Right.EXPORT),
    "exports:papers": (Right.READ, Right.EXPORT),
    "exports:papers_back": (Access.NOBODY, Right.EXPORT),
    "exports:papers_read": _ONLY_CHANGE,
    "exports:archive": _READ,
    "exports:archive_make": _ONLY_ARCHIVE,
    "exports:package": _PACKAGE,
    "exports:package_again": _ONLY_ARCHIVE,
    "exports:package_zip": _PACKAGE,
    "exports:package_file": _PACKAGE,
    "exports:package_person": _PACKAGE,
    "exports:package_person_zip": _PACKAGE,
    "exports:attempt": _READ,
    "exports:people": _READ,
    "exports:choose": (Access.NOBODY, Right.EXPORT),
}


@dataclass(frozen=True)
class Table:
    """What is needed for the rows of a table in the administration."""

    view: Needed = Right.INSPECT
    add: Needed = Right.ADMINISTER
    change: Needed = Right.ADMINISTER
    delete: Needed = Right.ADMINISTER


_OURS = Table()
# Whoever may not do what these let others do may still take them away: an operator, who reads no flow.
_IN_ONES_PLACE = Table(add=Right.DELEGATE, change=Right.DELEGATE)
_LOG = Table(add=Access.NOBODY, change=Access.NOBODY, delete=Access.NOBODY)
_OF_THE_QUEUE = Table(Right.OPERATE, Access.NOBODY, Access.NOBODY, Access.NOBODY)
_OF_SIGN_INS = Table(Right.OPERATE, Access.NOBODY, Access.NOBODY, Right.OPERATE)

ADMIN: Mapping[str, Table] = {
    "sources.source": Table(add=Right.OPERATE, delete=Access.NOBODY),  # its audit log is never deleted
    "sources.credential": _OURS,
    "sources.membership": _OURS,
    "sources.signinscope": _OURS,
    "sources.membershiprule": _IN_ONES_PLACE,
    "sources.federatedidentity": Table(Right.OPERATE, Access.NOBODY, Access.NOBODY, Right.OPERATE),
    "sources.flowpreset": _OURS,
    "sources.flowrule": _OURS,
    "sources.auditentry": _LOG,
    "sources.accessentry": _LOG,
    "sources.syncrun": _LOG,
    "sources.webhookevent": _LOG,
    "sources.apitoken": _IN_ONES_PLACE,
    "sources.oauthclient": _IN_ONES_PLACE,
    "sources.subscription": _OURS,
    "sources.delivery": _LOG,
    "exports.exportattempt": _LOG,
    "exports.package": _LOG,
    "auth.user": Table(Right.OPERATE, Right.OPERATE, Right.OPERATE, Right.OPERATE),
    "axes.accessattempt": _OF_SIGN_INS,
    "axes.accesslog": _OF_SIGN_INS,
    "django_q.schedule": _OF_THE_QUEUE,
    "django_q.success": _OF_THE_QUEUE,
    "django_q.failure": _OF_THE_QUEUE,
    "django_q.ormq": _OF_THE_QUEUE,
}
# Those of the administration that are no list and no row: as `PAGES`.
ADMIN_PAGES: Mapping[str, tuple[Needed, Needed]] = {
    "admin:auth_user_password_letter": (Access.NOBODY, Right.OPERATE),
    "admin:sources_source_connection": (Access.NOBODY, Right.ADMINISTER),
    "admin:sources_source_export_body": (Right.ADMINISTER, Right.ADMINISTER),
    "admin:sources_source_webhook": (Right.ADMINISTER, Right.ADMINISTER),
    "admin:sources_apitoken_secret": (Right.DELEGATE, Right.DELEGATE),
    "admin:sources_oauthclient_secret": (Right.DELEGATE, Right.DELEGATE),
    "admin:sources_subscription_secret": (Right.ADMINISTER, Right.ADMINISTER),
    "admin:sources_source_licence": (Right.ADMINISTER, Right.ADMINISTER),
    "admin:sources_credential_test": (Access.NOBODY, Right.ADMINISTER),
    "admin:sources_credential_switch": (Access.NOBODY, Right.ADMINISTER),
    "admin:sources_credential_back": (Access.NOBODY, Right.ADMINISTER),
}

# What a token of the API may be given -> what its member needs for it: a token never may do more (`ladokflow/api/callers.py`).
SCOPES: Mapping[str, Right] = {
    Scope.FLOWS_READ: Right.READ,
    Scope.PEOPLE_READ: Right.READ,
    Scope.EXAMS_READ: Right.READ,
    Scope.LOGS_READ: Right.LOGS,
    Scope.STATISTICS_READ: Right.READ,
    Scope.FLOWS_SYNCHRONISE: Right.CHANGE,
    Scope.GRADES_COLLECT: Right.CHANGE,
    Scope.GRADES_EXPORT: Right.EXPORT,
    Scope.GRADES_MARK: Right.EXPORT,
}

# A command -> what the person needs who is named by `--by` or `--manager`.
COMMANDS: Mapping[str, Needed] = {
    "adoptflow": Right.CHANGE,
    "changeflow": Right.CHANGE,
    "createflow": Right.CHANGE,
    "createflows": Right.CHANGE,
    "releaseflow": Right.CHANGE,
    "sync": Right.CHANGE,
    "export": Right.EXPORT,
    "retry": Right.EXPORT,
    "mark": Right.EXPORT,
    "archive": Right.ARCHIVE,
    "extract": Right.DISCLOSE,
    "purge": Access.SHELL,
    "collect": Access.SHELL,
    "flowstatus": Access.SHELL,
    "logs": Access.SHELL,
    "statistics": Access.SHELL,
    "readback": Access.SHELL,
    "holdexports": Access.SHELL,
    "sweep": Access.SHELL,
    "watch": Access.SHELL,
    "loadsources": Access.SHELL,
    "invite": Access.SHELL,
    "secondfactor": Access.SHELL,
    "demo": Access.SHELL,
    "generate": Access.SHELL,
    "makekeys": Access.SHELL,
    "rotatekeys": Access.SHELL,
    "backup": Access.SHELL,
    "restore": Access.SHELL,
    "sandbox": Access.SHELL,
    "setupschedules": Access.SHELL,
}


# --- Whose rights -------------------------------------------------------------------------------------------------

User = AbstractBaseUser | AnonymousUser


def rights_of(membership: Membership) -> frozenset[Right]:
    return ROLES[membership.role] | {right for column, right in GIVEN.items() if getattr(membership, column)}


def scopes_of(membership: Membership) -> frozenset[str]:
    """What the member may do over the API now, whatever a token has been given."""
    rights = rights_of(membership) if membership.user.is_active else frozenset()
    return frozenset(scope for scope, right in SCOPES.items() if right in rights)


def beyond(rights: frozenset[Right], scopes: Iterable[str]) -> list[str]:
    """The scopes that need more than these rights."""
    return [scope for scope in scopes if SCOPES.get(scope) not in rights]


class Rights:
    """What somebody may do, at each source. Asked many times in a page, and looked up once; `memberships` are theirs, where they are at hand."""

    def __init__(self, user: User, memberships: Iterable[Membership] | None = None) -> None:
        rows = _memberships_of(user) if memberships is None else memberships
        self._at = {row.source_id: rights_of(row) for row in rows}
        self._everywhere = ROLES[OPERATOR] if _is_there(user) and getattr(user, "is_superuser", False) else frozenset()

    def at(self, source_pk: Any) -> frozenset[Right]:
        return self._at.get(source_pk, frozenset()) | self._everywhere

    def may(self, right: Right, source_pk: Any = None) -> bool:
        """At the source; without one, at any."""
        if source_pk is not None:
            return right in self.at(source_pk)
        return right in self._everywhere or any(right in rights for rights in self._at.values())

    def is_everywhere(self, right: Right) -> bool:
        return right in self._everywhere

    def keys(self, right: Right) -> list[Any]:
        """Of the sources at which the right comes from a membership."""
        return [pk for pk, rights in self._at.items() if right in rights]

    def sources(self, right: Right) -> Any:
        """The sources at which the right holds, as a queryset."""
        return Source.objects.all() if self.is_everywhere(right) else Source.objects.filter(pk__in=self.keys(right))


def _is_there(user: User) -> bool:
    return user.is_authenticated and user.is_active


def _memberships_of(user: User) -> Iterable[Membership]:
    return Membership.objects.filter(user_id=user.pk) if _is_there(user) else ()  # type: ignore[misc]


def memberships_in(request: HttpRequest) -> Mapping[int, Membership]:
    """The places of whoever has sent the request, by source; one query, however often it is asked for."""
    kept: dict[str, Any] = request.__dict__
    if "memberships" not in kept:
        kept["memberships"] = {row.source_id: row for row in _memberships_of(request.user)}
    memberships: Mapping[int, Membership] = kept["memberships"]
    return memberships


def rights_in(request: HttpRequest, memberships: Iterable[Membership] | None = None) -> Rights:
    """Of whoever has sent the request; one query, with `memberships_in`, and none where the memberships are at hand."""
    kept: dict[str, Any] = request.__dict__
    if "rights" not in kept:
        rows = memberships_in(request).values() if memberships is None else memberships
        kept["rights"] = Rights(request.user, rows)
    rights: Rights = kept["rights"]
    return rights


# --- Letting in ---------------------------------------------------------------------------------------------------


class NotAllowed(PermissionDenied):
    """Of somebody for whom the source exists: `message` says what is missing, and who can give it."""

    def __init__(self, message: Message) -> None:
        super().__init__(str(message))
        self.message = message


def refusal_of(right: Right, source: Source) -> Message:
    return message(f"sources.may_not.{right}", source=source.name)


def shown_to(needed: Needed) -> Needed:
    """What is needed to be shown a form, or to be told in its place why it cannot be sent: pages say themselves that the export right is
    missing, and who has it."""
    return Right.CHANGE if needed is Right.EXPORT else needed


def require(user: User, needed: Needed, source: Source) -> None:
    """For a service or a command: Refused, with what is missing."""
    if isinstance(needed, Right) and not Rights(user).may(needed, source.pk):
        raise Refused(refusal_of(needed, source))


def needed_by(name: str, method: str | None) -> Needed:
    """Of a page, by the name of its address. What has not been placed is for nobody."""
    look, send = PAGES.get(name) or ADMIN_PAGES.get(name) or (Access.NOBODY, Access.NOBODY)
    return look if method in ("GET", "HEAD") else send


def require_here(request: HttpRequest, *sources: Source) -> None:
    """For a view that has found, among what the person can see, what the request is about: NotAllowed, where that is of a source at which
    this may not be done to it."""
    needed = needed_by(request.resolver_match.view_name if request.resolver_match else "", request.method)
    for source in sources:
        if not isinstance(needed, Right):
            raise PermissionDenied
        # Whoever is a member reads: that it was found says so, and a page that is only read costs no question more.
        if needed is not Right.READ and not rights_in(request).may(needed, source.pk):
            raise NotAllowed(refusal_of(needed, source))
