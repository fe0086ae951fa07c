"""Every page there is, in every state: what the browser tests look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from exports.grades.word import say_how
from exports.models import ExportAttempt, Figure, Finding, Package, PackageFile, PackagePerson, QuestionFigure
from exports.pages.lists import moment_of
from exports.rules.states import refresh_states
from exports.statistics.refresh import refresh
from ladokflow.ladok.base import Person
from ladokflow.messages import Message, message
from ladokflow.wiseflow.scales import Form, Scale
from sources.models import (
    BatchExam,
    Flow,
    FlowBatch,
    FlowPreset,
    LogEntry,
    LogGap,
    LogReading,
    Membership,
    Paper,
    Source,
    StaffAccount,
)
from sources.sync.claims import claim_of
from tests.factories import (
    SCALE_ID,
    AssessmentFactory,
    AuditEntryFactory,
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
    SourceFactory,
    SyncRunFactory,
    in_hours,
    scale_of,
)

TOLD = message("remote.timeout", system="Ladok", seconds=30)
ASKS = message("sources.brake_half", code="TEN1", before=40, now=3)
LONG = "Förskollärarutbildningens_kunskapsprövning_i_matematikdidaktik "


@dataclass(frozen=True)
class Place:
    """`act` is done on the page when it has been opened: a form that is sent with a mistake in it, say."""

    address: str
    act: Callable[[Any], None] | None = None
    status: int = 200


def stored(told: Message) -> dict[str, Any]:
    return told.to_json()


def sent(selector: str, **fields: str) -> Callable[[Any], None]:
    """Fill in the fields, by their names, and send the form with this button."""

    def act(page: Any) -> None:
        for name, value in fields.items():
            page.fill(f'main [name="{name}"]', value)
        with page.expect_navigation():
            page.click(f"{selector} >> nth=0")

    return act


def all_places(source: Source, user: User, brake: Callable[[], Flow]) -> list[Place]:
    """Addresses for a manager of the source, which is Linköping's in the sandbox. `brake` makes a flow whose sync asks."""
    return [
        *_of_flows(source, user),
        *_of_the_brake(brake()),
        *_of_exports(source, user),
        *_of_the_wizard(source, user),
        *_of_statistics_and_logs(source, user),
        *[
            Place(address)
            for address in ("/", "/flows/", "/glossary/", "/help/", "/help/rejected/", "/styleguide/", "/preferences/")
        ],
        Place("/flows/?q=nothing"),
        Place("/flows/?standing=rejected&standing=not_ready&sort=-exam&columns=marking&columns=exported&columns=made"),
        Place("/preferences/", sent("main form button")),
        Place(
            "/preferences/password/", sent("main form button", old_password="x", new_password1="x", new_password2="y")
        ),
        Place("/preferences/second-factor/"),
        Place("/nowhere/", status=404),
    ]


