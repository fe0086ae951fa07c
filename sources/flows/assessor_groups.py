"""Assessors in groups that share students: "Title: assessor, assessor" on each line, as it is written here and stands in WISEflow.

An assessor is named by what somebody would write: name, organisation id or e-mail address. Which students a group has is said in WISEflow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ladokflow.identifiers import normal
from ladokflow.messages import Refused, message
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.schemas import AssessorGroup, Staff
from ladokflow.wiseflow.words import Role
from sources.models import Flow
from sources.sync.staff import find_staff
from sources.universities.licence import Licence

MOST = 50  # on one flow
Groups = Mapping[str, Sequence[str]]  # title -> assessors


def parsed(text: str) -> Groups:
    """Refused, with the line, where it is no group, and where a title stands twice."""
    groups: dict[str, list[str]] = {}
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        title, _colon, people = (part.strip() for part in line.rpartition(":"))  # a title may have a colon of its own
        assessors = list(dict.fromkeys(who.strip() for who in people.split(",") if who.strip()))
        if not title or not assessors:
            raise Refused(message("sources.groups.no_group", line=line))
        if normal(title) in map(normal, groups):
            raise Refused(message("sources.groups.twice", title=title))
        groups[title] = assessors
    if len(groups) > MOST:
        raise Refused(message("sources.groups.too_many", most=MOST))
    return groups


def written(groups: Iterable[tuple[str, Sequence[str]]]) -> str:
    return "\n".join(f"{title}: {', '.join(assessors)}".strip() for title, assessors in groups)


def read_groups(client: WiseflowClient, flow: Flow) -> str:
    """Assessors by name, or by the number of their user where two have the same. It need not be what can be written here: a group may be
    empty there, and two may have one title."""
    wiseflow_id = flow.wiseflow_id or 0
    groups = client.assessor_groups(wiseflow_id)
    if not groups:
        return ""
    names = _names(client.assessors(wiseflow_id))
    return written((_title(group), sorted(names[pk] for pk in group.assessor_ids if pk in names)) for group in groups)


def write_groups(client: WiseflowClient, flow: Flow, text: str) -> None:
    """Make, change and remove so that there are these. Refused where somebody is no assessor of the flow, and where a group that
    is to go has students."""
    wiseflow_id = flow.wiseflow_id or 0
    groups = client.assessor_groups(wiseflow_id)
    there = {normal(_title(group)): group for group in groups}
    twice = [group for group in groups if there[normal(_title(group))] is not group]
    if twice:
        raise Refused(message("sources.groups.twice_there", title=_title(twice[0])))
    wanted = parsed(text)
    going = [group for title, group in there.items() if title not in set(map(normal, wanted))]
    _require_empty(going)
    ids = _ids(client, flow, wanted) if wanted else {}
    for title, assessor_ids in ids.items():
        group = there.get(normal(title))
        if group is None:
            client.add_assessor_group(wiseflow_id, title, assessor_ids)
        elif (_title(group), set(group.assessor_ids)) != (title, set(assessor_ids)):
            client.change_assessor_group(wiseflow_id, group.id, title, assessor_ids)
    for group in going:
        client.remove_assessor_group(wiseflow_id, group.id)


def _title(group: AssessorGroup) -> str:
    """On one line."""
    return " ".join(group.title.split())


def _require_empty(groups: Sequence[AssessorGroup]) -> None:
    for group in groups:
        if group.participant_ids:
            raise Refused(message("sources.groups.has_students", title=group.title, count=len(group.participant_ids)))


def _names(assessors: Sequence[Staff]) -> Mapping[int, str]:
    """By the id of the row."""
    names = ["", *(normal(row.name) for row in assessors)]
    return {
        row.id: row.name if names.count(normal(row.name)) == 1 else f"{row.name} #{row.user_id}".strip()
        for row in assessors
    }


def _ids(client: WiseflowClient, flow: Flow, wanted: Groups) -> Mapping[str, list[int]]:
    """Title -> ids of the assessors' rows."""
    assessors = client.assessors(flow.wiseflow_id or 0)
    rows = {row.user_id: row.id for row in assessors}
    known = {normal(name): pk for pk, name in _names(assessors).items()}
    given = [person for person in flow.staff if person.get("role") == Role.ASSESSOR]
    for person in find_staff(Licence(client, flow.source), given):
        if person.user_id in rows:
            known |= {normal(form): rows[person.user_id] for form in (person.organisation_id, person.email) if form}
    strangers = [who for people in wanted.values() for who in people if normal(who) not in known]
    if strangers:
        raise Refused(message("sources.groups.not_an_assessor", people=", ".join(dict.fromkeys(strangers))))
    return {title: list(dict.fromkeys(known[normal(who)] for who in people)) for title, people in wanted.items()}
