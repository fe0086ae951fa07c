"""Those who work with a flow: who they are by their memberships, and their users in WISEflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.contrib.auth.models import AbstractBaseUser

from ladokflow.messages import Refused, message
from sources.models import Flow, Membership, Source
from sources.sync.plan.staff import ROLES
from sources.sync.plan.values import WantedStaff
from sources.universities.licence import Licence


def name_staff(
    source: Source, requested_by: AbstractBaseUser, staff: Sequence[Mapping[str, str]]
) -> list[dict[str, str]]:
    """Everyone with a role, with the organisation id of the membership where none was given; the creator first."""
    members = {
        row.user.email.casefold(): row for row in Membership.objects.filter(source=source).select_related("user")
    }
    own = next((row for row in members.values() if row.user_id == requested_by.pk), None)
    if own is None:
        raise Refused(message("sources.not_a_member", source=source.name))
    given = [{"role": "manager", "email": own.user.email, "organisation_id": own.organisation_id}, *map(dict, staff)]
    found: dict[tuple[str, str], dict[str, str]] = {}
    for one in given:
        role, email = str(one.get("role", "")).strip(), str(one.get("email", "")).strip()
        if role not in ROLES:
            raise Refused(message("sources.unknown_role", role=role))
        member = members.get(email.casefold())
        organisation_id = str(one.get("organisation_id", "")).strip() or (member.organisation_id if member else "")
        if not organisation_id:
            raise Refused(message("sources.person_without_identity", email=email, source=source.name))
        names = (
            {"first_name": member.user.first_name, "last_name": member.user.last_name}
            if member
            else {"first_name": str(one.get("first_name", "")), "last_name": str(one.get("last_name", ""))}
        )
        row = {"role": role, "email": email, "organisation_id": organisation_id, **names}
        found.setdefault((role, organisation_id.casefold()), row)
    return list(found.values())


def wanted_staff(flow: Flow, licence: Licence) -> tuple[WantedStaff, ...]:
    """The flow's staff with their users in WISEflow; `user_id` is None where there is no such user."""
    type_id = licence.data_types()["organisation_id"].id
    ids = [str(one.get("organisation_id", "")) for one in flow.staff]
    users = {
        value.casefold(): user.id
        for user in licence.client.search_users([(type_id, value) for value in ids if value])
        for value in user.values(type_id)
    }
    decides = flow.grade_decided_by == Flow.DecidedBy.REVIEWER
    return tuple(
        WantedStaff(
            role=one["role"],
            user_id=users.get(one.get("organisation_id", "").casefold()),
            organisation_id=one.get("organisation_id", ""),
            email=one.get("email", ""),
            first_name=one.get("first_name", ""),
            last_name=one.get("last_name", ""),
            can_decide=decides and one["role"] == "reviewer",
        )
        for one in flow.staff
        if one.get("role") in ROLES
    )


def save_staff_user(licence: Licence, staff: WantedStaff) -> int:
    """Make a user of a member of staff whom WISEflow does not have."""
    first, _, last = (staff.name if not staff.first_name else "").partition(" ")
    return licence.client.save_user(
        first_name=staff.first_name or first.partition("@")[0],
        last_name=staff.last_name or last or "-",
        external_ids=[(licence.data_types()["organisation_id"].id, staff.organisation_id)],
        roles=licence.role_ids(staff.role),
        emails=[staff.email] if staff.email else [],
    )