def _of_flows(source: Source, user: User) -> list[Place]:
    full = FlowFactory(
        source=source,
        created_by=user,
        title=LONG * 2,
        subtitle="Tentamen 4 februari",
        codes=["A-MYCKET-LÅNG-TENTAMENSKOD-UTAN-MELLANRUM-0001", "B"],
        sync_message=stored(ASKS),
        export_state="failed",
        export_message=stored(TOLD),
        failed_count=1,
        participant_count=4,
        grades=["U", "3", "4", "5"],
        unfollowed={"title": {"ladok": "En titel", "wiseflow": "En annan titel"}},
        staff=[{"role": "assessor", "organisation_id": "exam001@liu.example"}],
    )
    StaffAccount.objects.create(flow=full, organisation_id="okand99@liu.example", name="Okänd Ändersson")
    ParticipantFactory.create_batch(3, flow=full, grade="5")
    bad = {"export_state": "failed", "export_message": stored(TOLD)}
    ParticipantFactory(flow=full, is_active=False, is_from_source=False, **bad)
    told = {"message": stored(ASKS), "problems": [stored(TOLD)], "changes": [stored(TOLD)]}
    failed = SyncRunFactory(flow=full, state="failed", asks=True, **told)
    asked = full.participants.filter(is_from_source=True).first().registrations.get()
    asked.doubt = stored(message("sources.doubt.several", name="A", organisation_id="a", other="B", other_id="b"))
    asked.claim = claim_of(Person(organisation_id="ny@liu.example", national_id="198502022345", last_name=LONG))
    asked.save()
    running = FlowFactory(source=source)
    SyncRunFactory(flow=running, state="running", done=2, total=5)
    sending = FlowFactory(source=source, state=Flow.State.CONCLUDED, export_message=stored(message("export.waiting")))
    ExportAttemptFactory(flow=sending, state="sending", sent_count=3)
    unmade = {"source": source, "wiseflow_id": None, "state": None}
    flows = [
        full,
        running,
        sending,
        FlowFactory(setup_state="creating", setup_step="dates", **unmade),
        FlowFactory(setup_state="stopped", setup_message=stored(TOLD), **unmade),
        FlowFactory(source=source, state=Flow.State.NOT_ACTIVATED),
        FlowFactory(source=source, state=Flow.State.ARCHIVED, export_state="exported", exported_count=3),
    ]
    released = FlowFactory(source=source, setup_state="stopped", codes=[], **_let_go())
    names = ("participants", "codes", "assessors", "staff", "syncs", "exports")
    tabs = [Place(reverse(f"flows:{name}", args=[full.pk])) for name in names]
    empty = [Place(reverse(f"flows:{name}", args=[flows[-1].pk])) for name in names]
    return [
        *[Place(reverse("flows:detail", args=[flow.pk])) for flow in flows],
        *tabs,
        *empty,
        Place(reverse("flows:participants", args=[full.pk]) + "?q=nobody"),
        Place(reverse("search")),
        Place(reverse("search") + "?q=liu.example"),
        Place(reverse("search") + "?q=nobody"),
        Place(reverse("student", args=[full.participants.first().pk])),
        Place(reverse("flows:code_remove", args=[full.pk, full.codes.last().pk])),
        Place(reverse("flows:release", args=[full.pk])),
        Place(reverse("flows:change", args=[full.pk])),  # WISEflow does not know the flow
        *[Place(reverse(f"flows:{name}", args=[released.pk])) for name in ("detail", "release", "codes")],
        Place("/flows/?phase=released"),
        Place(reverse("flows:sync_preview", args=[full.pk])),  # WISEflow does not know the flow: told on the page
        Place(reverse("flows:sync_run", args=[full.pk, failed.pk])),
    ]


def _let_go() -> dict[str, Any]:
    told = message("sources.released.kept", number=225, at="2026-11-28 12:00", by="Anna")
    return {"wiseflow_id": None, "released_at": in_hours(-1), "released_as": "kept", "setup_message": stored(told)}


def _of_the_brake(flow: Flow) -> list[Place]:
    several = reverse("flows:change_many") + f"?flow={flow.pk}"
    return [
        Place(reverse("flows:detail", args=[flow.pk])),
        Place(reverse("flows:sync_preview", args=[flow.pk])),
        Place(reverse("flows:sync_run", args=[flow.pk, flow.sync_runs.first().pk])),
        Place(reverse("flows:participants", args=[flow.pk])),
        Place(reverse("flows:codes", args=[flow.pk]), sent('form[action$="/codes/add/"] button')),
        Place(reverse("flows:code_remove", args=[flow.pk, flow.codes.first().pk])),
        Place(reverse("flows:change", args=[flow.pk])),
        Place(reverse("flows:change", args=[flow.pk]), sent("main form.form > div > button", authors="Nils Ingen")),
        Place(several),
        Place(several, sent("main form.form button", term="HT26")),
    ]


