"""A database of 0.1.0, with flows in every state, is brought up to date and back: nothing of it is lost, and 0.1.0 goes on beside.

One way there and back for all of it, since each takes a minute of the processor's time.
"""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from django.apps.registry import Apps
from django.utils.module_loading import import_string

from exports.rules.states import refresh_states
from sources.flows.exams import on_a_flow
from sources.models import Flow, FlowSource
from tests.environment import ROOT
from tests.upgrade.released import NOW, RELEASED, TWINS, Old, migrated, newest
from tests.upgrade.stops import NEEDS_STOP, Steps

Rows = dict[str, dict[Any, dict[str, Any]]]

# What later versions work out anew, or hold in another place; and a right that 0.1.0 asked for in Borås alone, and everybody has who had it.
MOVED = {"sources.Participant": {"codes"}, "sources.Membership": {"can_export"}}


def rows(apps: Apps) -> Rows:
    """Every row of ours, by model and key."""
    return {
        model._meta.label: {row["pk"]: row for row in model._default_manager.values("pk", *_columns(model))}
        for label in ("sources", "exports")
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
    }


def _columns(model: Any) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def lost(before: Rows, after: Rows) -> list[str]:
    """The rows, and values, that were there before and are not as they were; a column that is no more counts for nothing."""
    missing = []
    for label, old_rows in before.items():
        if label not in after:
            continue
        for key, old in old_rows.items():
            new = after[label].get(key)
            if new is None:
                missing.append(f"{label} {key}")
                continue
            missing += [
                f"{label} {key} {name}: {value!r} -> {new[name]!r}"
                for name, value in old.items()
                if name in new and new[name] != value and name not in MOVED.get(label, ())
            ]
    return missing


@pytest.mark.timeout(600)
def test_a_database_of_the_released_version_goes_forwards_and_backwards(released: Apps) -> None:
    old = Old(released)
    old.everything()
    unasked = _without_points(old)
    before = rows(released)
    assert all(before[label] for label in ("sources.Flow", "sources.Participant", "exports.ExportItem"))

    steps = Steps()
    steps.migrate(newest())
    after = rows(steps.loader.project_state(newest()).apps)
    _nothing_is_lost(before, after)
    _points_are_waited_for(after, unasked)
    _stops_are_told(steps)
    _each_flow_has_a_state()
    _the_younger_spelling_stays_apart()

    back = rows(migrated(RELEASED))
    states = {"export_state", "export_message", "participant_count", "graded_count", "exported_count", "failed_count"}
    assert [line for line in lost(before, back) if line.split(": ")[0].split()[-1] not in states] == []


def _nothing_is_lost(before: Rows, after: Rows) -> None:
    assert lost(before, after) == []
    joined = {(row["participant_id"], row["flowsource_id"]) for row in before["sources.Participant_codes"].values()}
    registrations = {(row["participant_id"], row["code_id"]) for row in after["sources.Registration"].values()}
    assert registrations == joined


def _without_points(old: Old) -> dict[str, Any]:
    """By university, somebody with a grade whose points 0.1.0 has not asked for: it read those of item based marks only."""
    unasked = {}
    for university in ("liu", "boras"):
        if university != old.source.university:
            old.source = old.make("sources.Source", slug=university, name=university, university=university)
        flow = old.flow(phase=4)
        known, unasked[university], ungraded = (old.person(flow, grade=grade) for grade in ("5", "5", ""))
        old.apps.get_model("exports.Assessment").objects.filter(participant=known).update(points=12)
        old.make("exports.Assessment", participant=ungraded, collected_at=NOW)
    return unasked


def _points_are_waited_for(after: Rows, unasked: dict[str, Any]) -> None:
    """At a university that takes points; one that takes none waits for none."""
    waiting = [row["participant_id"] for row in after["exports.Assessment"].values() if row["is_points_unread"]]
    assert waiting == [unasked["boras"].pk]


def _stops_are_told(steps: Steps) -> None:
    stumbled = {name: found for name, found in steps.stumbled.items() if found}
    unexpected = {name: found for name, found in stumbled.items() if name not in NEEDS_STOP}
    assert unexpected == {}, "give new columns a db_default or let them be empty, or tell it in NEEDS_STOP"
    assert NEEDS_STOP - stumbled.keys() == set(), "no stop is needed for these"
    newest_changes = (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1]
    assert ("**This upgrade needs a stop**" in newest_changes) == bool(stumbled)


def _each_flow_has_a_state() -> None:
    shown = {}
    for flow in Flow.objects.order_by("pk"):
        refresh_states(flow)
        shown[flow.pk] = (flow.export_state, flow.exported_count, flow.failed_count)
    assert {state for state, _, _ in shown.values()} == {"pending", "exported", "failed"}
    assert sum(exported for _, exported, _ in shown.values()) == 2


def _the_younger_spelling_stays_apart() -> None:
    """Whoever writes it again does not bring the two together."""
    older, younger = FlowSource.objects.filter(code__in=TWINS).order_by("pk")
    assert (older.code, younger.code) == TWINS
    assert (older.normal_code, younger.normal_code) == ("t\u00e5g1", f"t\u00e5g1 {younger.pk}")
    assert on_a_flow(older.source, "t\u00e5g1") == older
    younger.save()
    younger.refresh_from_db()
    assert younger.normal_code == f"t\u00e5g1 {younger.pk}"


# What 0.1.0 has put into the queue, and a worker of the new version takes out.
@pytest.mark.parametrize(
    "task",
    [
        "exports.tasks.collect_flow",
        "exports.tasks.heartbeat",
        "exports.tasks.send_attempt",
        "sources.tasks.create_flow",
        "sources.tasks.handle_webhook",
        "sources.tasks.request_exam",
        "sources.tasks.sync_flow",
    ],
)
def test_what_waits_in_the_queue_is_understood(task: str) -> None:
    inspect.signature(import_string(task)).bind("1")
