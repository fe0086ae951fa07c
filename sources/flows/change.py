"""Changing a flow that is there: its settings (`settings.py`), ours and WISEflow's, and those who work with it.

What a manager was shown is what is changed: WISEflow is read once more under the flow's lease, and only what is to be another is
written, part by part, each with its entries in the audit log. Said again after a fault, it goes on with what is left. Synchronisations
write none of these settings, so none is undone by them.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from ladokflow.fingerprints import Fingerprint, fingerprint, require_seen
from ladokflow.http import RemoteError
from ladokflow.identifiers import normal
from ladokflow.leases import LeaseLost
from ladokflow.messages import Message, Refused, message
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.words import FlowState, Role, choices_of
from sources import audit
from sources.flows.settings import BY_NAME, OURS, SETTINGS, UNTIL_MARKING_ENDS, Setting, by_part
from sources.flows.settings_in_wiseflow import SINGLE, Part, Value, Values
from sources.models import Flow, SyncRun
from sources.signals import settings_changed
from sources.sync.gather import flow_info
from sources.sync.lease import Lease, alone_or_refused
from sources.sync.run import request_sync
from sources.sync.staff import StaffRow, named
from sources.universities.clients import wiseflow_for
from sources.universities.members import may_export

logger = logging.getLogger(__name__)

ALL = tuple(BY_NAME)
ROLES = dict(choices_of(Role))


@dataclass(frozen=True)
class Standing:
    """How a flow stands. `values` has what could be read; `failure` says why WISEflow's are not among them."""

    state: int
    values: Values
    staff: Sequence[StaffRow]
    failure: Message | None = None

    @property
    def fingerprint(self) -> Fingerprint:
        people = sorted([row["role"], row.get("organisation_id", ""), row.get("email", "")] for row in self.staff)
        return fingerprint("sources.settings", [self.state, people, sorted(self.values.items())])

    def why_closed(self, setting: Setting, *, may_export: bool) -> Message | None:
        why = setting.why_closed(self.state, may_export=may_export)
        if why is None and setting.name not in self.values:
            return self.failure or setting.why_absent
        if why is None and setting.goes_with is not None:
            name, value = setting.goes_with
            # What it takes can be chosen together with it, as long as that one can be changed itself.
            return (
                None if self.values.get(name) == value else BY_NAME[name].why_closed(self.state, may_export=may_export)
            )
        return why

    @property
    def people_closed(self) -> Message | None:
        """Why nobody can be added."""
        return None if self.state in UNTIL_MARKING_ENDS else message("sources.settings.people_closed")

    @property
    def people_stay(self) -> Message | None:
        """Why nobody can be taken off."""
        return None if self.state == FlowState.NOT_ACTIVATED else message("sources.settings.people_stay")


@dataclass(frozen=True)
class Change:
    """What is to be another. `added` and `taken_off` are entries as in `Flow.staff`."""

    values: Values = field(default_factory=dict)
    added: Sequence[StaffRow] = ()
    taken_off: Sequence[StaffRow] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.values)

    def news(self, standing: Standing) -> Change:
        """What of it is not so already."""
        there, leaving = set(map(key_of, standing.staff)), set(map(key_of, self.taken_off))
        return Change(
            {name: value for name, value in self.values.items() if standing.values.get(name, ...) != value},
            [row for row in self.added if key_of(row) not in there],
            [row for row in standing.staff if key_of(row) in leaving],
        )

    def __bool__(self) -> bool:
        return bool(self.values or self.added or self.taken_off)

    def refusals(self, standing: Standing, *, may_export: bool) -> list[Message]:
        """Why it cannot be done, as the flow stands."""
        found = [standing.why_closed(BY_NAME[name], may_export=may_export) for name in self.values]
        if self.added or self.taken_off:
            found.append(standing.people_closed or (standing.people_stay if self.taken_off else None))
        after = {**standing.values, **self.values}
        if after.get("assessor_groups") and after.get("allocation_type") == SINGLE:
            found.append(message("sources.groups.not_grouped"))
        if self.taken_off and not any(row["role"] == Role.MANAGER for row in self.staff_after(standing.staff)):
            found.append(message("sources.settings.manager_needed"))
        return [refusal for refusal in found if refusal is not None]

    def staff_after(self, staff: Iterable[StaffRow]) -> list[dict[str, Any]]:
        leaving = set(map(key_of, self.taken_off))
        return [dict(row) for row in (*staff, *self.added) if key_of(row) not in leaving]


