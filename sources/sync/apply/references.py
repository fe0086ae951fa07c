"""The references by which WISEflow knows where a flow comes from: each Ladok code is an external source of the flow."""

from __future__ import annotations

from collections.abc import Sequence

from ladokflow.messages import Message, message
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import WiseflowError
from sources.models import Flow, FlowSource
from sources.sync.gather import live_codes
from sources.sync.lease import Lease


def refer(flow: Flow, lease: Lease, client: WiseflowClient, codes: Sequence[FlowSource] | None = None) -> list[Message]:
    """Each code becomes an external source of the flow: WISEflow's button for a synchronisation."""
    problems = []
    for code in live_codes(flow) if codes is None else codes:
        if code.external_source_id is not None:
            continue
        lease.keep()
        try:
            external_source_id = client.add_external_source(flow.wiseflow_id or 0, code.reference, code.code)
        except WiseflowError as error:
            if not error.is_about_one:
                raise
            problems.append(message("sources.reference_refused", code=code.code))
            continue
        FlowSource.objects.filter(pk=code.pk).update(external_source_id=external_source_id)
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
            if not error.is_about_one:
                raise
            problems.append(message("sources.reference_stays", code=code.code))
        FlowSource.objects.filter(pk=code.pk).update(external_source_id=None)
    return problems
