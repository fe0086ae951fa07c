"""The parts of a creation that a synchronisation does not have: the flow itself, and its activation.

Making the flow is the one call that must not be made twice. It carries a mark at the end of the subtitle, by which a flow
that a crash has left behind is found again; the step "metadata" takes the mark away.
"""

from __future__ import annotations

import logging
import time

from ladokflow.ladok.base import Exam
from ladokflow.messages import Message, Refused, Trait, message
from ladokflow.texts import as_stored, is_same_text
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.schemas import FoundFlow
from sources.models import Flow
from sources.sync.lease import Lease
from sources.sync.plan.flow_data import TEXT_LENGTH
from sources.sync.staff import make_account, wanted_staff
from sources.universities.licence import Licence

logger = logging.getLogger(__name__)

# An attempt that was cut off may still be carried out over there while we look for what came of it.
LOOK_AGAIN_AFTER_SECONDS = (0, 2, 5)
BEGUN = "creating"  # `Flow.setup_step` while the flow is being made


def make(flow: Flow, lease: Lease, client: WiseflowClient, master: Exam) -> list[Message]:
    """The flow in WISEflow: the one an earlier attempt has left behind, or a new one. The problems with its managers."""
    licence = Licence(client, flow.source)
    was_begun = flow.setup_step == BEGUN
    if was_begun:
        left_behind = _left_behind(flow, client, master)
        if left_behind is not None:
            _adopt(flow, lease, left_behind)
            return []
    manager_ids, problems = _managers(flow, licence)
    type_id = licence.flow_type_id(flow.flow_type) if flow.template_flow_id is None else 0
    title = as_stored(master.title, TEXT_LENGTH) or as_stored(master.code, TEXT_LENGTH)
    subtitle = f"{as_stored(master.subtitle, TEXT_LENGTH - len(flow.setup_mark) - 1)} {flow.setup_mark}".strip()
    lease.renew()
    lease.write(setup_step=BEGUN)
    try:
        if flow.template_flow_id is not None:
            made = client.copy_flow(flow.template_flow_id, manager_ids=manager_ids, title=title, subtitle=subtitle)
        else:
            made = client.create_flow(title=title, subtitle=subtitle, type_id=type_id, manager_ids=manager_ids)
    except WiseflowError as error:
        if _is_certain(error):
            # What an earlier attempt was cut off from is as uncertain as before.
            lease.write(setup_step=BEGUN if was_begun else "")
            reason = _why_not_made(flow, error)
            if reason is None:
                raise
            raise Refused(reason) from error
        logger.warning("flow.creation.unanswered flow=%s reason=%s", flow.pk, error.message.code)
        left_behind = _left_behind(flow, client, master)
        if left_behind is None:
            raise Refused(message("sources.creation_in_doubt")) from error
        made = left_behind
    _adopt(flow, lease, made)
    return problems


def _adopt(flow: Flow, lease: Lease, wiseflow_id: int) -> None:
    lease.write(wiseflow_id=wiseflow_id, setup_step="created")
    flow.wiseflow_id, flow.setup_step = wiseflow_id, "created"


def _is_certain(error: WiseflowError) -> bool:
    """Whether nothing can have been made: WISEflow said no, or never got the request."""
    if error.message.has(Trait.NEVER_ARRIVED):
        return True
    return error.status is not None and 400 <= error.status < 500 and error.status != 408


def _why_not_made(flow: Flow, error: WiseflowError) -> Message | None:
    """What WISEflow's no means when a flow is made; None where its usual sentence fits."""
    template, detail = flow.template_flow_id, error.message.params.get("detail", "")
    if error.status == 404 and template is not None:
        return message("sources.unknown_template", template=template)
    if error.status == 403:
        if template is not None:
            return message("sources.template_forbidden", template=template, detail=detail)
        return message("sources.creation_forbidden", type=flow.flow_type, detail=detail)
    return None


def _left_behind(flow: Flow, client: WiseflowClient, master: Exam) -> int | None:
    """The flow that a cut-off attempt has made, by its mark. Refused where that cannot be told for certain."""
    marked: list[FoundFlow] = []
    for pause in LOOK_AGAIN_AFTER_SECONDS:
        time.sleep(pause)
        marked = _marked(flow, client)
        if marked:
            break
    if len(marked) == 1:
        return marked[0].id
    if marked:
        raise Refused(message("sources.creation_twin", flows=", ".join(str(row.id) for row in marked)))
    title = as_stored(master.title, TEXT_LENGTH) or as_stored(master.code, TEXT_LENGTH)
    ours = set(Flow.objects.filter(source=flow.source, wiseflow_id__isnull=False).values_list("wiseflow_id", flat=True))
    # A WISEflow that lost the subtitle on the way: same title, made since we began, and connected to nothing.
    alike = [
        row
        for row in client.search_flows(title=title)
        if is_same_text(row.title, title)
        and row.id not in ours
        and not row.external_references
        and not row.subtitle
        and row.created_at is not None
        and row.created_at >= flow.created_at.replace(microsecond=0)
    ]
    if alike:
        raise Refused(message("sources.creation_twin", flows=", ".join(str(row.id) for row in alike)))
    return None


def _marked(flow: Flow, client: WiseflowClient) -> list[FoundFlow]:
    return [row for row in client.search_flows(subtitle=flow.setup_mark) if flow.setup_mark in row.subtitle]


def find_twin(flow: Flow, client: WiseflowClient) -> list[Message]:
    """To be asked once the mark is off: a second flow with it was made by an attempt that WISEflow was slow to carry out."""
    twins = [str(row.id) for row in _marked(flow, client) if row.id != flow.wiseflow_id]
    return [message("sources.creation_left_over", flows=", ".join(twins))] if twins else []


def _managers(flow: Flow, licence: Licence) -> tuple[list[int], list[Message]]:
    """WISEflow wants at least one user to give the flow to. Refused where it does not know one of the flow's people, of whom
    nobody has confirmed that they become users: before anything is made."""
    ids: list[int] = []
    problems: list[Message] = []
    staff = wanted_staff(flow, licence)
    unknown = dict.fromkeys(person.who for person in staff if person.is_unknown)
    if unknown:
        raise Refused(message("sources.staff_not_found", people=", ".join(unknown)))
    for person in staff:
        if person.role != "manager":
            continue
        if person.user_id is None:
            problems.append(message("sources.staff_created", name=person.name, organisation_id=person.organisation_id))
        ids.append(person.user_id or make_account(flow, licence, person))
    return list(dict.fromkeys(ids)), problems


def activate(flow: Flow, lease: Lease, client: WiseflowClient) -> list[Message]:
    lease.keep()
    try:
        client.activate(flow.wiseflow_id or 0)
    except WiseflowError as error:
        if not error.is_about_one:
            raise
        return [message("sources.not_activated")]
    return []