def key_of(row: StaffRow) -> tuple[str, str]:
    return row["role"], normal(str(row.get("organisation_id", "")))


# --- How it stands ---------------------------------------------------------------------------------------------------


def standing_of(flow: Flow, names: Iterable[str] = ALL) -> Standing:
    """As it is now. WISEflow is asked where one of `names` stands there; RemoteError is told in it, Refused is not."""
    names = tuple(names)
    try:
        if not by_part(names):
            return _standing(flow, names, None)
        with wiseflow_for(flow) as client:
            return _standing(flow, names, client)
    except RemoteError as error:
        ours = _standing(flow, names, None)
        return Standing(ours.state, ours.values, ours.staff, error.message)


def _standing(flow: Flow, names: Sequence[str], client: WiseflowClient | None) -> Standing:
    """Without a client: what we know ourselves."""
    values = {setting.name: getattr(flow, setting.name) for setting in OURS if setting.name in names}
    if client is None:
        return Standing(flow.state or 0, values, flow.staff)
    state = flow_info(flow, client).state
    parts = by_part(names) if state != FlowState.ARCHIVED else {}
    for found in client.side_by_side(lambda part: _read(part, client, flow), parts):
        values |= {name: value for name, value in found.items() if name in names}
    return Standing(state, values, flow.staff)


def _read(part: Part, client: WiseflowClient, flow: Flow) -> Values:
    """Empty where WISEflow does not give out this one: its licence or the flow's type may not have it."""
    try:
        return part.read(client, flow)
    except WiseflowError as error:
        if not error.is_about_one:
            raise
        return {}


# --- Changing it -----------------------------------------------------------------------------------------------------


def change_flow(
    *,
    flow: Flow,
    change: Change,
    by: AbstractBaseUser,
    names: Sequence[str] = ALL,
    seen: str | None = None,
    address: str | None = None,
    enqueue: bool = True,
) -> Change:
    """Do it; what of it was news. `names`: the settings that a manager was shown, with `seen`, the fingerprint of the Standing.

    NotAsShown where it stands otherwise by now. Refused where the phase or a right stands against it, or a worker is at the flow: nothing
    is changed then. RemoteError or Refused where WISEflow does not take it: what was written before is in the audit log.
    """
    lease = alone_or_refused(flow.pk)
    is_ours_changed = False
    try:
        with lease.beating():
            fresh = Flow.objects.select_related("source").get(pk=flow.pk)
            change = Change(change.values, named(fresh.source, change.added), named(fresh.source, change.taken_off))
            done = _do(fresh, change, lease, by, names, seen, address, enqueue)
            is_ours_changed = any(setting.name in done.values for setting in OURS)
    except LeaseLost:
        raise Refused(message("sources.flow_busy")) from None
    finally:
        with contextlib.suppress(LeaseLost):  # it went with what was written down
            lease.release()
    if is_ours_changed:
        settings_changed.send(sender=Flow, flow=Flow.objects.select_related("source").get(pk=flow.pk))
    logger.info("flow.changed flow=%s settings=%s", flow.pk, ",".join(done.names))
    return done


def _do(
    flow: Flow,
    change: Change,
    lease: Lease,
    by: AbstractBaseUser,
    names: Sequence[str],
    seen: str | None,
    address: str | None,
    enqueue: bool,
) -> Change:
    with contextlib.ExitStack() as stack:
        is_asked = bool(by_part(names))
        client = stack.enter_context(wiseflow_for(flow, lease.look)) if is_asked else None
        standing = _standing(flow, names, client)
        require_seen(seen, standing.fingerprint)
        news = change.news(standing)
        for refusal in news.refusals(standing, may_export=may_export(flow.source, by)):
            raise Refused(refusal)
        if client is not None:
            _write_parts(flow, news, standing, client, lease, by, address)
    with transaction.atomic():
        ours = {setting.name: news.values[setting.name] for setting in OURS if setting.name in news.values}
        columns: dict[str, Any] = dict(ours)
        _tell(flow, ours, standing, by, address)
        if news.added or news.taken_off:
            columns["staff"] = news.staff_after(flow.staff)
            _tell_people(flow, news, by, address)
            request_sync(flow=flow, trigger=SyncRun.Trigger.MANAGER, requested_by=by, enqueue=enqueue)
        lease.release(**columns)
    return news


