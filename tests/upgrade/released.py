"""A database as the version before this one left it, 0.1.0, with flows in every state."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from django.apps.registry import Apps
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

RELEASED = [("sources", "0013_flow_former_host"), ("exports", "0004_digest")]
NOW = timezone.now().replace(microsecond=0)
SETUPS = ("queued", "creating", "stopped")
PHASES = (None, 0, 1, 2, 3, 4, 5)
ATTEMPTS = ("queued", "claimed", "sending", "exported", "failed")
TWINS = ("T\u00c5G 1", "ta\u030ag1")  # one code in two spellings
ITEMS = {"queued": "live", "claimed": "live", "sending": "live", "exported": "exported", "failed": "failed"}


def migrated(targets: list[tuple[str, str]]) -> Apps:
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps


def newest() -> list[tuple[str, str]]:
    return [key for key in MigrationExecutor(connection).loader.graph.leaf_nodes() if key[0] in ("sources", "exports")]


class Old:
    """Rows as 0.1.0 wrote them."""

    def __init__(self, apps: Apps) -> None:
        self.apps = apps
        self.number = itertools.count(1)
        self.user = self.make(
            "auth.User", username="anna@liu.example", email="anna@liu.example", password=make_password("x")
        )
        self.source = self.make(
            "sources.Source",
            slug="liu",
            name="Linköpings universitet",
            university="liu",
            ladok_url="https://ladok.example/liu",
            wiseflow_url="https://wiseflow.example/v1",
        )
        self.make("sources.Membership", source=self.source, user=self.user, role="manager", organisation_id="anna12")
        self.make(
            "sources.Credential", source=self.source, system="ladok", kind="bearer", label="2026", secret="hemlig"
        )

    def make(self, model: str, **fields: Any) -> Any:
        return self.apps.get_model(model)._default_manager.create(**fields)

    def flow(self, *, phase: int | None = 3, setup: str = "ready", codes: int = 1, **fields: Any) -> Any:
        number = next(self.number)
        flow = self.make(
            "sources.Flow",
            source=self.source,
            title=f"Tentamen {number}",
            setup_state=setup,
            setup_mark=f"mark{number}",
            wiseflow_id=number if setup == "ready" else None,
            state=phase,
            synced_at=NOW if setup == "ready" else None,
            collected_at=NOW,
            grades=["U", "3", "4", "5"],
            created_by=self.user,
            **fields,
        )
        for position in range(codes):
            self.make(
                "sources.FlowSource",
                flow=flow,
                source=self.source,
                code=f"TDDE{number:02}-{position}",
                position=position,
                reference=f"tdde{number:02}-{position}",
                person_count=1,
            )
        return flow

    def person(self, flow: Any, *, codes: int | None = 1, grade: str = "5", **fields: Any) -> Any:
        number = next(self.number)
        person = self.make(
            "sources.Participant",
            flow=flow,
            wiseflow_id=number,
            user_id=number,
            organisation_id=f"stude{number:03}",
            national_id=f"19900101T{number:03}",
            first_name="Åsa",
            last_name=f"Öberg {number}",
            external_user_id=str(uuid.uuid4()),
            unique_exam_id=f"AID-{number}",
            is_from_source=codes is not None,
            **fields,
        )
        for code in flow.codes.order_by("position")[: codes or 0]:
            person.codes.add(code)
        if grade:
            self.make("exports.Assessment", participant=person, grade=grade, grade_at=NOW, collected_at=NOW)
        return person

    def attempt(self, flow: Any, state: str, person: Any, item: str, *, code: int = 0) -> Any:
        lease = {"token": uuid.uuid4(), "lease_until": NOW} if state in ("claimed", "sending") else {}
        counts = {"exported": "exported_count", "unknown": "unknown_count"}.get(item, "failed_count")
        attempt = self.make(
            "exports.ExportAttempt",
            flow=flow,
            code=flow.codes.get(position=code),
            requested_by=self.user,
            state=state,
            message={"code": "attempt.queued", "params": {}},
            idempotency_key="k" * 64,
            answer='{"numberOfSuccess": 1}',
            sent_count=1,
            finished_at=NOW if state in ("exported", "failed") else None,
            **({counts: 1} if state in ("exported", "failed") else {}),
            **lease,
        )
        self.make(
            "exports.ExportItem",
            attempt=attempt,
            participant=person,
            organisation_id=person.organisation_id,
            unique_exam_id=person.unique_exam_id,
            national_id=person.national_id,
            grade="5",
            state=item,
        )
        return attempt

    def everything(self) -> None:
        for setup in SETUPS:
            self.flow(phase=None, setup=setup)
        for phase in PHASES:
            flow = self.flow(phase=phase, codes=2)
            for codes in (1, 2, None):
                self.person(flow, codes=codes)
            self.person(flow, is_active=False)
            for state in ("success", "failed"):
                self.make("sources.SyncRun", flow=flow, trigger="night", state=state, created_at=NOW, finished_at=NOW)
        for state in ATTEMPTS:
            flow = self.flow(phase=4, export_state="failed" if state == "failed" else "pending")
            self.attempt(flow, state, self.person(flow), ITEMS[state])
        flow = self.flow(phase=4, export_state="failed", codes=2)
        for item, code in (("unknown", 0), ("failed", 1)):
            self.attempt(flow, "failed", self.person(flow, codes=2), item, code=code)
        exported = self.person(flow)
        self.attempt(flow, "failed", exported, "superseded")
        self.attempt(flow, "exported", exported, "exported")
        removed = flow.codes.get(position=1)
        removed.removed_at = NOW
        removed.save(update_fields=["removed_at"])
        # On two flows: 0.1.0 let them be.
        for spelling in TWINS:
            twin = self.flow(codes=0)
            self.make(
                "sources.FlowSource",
                flow=twin,
                source=self.source,
                code=spelling,
                position=0,
                reference=spelling.strip(),
            )
