"""Those who work with a flow: who they are by their memberships, and their users in WISEflow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from ladokflow.http import RemoteError
from ladokflow.identifiers import normal
from ladokflow.messages import Refused, message
from ladokflow.wiseflow.schemas import User
from ladokflow.wiseflow.words import Role
from sources import audit
from sources.models import Flow, Membership, Source, StaffAccount
from sources.sync.plan.staff import ROLES
from sources.sync.plan.values import WantedStaff
from sources.universities.licence import Licence

# Entries of `Flow.staff`: role, organisation_id, email, first_name, last_name; is_new where somebody has confirmed that the
# person may be made a user in WISEflow. In a preset, is_awaited where somebody has said that the person is not one yet.
StaffRow = Mapping[str, Any]
MARKS = ("is_new", "is_awaited")


def name_staff(source: Source, requested_by: AbstractBaseUser, staff: Sequence[StaffRow]) -> list[dict[str, Any]]:
    """Everyone with a role, as `named`; the creator first."""
    creator = Membership.objects.filter(source=source, user_id=requested_by.pk).select_related("user").first()
    if creator is None:
        raise Refused(message("sources.not_a_member", source=source.name))
    own = {"role": "manager", "email": creator.user.email, "organisation_id": creator.organisation_id}
    return named(source, [own, *staff])


def named(source: Source, staff: Sequence[StaffRow]) -> list[dict[str, Any]]:
    """These people, each once per role, with the organisation id of the membership where none was given."""
    memberships = Membership.objects.filter(source=source).exclude(user__email="").select_related("user")
    members = {normal(row.user.email): row for row in memberships}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for person in staff:
        role, email = str(person.get("role", "")).strip(), str(person.get("email", "")).strip()
        if role not in ROLES:
            raise Refused(message("sources.unknown_role", role=role))
        member = members.get(normal(email))
        organisation_id = str(person.get("organisation_id", "")).strip() or (member.organisation_id if member else "")
        if not organisation_id:
            raise Refused(message("sources.person_without_identity", email=email, source=source.name))
        names = (
            {"first_name": member.user.first_name, "last_name": member.user.last_name}
            if member
            else {"first_name": str(person.get("first_name", "")), "last_name": str(person.get("last_name", ""))}
        )
        row = rows.setdefault(
            (role, normal(organisation_id)), {"role": role, "email": email, "organisation_id": organisation_id, **names}
        )
        row |= {mark: True for mark in MARKS if person.get(mark)}
    return list(rows.values())


def find_staff(licence: Licence, staff: Iterable[StaffRow], *, can_decide: bool = False) -> tuple[WantedStaff, ...]:
    """The people with their users in WISEflow, looked up by every spelling of their organisation ids."""
    people = list(_with_what_it_takes(person for person in staff if person.get("role") in ROLES))
    type_id = licence.data_types()["organisation_id"].id
    ids = [str(person.get("organisation_id", "")) for person in people]
    holders: dict[str, list[User]] = {}
    for user in licence.users_of(ids):
        for form in {normal(value) for value in user.values(type_id)}:
            holders.setdefault(form, []).append(user)
    return tuple(
        _wanted(person, one, _meant(one, holders.get(normal(one), []), type_id), can_decide=can_decide)
        for person, one in zip(people, ids, strict=True)
    )


def _with_what_it_takes(staff: Iterable[StaffRow]) -> Iterator[StaffRow]:
    """Who is at the head of the invigilators is one of them: in WISEflow the one is added to the other, and taken off again first."""
    rows = list(staff)
    are = {normal(str(row.get("organisation_id", ""))) for row in rows if row["role"] == Role.INVIGILATOR}
    for row in rows:
        if row["role"] == Role.HEAD_INVIGILATOR and normal(str(row.get("organisation_id", ""))) not in are:
            yield {**row, "role": Role.INVIGILATOR.value}
        yield row


def _meant(organisation_id: str, holders: Sequence[User], type_id: int) -> Sequence[User]:
    """Of the users with an identifier, the one who has it as it is spelt here; else all of them."""
    return [user for user in holders if organisation_id in user.values(type_id)] or holders


def _wanted(person: StaffRow, organisation_id: str, users: Sequence[User], *, can_decide: bool) -> WantedStaff:
    return WantedStaff(
        role=person["role"],
        user_id=users[0].id if len(users) == 1 else None,
        organisation_id=organisation_id,
        email=person.get("email", ""),
        first_name=person.get("first_name", ""),
        last_name=person.get("last_name", ""),
        can_decide=can_decide and person["role"] == "reviewer",
        may_be_made=bool(person.get("is_new")) and not users,
        is_ambiguous=len(users) > 1,
    )


def wanted_staff(flow: Flow, licence: Licence) -> tuple[WantedStaff, ...]:
    """The flow's staff with their users in WISEflow."""
    return find_staff(licence, staff_of(flow), can_decide=flow.grade_decided_by == Flow.DecidedBy.REVIEWER)


def staff_of(flow: Flow) -> list[dict[str, Any]]:
    """`Flow.staff`. Whose account the flow has had made once does not get another one: should WISEflow not have it any more,
    somebody has taken it away there, and it is asked again."""
    if not flow.staff:
        return []
    accounts = flow.staff_accounts.filter(user_id__isnull=False)
    made = set(map(normal, accounts.values_list("organisation_id", flat=True)))
    return [
        {
            key: value
            for key, value in person.items()
            if key != "is_new" or normal(person["organisation_id"]) not in made
        }
        for person in flow.staff
    ]


def make_account(flow: Flow, licence: Licence, staff: WantedStaff) -> int:
    """Make a user of a member of staff of whom that was confirmed, and have it told until somebody has looked at it."""
    if not staff.may_be_made:
        raise ValueError("Nobody has confirmed that this person becomes a user in WISEflow.")
    account, _ = StaffAccount.objects.get_or_create(
        flow=flow, organisation_id=staff.organisation_id, defaults={"name": staff.name}
    )
    try:
        user_id = _save_user(licence, staff)
    except RemoteError as error:
        if error.is_about_one:
            StaffAccount.objects.filter(pk=account.pk, user_id__isnull=True).delete()
        raise
    # Somebody may have looked before it was there.
    unseen = {"confirmed_at": None, "confirmed_by": None}
    if StaffAccount.objects.filter(pk=account.pk, user_id__isnull=True).update(user_id=user_id, **unseen):
        audit.record(message=message("sources.audit.account_made", who=staff.who), source=flow.source, flow=flow)
    return user_id


def _save_user(licence: Licence, staff: WantedStaff) -> int:
    """Where an e-mail address belongs to one user, it is not sent: whoever has it already would get the organisation id."""
    emails = [staff.email] if staff.email and not licence.has_unique_emails() else []
    first, _, last = (staff.name if not staff.first_name else "").partition(" ")
    return licence.client.save_user(
        first_name=staff.first_name or first.partition("@")[0],
        last_name=staff.last_name or last or "-",
        external_ids=[(licence.data_types()["organisation_id"].id, staff.organisation_id)],
        roles=licence.role_ids(staff.role),
        emails=emails,
    )
