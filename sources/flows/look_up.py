"""Looking up who is to work with a flow: the source's members by name, and WISEflow's users by organisation id.

WISEflow cannot be asked for a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ladokflow.http import RemoteError
from ladokflow.identifiers import normal
from ladokflow.messages import Message, Refused
from sources.models import Source
from sources.universities.clients import wiseflow_for
from sources.universities.licence import Licence

MOST = 20


@dataclass(frozen=True)
class Found:
    name: str
    organisation_id: str
    email: str = ""  # of a member

    @property
    def write(self) -> str:
        """What is written into a field for people."""
        return self.email or self.organisation_id


def look_up(source: Source, text: str) -> tuple[list[Found], Message | None]:
    """At most MOST, and why WISEflow could not be asked."""
    words = normal(text).split()
    if not words:
        return [], None
    memberships = source.memberships.exclude(user__email="").select_related("user").order_by("user__email")
    members = [Found(row.user.get_full_name(), row.organisation_id, row.user.email) for row in memberships]
    found = [one for one in members if _has(one, words)]
    failure: Message | None = None
    if len(words) == 1:
        try:
            there = {normal(one.organisation_id) for one in found}
            found += [one for one in _users(source, text.strip()) if normal(one.organisation_id) not in there]
        except (RemoteError, Refused) as error:
            failure = error.message
    return found[:MOST], failure


def members_meant(text: str, names: Mapping[str, str]) -> dict[str, str]:
    """The members (e-mail address -> name) whose name has all these words. `names` is of all members."""
    words = set(normal(text).split())
    return {who: name for who, name in names.items() if words and words <= set(normal(name).split())}


def _has(one: Found, words: list[str]) -> bool:
    told = normal(f"{one.name} {one.email} {one.organisation_id}")
    return all(word in told for word in words)


def _users(source: Source, organisation_id: str) -> list[Found]:
    with wiseflow_for(source) as client:
        licence = Licence(client, source)
        type_id = licence.data_types()["organisation_id"].id
        return [
            Found(f"{user.first_name} {user.last_name}".strip(), next(iter(user.values(type_id)), organisation_id))
            for user in licence.users_of([organisation_id])
        ]