def _of_exports(source: Source, user: User) -> list[Place]:
    Source.objects.filter(pk=source.pk).update(can_read_back=True)
    common = {"source": source, "created_by": user, "state": Flow.State.CONCLUDED, "participant_count": 3}
    changed = stored(message("export.some_changed", count=1, total=3))
    FlowFactory(export_state="exported", export_message=changed, **common)
    failed = FlowFactory(export_state="failed", export_message=stored(TOLD), failed_count=2, **common)
    ended = _attempt(failed, "failed", items=("failed", "unknown", "exported"), failed_count=1, unknown_count=1)
    points = {"scale_definition": Scale(SCALE_ID, "0-100", (), Decimal(0), Decimal(100)).to_json()}
    ready = FlowFactory(export_message=stored(message("export.ready", count=3)), graded_count=3, **points, **common)
    for grade in ("17", "42,5", *(str(number) for number in range(60, 80))):
        ParticipantFactory(flow=ready, grade=grade)
    AssessmentFactory(participant=ParticipantFactory(flow=ready), grade="U", alternative_grade="5", points=42)
    asked, said = (
        FlowFactory(scale_definition=scale_of(["U", "3", "4", "5"], stores=0), grading_scale="U345", **common)
        for _ in "12"
    )
    for flow in (asked, said):
        for grade in ("3", "3", "0"):
            ParticipantFactory(flow=flow, grade=grade)
        refresh_states(flow)
    say_how(flow=said, form=Form.STORED, by=user)
    done = FlowFactory(export_state="exported", exported_count=1, **common)
    exported = _attempt(done, "exported", items=("exported",), exported_count=1, http_status=200, answer='{"a": 1}')
    AuditEntryFactory(
        source=source, attempt_id=exported.pk, actor=user, message=stored(message("audit.export_sending"))
    )
    for kind, told in (("twice", message("finding.twice", grades="5 + 5", codes="A")), ("late", TOLD)):
        Finding.objects.create(flow=done, item=exported.items.get(), kind=kind, message=stored(told))
    queued, claimed, sending = (
        _attempt(FlowFactory(**common), state, items=("live",)) for state in ("queued", "claimed", "sending")
    )
    progress = stored(message("export.reading_points", read=1, total=3))
    reading = _attempt(FlowFactory(**common), "reading", items=("live",), message=progress)
    item = ended.items.filter(state="unknown").get()
    marking = reverse("exports:mark", args=[failed.pk])
    mark = f"{marking}?item={item.pk}"
    retry, several = reverse("exports:preview", args=[failed.pk]) + "?asking=retry", reverse("exports:preview_chosen")
    return [
        *[Place(f"/exports/?tab={tab}") for tab in ("failed", "exported", "pending")],
        Place(f"/exports/?tab=pending&since={moment_of(min(filter(None, [ended.finished_at, exported.finished_at])))}"),
        Place("/exports/?q=nothing"),
        *[
            Place(reverse("exports:attempt", args=[one.pk]))
            for one in (queued, claimed, reading, sending, ended, exported)
        ],
        Place(reverse("exports:attempt", args=[ended.pk]) + "?q=nobody"),
        Place(mark),
        Place(mark, sent(f'form[action="{marking}"] button')),
        Place(mark, sent(f'form[action="{marking}"] button', reason="Syns i Ladok")),
        Place(f"{marking}?all=yes"),
        Place(f"{marking}?unknown=there"),
        Place(reverse("exports:mark", args=[ready.pk])),
        Place(retry),
        *_of_papers(common),
        *_of_packages(source, user, common),
        *[Place(f"{several}?flow={ready.pk}&flow={failed.pk}&asking={asking}") for asking in ("first", "retry")],
        Place(reverse("exports:preview", args=[ready.pk])),
        Place(reverse("exports:preview", args=[_without_points(user).pk])),
        Place(reverse("exports:preview", args=[ready.pk]) + "?body=1"),
        Place(reverse("exports:preview", args=[done.pk])),
        *[Place(reverse(name, args=[one.pk])) for name in ("exports:preview", "flows:detail") for one in (asked, said)],
        Place(reverse("exports:findings", args=[done.pk])),
        Place(reverse("exports:findings", args=[done.pk]), sent('form[aria-labelledby="twice-title"] button')),
        Place(reverse("exports:findings", args=[ready.pk])),
        Place(reverse("flows:detail", args=[done.pk])),
        Place(second := reverse("exports:preview", args=[_second_flow(common).pk])),
        Place(f"{second}?again=on"),
        Place(reverse("flows:exports", args=[ready.pk])),
        Place(reverse("flows:exports", args=[failed.pk])),
    ]


def _of_papers(common: dict[str, Any]) -> list[Place]:
    """Each way of handing in, with and without a grade; what is not known; and a flow on which nothing is handed in."""
    flow = FlowFactory(papers_read_at=in_hours(-1), handed_in_count=2, **common)
    for state, grade in (("nothing", "5"), ("blank", "4"), ("nothing", "U"), ("handed_in", "")):
        at = in_hours(-66) if state != "nothing" else None
        person = ParticipantFactory(flow=flow, grade=grade)
        Paper.objects.create(participant=person, state=state, handed_in_at=at, is_late=bool(at), similarity=12.5)
    said = {"accepted_grade": "3", "accepted_by": flow.created_by, "accepted_at": in_hours(-1)}
    Paper.objects.create(participant=ParticipantFactory(flow=flow, grade="3"), state="nothing", **said)
    refresh_states(flow)
    unknown = FlowFactory(papers_message=stored(message("sources.papers.not_read", cause=stored(TOLD))), **common)
    oral = FlowFactory(flow_type="FLOWoral", **common)
    papers = reverse("exports:papers", args=[flow.pk])
    return [
        Place(papers),
        Place(papers, sent("main form.stack .form button", reason="")),
        Place(reverse("flows:detail", args=[flow.pk])),
        Place(reverse("flows:participants", args=[flow.pk])),
        Place(reverse("exports:preview", args=[flow.pk])),
        *[Place(reverse("exports:papers", args=[each.pk])) for each in (unknown, oral)],
    ]


