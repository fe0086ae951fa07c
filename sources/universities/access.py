"""What a member may do over the API: what the pages let them do now, and no more."""

from __future__ import annotations

from sources.models import Membership, Scope

READING = frozenset({Scope.FLOWS_READ, Scope.PEOPLE_READ, Scope.EXAMS_READ})
WORKING = frozenset({Scope.FLOWS_SYNCHRONISE, Scope.GRADES_COLLECT})
SENDING = frozenset({Scope.GRADES_EXPORT, Scope.GRADES_MARK})  # with the export right
WORKERS = (Membership.Role.MANAGER, Membership.Role.LICENCE_ADMIN)  # any other role only reads


def scopes_of(membership: Membership) -> frozenset[Scope]:
    if not membership.user.is_active:
        return frozenset()
    if membership.role not in WORKERS:
        return READING
    return READING | WORKING | (SENDING if membership.can_export else frozenset())
