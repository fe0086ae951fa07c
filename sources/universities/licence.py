"""What WISEflow's ids are on a source's licence: they differ from licence to licence, and are looked up by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ladokflow.identifiers import normal, spellings
from ladokflow.kept import name_of
from ladokflow.messages import Message, Refused, message
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import FORBIDDEN, WiseflowError
from ladokflow.wiseflow.schemas import FlowType, GradingScale, LicenceRole, User, UserDataType
from ladokflow.wiseflow.words import Role
from sources.models import Source

NOT_FOUND = 404
# Our word -> the names licences use, the usual one first.
DATA_TYPES: dict[str, tuple[str, ...]] = {
    "organisation_id": ("Personal Organisation Id", "Organisation ID", "Personal Organization Id", "Organization ID"),
    "national_id": ("National ID", "Personal National Id", "National identity number", "Personal Unique Id"),
    "external_user_id": ("Student number", "External User Id", "External ID", "Student ID"),
}
# A role on a flow -> the licence's role that a user needs for it.
USER_ROLES: dict[str, str] = {
    "participant": "Participant",
    Role.MANAGER: "Manager",
    Role.ASSESSOR: "Assessor",
    Role.REVIEWER: "Reviewer",
    Role.INVIGILATOR: "Invigilator",
    Role.HEAD_INVIGILATOR: "Invigilator",
    Role.AUTHOR: "Author",
}


class Named(Protocol):
    @property
    def id(self) -> int: ...

    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


def _named(rows: Iterable[N], wanted: str) -> N | None:
    """The row with this name, in any case, or with this id."""
    wanted = str(wanted).strip()
    rows = list(rows)
    matches = (
        [row for row in rows if row.name == wanted]
        or [row for row in rows if normal(row.name) == normal(wanted)]
        or [row for row in rows if str(row.id) == wanted]
    )
    return matches[0] if matches else None


def find_data_type(source: Source, kind: str, types: Sequence[UserDataType]) -> UserDataType | None:
    """WISEflow's data type for `kind` ("organisation_id", "national_id", "external_user_id")."""
    configured = source.user_data_types.get(kind)
    if configured:
        return _named(types, configured)
    return next((data_type for name in DATA_TYPES[kind] if (data_type := _named(types, name)) is not None), None)


def find_role(name: str, roles: Sequence[LicenceRole]) -> LicenceRole | None:
    return _named(roles, name)


def find_scale(source: Source, scale: str, scales: Sequence[GradingScale]) -> GradingScale | None:
    """WISEflow's scale for Ladok's: as the source says, else the one with the same name."""
    return _named(scales, source.counterpart_of(scale) or scale.strip())


def find_flow_type(name: str, types: Sequence[FlowType]) -> FlowType:
    """Refused, with the types there are, where there is none of this name."""
    flow_type = _named(types, name)
    if flow_type is None:
        known = ", ".join(row.name for row in types)
        raise Refused(message("sources.unknown_flow_type", name=name, known=known or "–"))
    return flow_type


@dataclass(frozen=True)
class Lists:
    """What can be chosen of a licence; nothing, and why, where it cannot be read."""

    scales: Sequence[GradingScale] = ()
    data_types: Sequence[UserDataType] = ()
    flow_types: Sequence[FlowType] = ()
    failure: Message | None = None


def choices(rows: Sequence[N]) -> list[tuple[str, str]]:
    """As a form offers them: by name, and by id those whose name another has, too."""
    names = [normal(row.name) for row in rows]
    return [(row.name if names.count(normal(row.name)) == 1 else str(row.id), row.name) for row in rows]


def choice_of(stored: str, rows: Sequence[N]) -> str:
    """What is chosen in `choices` where this is stored, by name or id; as it is, where the licence has none such."""
    row = _named(rows, stored) if stored else None
    return stored if row is None else choices(rows)[list(rows).index(row)][0]


class Licence:
    """A licence's ids, read when they are first needed and kept by the client."""

    def __init__(self, client: WiseflowClient, source: Source) -> None:
        self.client = client
        self.source = source

    def data_types(self) -> dict[str, UserDataType]:
        """Our word -> the licence's data type, for those it has. Refused where it has none for the organisation id."""
        types = self.client.user_data_types()
        by_kind = {kind: row for kind in DATA_TYPES if (row := find_data_type(self.source, kind, types)) is not None}
        if "organisation_id" not in by_kind:
            raise Refused(message("sources.no_organisation_type"))
        return by_kind

    def has_unique_emails(self) -> bool:
        """Whether an e-mail address belongs to one user only. Where the licence does not tell, it may not be relied on."""
        try:
            return self.client.licence_info().requires_unique_emails
        except WiseflowError as error:
            if error.status not in (FORBIDDEN, NOT_FOUND):
                raise
            return False

    def role_ids(self, role: str) -> list[int]:
        """The licence's role for somebody who is to be `role` on a flow; empty where it has none of that name."""
        row = find_role(USER_ROLES[role], self.client.licence_roles())
        return [row.id] if row is not None else []

    def users_of(self, organisation_ids: Sequence[str]) -> list[User]:
        """WISEflow's users with these organisation ids, however they are spelt. They are kept like the ids, as long as each is found."""
        type_id = self.data_types()["organisation_id"].id
        wanted = [(type_id, spelling) for one in organisation_ids for spelling in spellings(one)]

        def has_all(users: list[User]) -> bool:
            found = {normal(value) for user in users for value in user.values(type_id)}
            return {normal(one) for one in organisation_ids} <= found

        return self.client.keep(f"users {name_of(repr(wanted))}", lambda: self.client.search_users(wanted), has_all)

    def scale(self, ladok_scale: str, chosen: str | None = None) -> GradingScale | None:
        """The counterpart of Ladok's scale; where it has none, the one that somebody has chosen for it, by name or id."""
        scales = self.client.grading_scales()
        return find_scale(self.source, ladok_scale, scales) or (_named(scales, chosen) if chosen else None)

    def scale_by_id(self, scale_id: int | None) -> GradingScale | None:
        scales = self.client.grading_scales(holding=scale_id)
        return next((scale for scale in scales if scale.id == scale_id), None)

    def flow_type_id(self, name: str) -> int:
        return find_flow_type(name, self.client.flow_types()).id
