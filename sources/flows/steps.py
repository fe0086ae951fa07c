"""The parts of a creation that a synchronisation does not have: the flow itself, its references, and its activation.

Making the flow is the one call that must not be made twice. It carries a mark at the end of the subtitle, by which a flow
that a crash has left behind is found again; the step "metadata" takes the mark away.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from ladokflow.ladok.base import Exam
from ladokflow.messages import Message, Refused, message
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.schemas import FoundFlow
from sources.models import Flow, FlowSource
from sources.sync.gather import is_about_one_row, live_codes
from sources.sync.lease import Lease
from sources.sync.plan.flow_data import TEXT_LENGTH
from sources.sync.staff import save_staff_user, wanted_staff
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
        found = _left_behind(flow, client, master)
        if found is not None:
            _adopt(flow, lease, found)
            return []
    manager_ids, problems = _managers(flow, licence)
    type_id = licence.flow_type_id(flow.flow_type) if flow.template_flow_id is None else 0
    title = master.title.strip()[:TEXT_LENGTH] or master.code
    subtitle = f"{master.subtitle.strip()[: TEXT_LENGTH - len(flow.setup_mark) - 1]} {flow.setup_mark}".strip()
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
            told = _why_not_made(flow, error)
            if told is None:
                raise
            raise Refused(told) from error
        logger.warning("flow.creation.unanswered flow=%s reason=%s", flow.pk, error.message.code)
        found = _left_behind(flow, client, master)
        if found is None:
            raise Refused(message("sources.creation_in_doubt")) from error
        made = found
    _adopt(flow, lease, made)
    return problems


def _adopt(flow: Flow, lease: Lease, wiseflow_id: int) -> None:
    lease.write(wiseflow_id=wiseflow_id, setup_step="created")
    flow.wiseflow_id, flow.setup_step = wiseflow_id, "created"


def _is_certain(error: WiseflowError) -> bool:
    """Whether nothing can have been made: WISEflow said no, or never got the request."""
    if error.message.code in ("remote.unreachable", "remote.address_refused"):
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
    title = master.title.strip()[:TEXT_LENGTH] or master.code
    ours = set(Flow.objects.filter(source=flow.source, wiseflow_id__isnull=False).values_list("wiseflow_id", flat=True))
    # A WISEflow that lost the subtitle on the way: same title, made since we began, and connected to nothing.
    alike = [
        row
        for row in client.search_flows(title=title)
        if row.title == title
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
    """WISEflow wants at least one user to give the flow to; those it does not have are made."""
    ids: list[int] = []
    problems: list[Message] = []
    for one in wanted_staff(flow, licence):
        if one.role != "manager":
            continue
        if one.user_id is None:
            problems.append(message("sources.staff_created", name=one.name, organisation_id=one.organisation_id))
        ids.append(one.user_id if one.user_id is not None else save_staff_user(licence, one))
    return list(dict.fromkeys(ids)), problems


def refer(flow: Flow, lease: Lease, client: WiseflowClient, codes: Sequence[FlowSource] | None = None) -> list[Message]:
    """Each code becomes an external source of the flow: WISEflow's button for a synchronisation."""
    problems = []
    for code in live_codes(flow) if codes is None else codes:
        if code.external_source_id is not None:
            continue
        lease.keep()
        try:
            found = client.add_external_source(flow.wiseflow_id or 0, code.reference, code.code)
        except WiseflowError as error:
            if not is_about_one_row(error):
                raise
            problems.append(message("sources.reference_refused", code=code.code))
            continue
        FlowSource.objects.filter(pk=code.pk).update(external_source_id=found)
    return problems


def refer_added(flow: Flow, lease: Lease, client: WiseflowClient) -> list[Message]:
    """The codes that were added to the flow since it was last synchronised. One that was refused is not asked for again."""
    added = flow.codes.filter(removed_at__isnull=True, external_source_id__isnull=True, person_count__isnull=True)
    return refer(flow, lease, client, list(added))


def unrefer_removed(flow: Flow, lease: Lease, client: WiseflowClient) -> list[Message]:
    """Takes the references of the codes that were removed off the flow in WISEflow."""
    problems = []
    for code in flow.codes.filter(removed_at__isnull=False, external_source_id__isnull=False):
        lease.keep()
        try:
            client.delete_external_source(flow.wiseflow_id or 0, code.external_source_id or 0)
        except WiseflowError as error:
            if not is_about_one_row(error):
                raise
            problems.append(message("sources.reference_stays", code=code.code))
        FlowSource.objects.filter(pk=code.pk).update(external_source_id=None)
    return problems


def activate(flow: Flow, lease: Lease, client: WiseflowClient) -> list[Message]:
    lease.keep()
    try:
        client.activate(flow.wiseflow_id or 0)
    except WiseflowError as error:
        if not is_about_one_row(error):
            raise
        return [message("sources.not_activated")]
    return []