def _write_parts(
    flow: Flow,
    news: Change,
    standing: Standing,
    client: WiseflowClient,
    lease: Lease,
    by: AbstractBaseUser,
    address: str | None,
) -> None:
    """One after the other; each is in the audit log before the next is begun."""
    for part, names in by_part(news.names).items():
        values = {name: news.values[name] for name in names}
        lease.renew()
        try:
            part.write(client, flow, values)
        except Refused as refused:
            raise Refused(_not_written(names, refused.message)) from refused
        except WiseflowError as error:
            # It may have been done all the same: an answer may be lost on the way.
            if error.is_about_one:
                raise Refused(_not_written(names, error.message)) from error
            if not _is_there(part, client, flow, values):
                raise
        with transaction.atomic():
            if part.is_untold:
                _keep(flow, values)
            _tell(flow, values, standing, by, address)


def _keep(flow: Flow, values: Values) -> None:
    flow.wiseflow_settings = flow.wiseflow_settings | dict(values)
    flow.save(update_fields=["wiseflow_settings"])


def _is_there(part: Part, client: WiseflowClient, flow: Flow, values: Values) -> bool:
    try:
        return values.items() <= part.read(client, flow).items()
    except WiseflowError:
        return False


def _not_written(names: Sequence[str], cause: Message) -> Message:
    return message("sources.settings.not_written", setting=BY_NAME[names[0]].told.to_json(), cause=cause.to_json())


def _tell(flow: Flow, values: Values, standing: Standing, by: AbstractBaseUser, address: str | None) -> None:
    for name, value in values.items():
        setting = BY_NAME[name]
        told = {"old": setting.told_value(standing.values.get(name)), "new": setting.told_value(value)}
        entry = message(
            "sources.audit.setting_changed",
            setting=setting.told.to_json(),
            **{key: one.to_json() for key, one in told.items()},
        )
        audit.record(message=entry, source=flow.source, flow=flow, actor=by, address=address)


def _tell_people(flow: Flow, news: Change, by: AbstractBaseUser, address: str | None) -> None:
    lines = {"sources.audit.people_added": news.added, "sources.audit.people_taken_off": news.taken_off}
    for code, rows in lines.items():
        if rows:
            people = ", ".join(f"{row['organisation_id']} ({row['role']})" for row in rows)
            audit.record(message=message(code, people=people), source=flow.source, flow=flow, actor=by, address=address)


def write_wanted(flow: Flow, wanted: Mapping[str, Value], client: WiseflowClient, lease: Lease) -> list[Message]:
    """What a new flow is to have in WISEflow, as its maker has chosen it; what WISEflow does not take is told, and the rest goes on."""
    problems = []
    for part, names in by_part(wanted).items():
        lease.keep()
        try:
            part.write(client, flow, {name: wanted[name] for name in names})
        except Refused as refused:
            problems.append(_not_written(names, refused.message))
        except WiseflowError as error:
            if not error.is_about_one:
                raise
            problems.append(_not_written(names, error.message))
            if part.is_untold:  # it would be taken for what is there
                _keep(flow, dict.fromkeys(names, ""))
    return problems


def lines_of(change: Change, standing: Standing) -> list[str]:
    """What it would change, in words."""
    lines = [
        f"{setting.label}: {setting.shown(standing.values.get(setting.name))} → {setting.shown(change.values[setting.name])}"
        for setting in SETTINGS
        if setting.name in change.values
    ]
    lines += [f"+ {_who(row)}" for row in change.added]
    return lines + [f"− {_who(row)}" for row in change.taken_off]


def _who(row: StaffRow) -> str:
    name = " ".join(filter(None, [row.get("first_name"), row.get("last_name")]))
    who = f"{name} ({row['organisation_id']})" if name else row["organisation_id"]
    return f"{ROLES[row['role']]}: {who}"