def _of_packages(source: Source, user: User, common: dict[str, Any]) -> list[Place]:
    """Packages in every state, one of them looked into; without the right to it, and too early."""
    Membership.objects.filter(source=source, user=user).update(can_archive=True)
    flow = FlowFactory(title=LONG * 2, **(common | {"source": source}))
    given = {"flow": flow, "trigger": "manager", "store": "disk", "place": "x", "requested_by": user}
    told = stored(message("archive.ready_but", count=1))
    ready = Package.objects.create(state="ready", message=told, file_count=9, missing_count=1, size=7_654_321, **given)
    Package.objects.create(state="failed", message=stored(message("archive.given_up", claims=8)), **given)
    Package.objects.create(state="removed", message=stored(message("archive.removed")), **given)
    Package.objects.create(state="queued", done=2, total=5, **given)
    person = PackagePerson.objects.create(
        package=ready, participant=ParticipantFactory(flow=flow, last_name=LONG), folder="stude001@liu.example"
    )
    empty = PackagePerson.objects.create(package=ready, participant=None, folder="participant-7")
    missing = stored(message("archive.quarantined", reason="File is infected"))
    for path, owner, why in (("svar.pdf", person, {}), ("bilaga.pdf", person, missing), ("index.html", None, {})):
        PackageFile.objects.create(
            package=ready,
            path=f"data/{path}",
            person=owner,
            kind="x",
            size=7,
            sha256="" if why else "0" * 64,
            missing=why,
        )
    archive = [reverse("exports:archive", args=[each.pk]) for each in (flow, FlowFactory(source=source))]
    looked_into = reverse("exports:package", args=[ready.pk])
    people = [reverse("exports:package_person", args=[ready.pk, each.pk]) for each in (person, empty)]
    return [Place(address) for address in (*archive, looked_into, f"{looked_into}?q=nobody", *people)]


def _without_points(user: User) -> Flow:
    """Of a university that takes points; some have none, and WISEflow has yet to tell those of one."""
    source = SourceFactory(university="boras")
    MembershipFactory(source=source, user=user, can_export=True)
    flow: Flow = FlowFactory(source=source, created_by=user, state=Flow.State.CONCLUDED)
    for number in range(25):
        AssessmentFactory(participant=ParticipantFactory(flow=flow), grade="G", points=number if number < 3 else None)
    AssessmentFactory(participant=ParticipantFactory(flow=flow), grade="G", is_points_unread=True)
    return flow


def _second_flow(common: dict[str, Any]) -> Flow:
    """Of a code that was exported on another flow and taken off it: with somebody of that one, and somebody new."""
    first = FlowFactory(export_state="exported", exported_count=1, **common)
    attempt = _attempt(first, "exported", items=("exported",), exported_count=1)
    first.codes.update(removed_at=attempt.created_at)
    flow = FlowFactory(codes=[first.codes.get().code], **common)
    ParticipantFactory(flow=flow, organisation_id=attempt.items.get().organisation_id, grade="4")
    ParticipantFactory(flow=flow, grade="5")
    return flow


def _attempt(flow: Flow, state: str, *, items: tuple[str, ...], **fields: Any) -> ExportAttempt:
    given = {"message": stored(TOLD)} | fields
    attempt: ExportAttempt = ExportAttemptFactory(
        flow=flow, state=state, sent_count=len(items), requested_by=flow.created_by, **given
    )
    for kind in items:
        person = ParticipantFactory(flow=flow, grade="5", export_state="failed", export_message=stored(TOLD))
        told = {} if kind in ("live", "exported") else stored(TOLD)
        ExportItemFactory(attempt=attempt, participant=person, state=kind, message=told)
    return attempt


def _of_adoptions(source: Source, start: str) -> list[Place]:
    """The sandbox as new has no flow: one is made there by whoever opens the list."""
    table = f"{start}take-over/"
    asks = FlowFactory(source=source, state=Flow.State.CONCLUDED, adoption="unsaid")
    ParticipantFactory(flow=asks, grade="5")
    changed = FlowFactory(
        source=source,
        setup_state="stopped",
        setup_step="created",
        adoption="unsaid",
        adoption_seen="x",
        setup_message=stored(message("sources.adoption.changed")),
    )
    button = "main form.stack button.button:not(.button--secondary)"
    return [
        Place(table),
        Place(table, sent(button, table="vilket?;X\n999999;TDDE01-UTAN-ID")),
        Place(table, sent(button, table="")),
        Place(f"{table}list/"),
        Place(f"{table}list/?q=nothing"),
        *[Place(reverse("flows:detail", args=[one.pk])) for one in (asks, changed)],
        Place(reverse("exports:adoption", args=[asks.pk])),
    ]


