"""Something of everything that pages show, and every address that there is of it."""

from __future__ import annotations

import uuid

from django.utils import timezone

from exports.archive.stores import Disk
from exports.models import ExportItem, Finding, Package, PackageFile, PackagePerson
from exports.views.archive import TAGS
from ladokflow.messages import message
from sources.models import BatchExam, Flow, FlowBatch, FlowRule, RuleExam, Source
from tests.factories import ExportAttemptFactory, ExportItemFactory, FlowFactory, ParticipantFactory, SyncRunFactory
from tests.pages.walking import filled, patterns

# Those that only change something, and so answer no GET
ACTIONS = {
    "reveal",
    "extract",
    "logout",
    "keep_list",
    "identity_leave",
    "recovery_codes",
    "saml_answer",
    "second_factor_remove",
    "webhook",
    "flows:code_add",
    "flows:resume",
    "flows:batch_retry",
    "flows:follow",
    "flows:who_is_it",
    "flows:place",
    "flows:sync",
    "flows:sync_chosen",
    "flows:accounts",
    "flows:look_at_warnings",
    "exports:send_chosen",
    "exports:say",
    "exports:send",
    "exports:collect",
    "exports:check",
    "exports:check_chosen",
    "exports:take_mark_back",
    "exports:choose",
    "exports:papers_back",
    "exports:papers_read",
    "exports:archive_make",
    "exports:package_again",
}
FILES = {"exports:package_zip", "exports:package_file", "exports:package_person_zip"}
FILES |= {"exports:errors", "exports:people", "flows:participants_file", "statistics_file", "flows:statistics_file"}
NO_PAGES = {"health", "saml_metadata", *FILES}  # data and files
CLOSED = {"metrics", "security_txt", "overview"}  # to a manager, and where nothing is set
FRAGMENTS = {"exports:live"}
ELSEWHERE = {"login", "set_language"}  # lead on to another page
ELSEWHERE |= {"invitation", "invitation_link", "second_factor"}  # who comes by no letter, or is in already
ELSEWHERE |= {"oidc_begin", "oidc_answer", "saml_begin", "saml_chosen"}  # where no provider is named
ENGLISH_ONLY = {"styleguide"}  # for developers
QUERIES = {"flows:from_list": "?course=TDDE01", "flows:preview": "?code=TDDE01-TEN1-1001"}
QUERIES |= {"flows:settings": QUERIES["flows:preview"], "search": "?q=tentamen"}


def flows_in_every_state(source: Source) -> list[Flow]:
    """A flow in every state there is."""
    told = message("remote.timeout", system="Ladok", seconds=30).to_json()
    asks = message("sources.brake_half", code="TEN1", before=40, now=3).to_json()
    common = {"source": source, "participant_count": 2, "grades": ["U", "3", "4", "5"]}
    found: list[Flow] = [FlowFactory(state=state, **common) for state in Flow.State]
    found += [
        FlowFactory(setup_state=setup, setup_message=told, wiseflow_id=None, state=None, **common)
        for setup in (Flow.Setup.QUEUED, Flow.Setup.CREATING, Flow.Setup.STOPPED)
    ]
    found.append(
        FlowFactory(
            setup_state=Flow.Setup.STOPPED,
            setup_message=message("sources.released.gone", number=225, at="2026-11-28", by="Anna").to_json(),
            wiseflow_id=None,
            released_at=timezone.now(),
            released_as=Flow.Release.GONE,
            **common,
        )
    )
    found.append(FlowFactory(state=Flow.State.CONCLUDED, adoption=Flow.Adoption.UNSAID, **common))
    found.append(
        FlowFactory(
            sync_message=asks, codes=["A1", "B2"], unfollowed={"title": {"ladok": "X1", "wiseflow": "Y1"}}, **common
        )
    )
    found += [
        FlowFactory(state=Flow.State.CONCLUDED, export_state=state, export_message=told, graded_count=2, **common)
        for state in ("pending", "exported", "failed")
    ]
    for flow in found:
        SyncRunFactory(flow=flow, state="failed", asks=True, message=asks, problems=[told], changes=[told])
        attempt = ExportAttemptFactory(flow=flow, state="failed", message=told, failed_count=1, unknown_count=1)
        for state in (ExportItem.State.FAILED, ExportItem.State.UNKNOWN):
            person = ParticipantFactory(flow=flow, grade="5", export_state="failed", export_message=told)
            item = ExportItemFactory(attempt=attempt, participant=person, state=state, message=told)
            for kind in Finding.Kind:
                Finding.objects.create(flow=flow, item=item, kind=kind, message=told)
    return found


def batch_of(flow: Flow) -> FlowBatch:
    """A form that asked for the flow, for one that waits and for one that was refused."""
    batch, is_new = FlowBatch.objects.get_or_create(
        pk=uuid.UUID(int=flow.pk), source=flow.source, requested_by=flow.created_by
    )
    if is_new:
        told = message("remote.timeout", system="Ladok", seconds=30).to_json()
        rows = [{"flow": flow}, {}, {"message": told}]
        BatchExam.objects.bulk_create(
            BatchExam(batch=batch, position=n, code=f"{flow.pk}-{n}", **row) for n, row in enumerate(rows)
        )
    return batch


def rule_of(flow: Flow) -> FlowRule:
    """A rule that has taken up the exams of `batch_of` the flow."""
    told = message("sources.rule.too_many", count=30, most=20).to_json()
    facts = {"manager": flow.created_by, "courses": "TDDE01", "told": [told]}
    rule, _is_new = FlowRule.objects.get_or_create(source=flow.source, name="Salstentamen", defaults=facts)
    for exam in batch_of(flow).exams.all():
        RuleExam.objects.get_or_create(source=flow.source, code=exam.code, defaults={"rule": rule, "batch_exam": exam})
    return rule


def package_of(flow: Flow) -> Package:
    """An archive package with one person in it, and all of it on disk."""
    place = f"tests/{flow.pk}"
    made, is_new = Package.objects.get_or_create(
        flow=flow, state="ready", defaults={"trigger": "manager", "store": "disk", "place": place}
    )
    if is_new:
        person = PackagePerson.objects.create(
            package=made, participant=flow.participants.first(), folder="stude001@liu.example"
        )
        PackageFile.objects.create(package=made, path="data/x.pdf", person=person, kind="x", size=1, sha256="0" * 64)
        for path in (*TAGS, "data/x.pdf"):
            target = Disk().root(place) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(b"x")
    return made


def addresses(flow: Flow) -> list[tuple[str, str]]:
    """The name and the address of everything that there is about the flow, and of everything else."""
    attempt = flow.attempts.get()
    values = {
        "int:pk": flow.pk,
        "uuid:pk": attempt.pk,
        "run_pk": flow.sync_runs.get().pk,
        "code_pk": flow.codes.first().pk,
        "batch_pk": batch_of(flow).pk,
        "rule_pk": rule_of(flow).pk,
        "person_pk": flow.participants.first().pk,
        "package_pk": (package := package_of(flow)).pk,
        "archived_pk": package.people.get().pk,
        "file_pk": package.files.get().pk,
        "slug": flow.source.slug,
        "topic": "rejected",
        "kind": "csv",
        "uidb64": "MQ",
        "token": "void",
        "secret": "void",
    }
    queries = QUERIES | {
        "logs": f"?source={flow.source.slug}",
        "exports:mark": f"?item={attempt.items.first().pk}",
        "flows:change_many": f"?flow={flow.pk}",
    }
    return [(name, filled(pattern, values) + queries.get(name, "")) for pattern, name in patterns()]
