"""A database of 0.1.0, with flows in every state, is brought up to date and back: nothing of it is lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps.registry import Apps

from exports.rules.states import refresh_states
from sources.models import Flow
from tests.upgrade.released import NOW, RELEASED, Old, migrated, newest

# What later versions work out anew, or hold in another place.
MOVED = {"sources.Participant": {"codes"}}


def rows(apps: Apps) -> dict[str, dict[Any, dict[str, Any]]]:
    """Every row of ours, by model and key."""
    return {
        model._meta.label: {row["pk"]: row for row in model._default_manager.values("pk", *_columns(model))}
        for label in ("sources", "exports")
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
    }


def _columns(model: Any) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def lost(before: dict[str, dict[Any, dict[str, Any]]], after: dict[str, dict[Any, dict[str, Any]]]) -> list[str]:
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
def test_a_database_of_the_released_version_loses_nothing_forwards_and_backwards(released: Apps) -> None:
    Old(released).everything()
    before = rows(released)
    assert all(before[label] for label in ("sources.Flow", "sources.Participant", "exports.ExportItem"))
    joined = {(row["participant_id"], row["flowsource_id"]) for row in before["sources.Participant_codes"].values()}

    after = rows(migrated(newest()))
    assert lost(before, after) == []
    if "sources.Registration" in after:
        registrations = {(row["participant_id"], row["code_id"]) for row in after["sources.Registration"].values()}
        assert registrations == joined

    shown = {}
    for flow in Flow.objects.order_by("pk"):
        refresh_states(flow)
        shown[flow.pk] = (flow.export_state, flow.exported_count, flow.failed_count)
    assert {state for state, _, _ in shown.values()} == {"pending", "exported", "failed"}
    assert sum(exported for _, exported, _ in shown.values()) == 2

    back = rows(migrated(RELEASED))
    states = {"export_state", "export_message", "participant_count", "graded_count", "exported_count", "failed_count"}
    assert [line for line in lost(before, back) if line.split(": ")[0].split()[-1] not in states] == []


@pytest.mark.timeout(600)
def test_grades_whose_points_nobody_has_asked_for_wait_until_they_are_read(released: Apps) -> None:
    """0.1.0 read points from item based marks only; a university that takes none waits for none."""
    old = Old(released)
    unknown = {}
    for university in ("liu", "boras"):
        if university != old.source.university:
            old.source = old.make("sources.Source", slug=university, name=university, university=university)
        flow = old.flow(phase=4)
        known, unknown[university], ungraded = (old.person(flow, grade=grade) for grade in ("5", "5", ""))
        released.get_model("exports.Assessment").objects.filter(participant=known).update(points=12)
        old.make("exports.Assessment", participant=ungraded, collected_at=NOW)

    rows = migrated(newest()).get_model("exports.Assessment").objects.filter(is_points_unread=True)
    assert list(rows.values_list("participant_id", flat=True)) == [unknown["boras"].pk]