def _of_statistics_and_logs(source: Source, user: User) -> list[Place]:
    """With figures of everything, and with none; `user` sees small groups, as all there is of them is to be looked at."""
    empty = [Place(reverse("flows:statistics", args=[FlowFactory(source=source).pk])), Place("/statistics/?term=none")]
    Membership.objects.filter(user=user, source=source).update(can_see_logs=True, can_see_small_groups=True)
    flow = FlowFactory(source=source, participation_end_at=in_hours(-300), grades=["U", "3", "4", "5"])
    for grade, count in (("U", 2), ("3", 5), ("5", 6)):
        ParticipantFactory.create_batch(count, flow=flow, grade=grade)
    said = {"code": "answer.person_rejected", "params": {"said": LONG * 2}}
    attempt = _attempt(flow, "failed", items=("failed", "exported"), failed_count=1)
    attempt.items.filter(state="failed").update(message=said)
    refresh(list(Flow.objects.filter(source=source).values_list("pk", flat=True)))
    summary = flow.statistics
    for number, people in ((1, 13), (2, 0)):
        facts = {"mean": 1.5, "difficulty": 0.5, "discrimination": -0.25} if people else {}
        QuestionFigure.objects.create(summary=summary, item=number, reference=str(number), people=people, **facts)
    for assessor in ("1", "2"):
        Figure.objects.create(summary=summary, kind="assessor", side=assessor, name="3", count=30 - int(assessor) * 12)
    person, now = flow.participants.first(), timezone.now()
    told = stored(message("log.not_kept", weeks=16))
    for one in (None, flow):
        reading = LogReading.objects.create(source=source, flow=one, read_to=now, message=stored(TOLD))
        LogGap.objects.create(reading=reading, first_at=in_hours(-9000), last_at=in_hours(-3000), message=told)
    for number, kind in enumerate(("opened", "wrote", "wrote", "disconnected", "handed_in")):
        facts = {"wiseflow_participant_id": person.wiseflow_id, "action": f"{kind}_{'X' * 40}"}
        LogEntry.objects.create(source=source, flow=flow, key=f"s{number}", sort=number, at=now, kind=kind, **facts)
    return [
        *empty,
        *[Place(f"/statistics/?by={by}") for by in ("term", "course", "department", "flow")],
        Place("/statistics/?course=NONE"),
        Place(reverse("flows:statistics", args=[flow.pk])),
        Place(reverse("flows:timeline", args=[flow.pk, person.pk])),
        Place(reverse("student", args=[person.pk])),
        Place("/logs/"),
        Place("/logs/", sent("main form.form button", first="2026-11-20", last="2026-11-01")),
        Place("/help/statistics/"),
        Place("/help/logs/"),
    ]


def _of_the_wizard(source: Source, user: User) -> list[Place]:
    FlowPreset.objects.create(source=source, name="Salstentamen", flow_type="FLOWlock")
    start = f"/flows/new/{source.slug}/"
    batch = FlowBatch.objects.create(source=source, requested_by=user)  # told of on Home, too
    for position, told in enumerate(({}, stored(TOLD), stored(ASKS))):
        BatchExam.objects.create(batch=batch, position=position, code=f"TENTAMEN-{position}", message=told)
    return [
        Place(reverse("flows:batch", args=[batch.pk])),
        Place("/flows/new/"),
        Place(start),
        Place(f"{start}list/"),
        Place(f"{start}list/?course=TDDE01"),
        Place(f"{start}list/?course=FINNS-INTE"),
        Place(f"{start}code/"),
        *_of_adoptions(source, start),
        Place(f"{start}preview/?typed=FINNS-INTE"),
        Place(f"{start}preview/?code=TDDE01-UTAN-ID&code=TDDE01-UTAN-DATUM"),
        Place(f"{start}preview/?code=TDDE01-UTAN-ID&code=TDDE01-UTAN-DATUM&make=one"),
        Place(f"{start}settings/?code=TDDE01-UTAN-ID"),
        Place(
            f"{start}settings/?code=TDDE01-UTAN-ID", sent("form.form button:not([name])", assessors="inte en adress")
        ),
        Place(
            f"{start}settings/?code=TDDE01-UTAN-ID",
            sent("form.form button:not([name])", assessors="okand99@liu.example"),
        ),
    ]
