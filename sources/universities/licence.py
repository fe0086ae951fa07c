"""What WISEflow's ids are on a source's licence: they differ from licence to licence, and are looked up by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from ladokflow.messages import Refused, message
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import FORBIDDEN, WiseflowError
from ladokflow.wiseflow.schemas import FlowType, GradingScale, LicenceRole, UserDataType
from sources.models import Source

NOT_FOUND = 404
# Our word -> the names licences use, the usual one first.
DATA_TYPES: dict[str, tuple[str, ...]] = {
    "organisation_id": ("Personal Organisation Id", "Organisation ID", "Personal Organization Id", "Organization ID"),
    "national_id": ("National ID", "Personal National Id", "National identity number", "Personal Unique Id"),
    "external_user_id": ("Student number", "External User Id", "External ID", "Student ID"),
}
# A role on a flow -> the licence's role that a user needs for it.
USER_ROLES = {
    "participant": "Participant",
    "manager": "Manager",
    "assessor": "Assessor",
    "reviewer": "Reviewer",
    "invigilator": "Invigilator",
    "author": "Author",
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
    found = (
        [row for row in rows if row.name == wanted]
        or [row for row in rows if row.name.casefold() == wanted.casefold()]
        or [row for row in rows if str(row.id) == wanted]
    )
    return found[0] if found else None


def find_data_type(source: Source, kind: str, types: Sequence[UserDataType]) -> UserDataType | None:
    """WISEflow's data type for `kind` ("organisation_id", "national_id", "external_user_id")."""
    configured = source.user_data_types.get(kind)
    if configured:
        return _named(types, configured)
    return next((found for name in DATA_TYPES[kind] if (found := _named(types, name)) is not None), None)


def find_role(name: str, roles: Sequence[LicenceRole]) -> LicenceRole | None:
    return _named(roles, name)


def find_scale(source: Source, scale: str, scales: Sequence[GradingScale]) -> GradingScale | None:
    """WISEflow's scale for Ladok's: as the source says, else the one with the same name."""
    wanted = scale.strip()
    mapped = {str(key).strip().casefold(): value for key, value in source.grading_scales.items()}
    return _named(scales, mapped.get(wanted.casefold()) or wanted)


def find_flow_type(name: str, types: Sequence[FlowType]) -> FlowType:
    """Refused, with the types there are, where there is none of this name."""
    found = _named(types, name)
    if found is None:
        known = ", ".join(row.name for row in types)
        raise Refused(message("sources.unknown_flow_type", name=name, known=known or "–"))
    return found


class Licence:
    """A licence's ids, read when they are first needed and kept by the client."""

    def __init__(self, client: WiseflowClient, source: Source) -> None:
        self.client = client
        self.source = source

    def data_types(self) -> dict[str, UserDataType]:
        """Our word -> the licence's data type, for those it has. Refused where it has none for the organisation id."""
        types = self.client.user_data_types()
        found = {kind: row for kind in DATA_TYPES if (row := find_data_type(self.source, kind, types)) is not None}
        if "organisation_id" not in found:
            raise Refused(message("sources.no_organisation_type"))
        return found

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
        found = find_role(USER_ROLES[role], self.client.licence_roles())
        return [found.id] if found is not None else []

    def scale(self, ladok_scale: str) -> GradingScale | None:
        return find_scale(self.source, ladok_scale, self.client.grading_scales())

    def scale_by_id(self, scale_id: int | None) -> GradingScale | None:
        return next((scale for scale in self.client.grading_scales() if scale.id == scale_id), None)

    def flow_type_id(self, name: str) -> int:
        return find_flow_type(name, self.client.flow_types()).id
