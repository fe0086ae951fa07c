"""Making a package: a worker fetches what is not there yet, person by person, and closes it when nobody is left.

It works for a while and then waits for its turn again, so that nothing else stands behind it. It may be killed anywhere: a file counts once
its row is written, which is after it is whole in the store, and a person once all of her files do. Links are asked for right before they
are followed, and once more where they have ended meanwhile.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from exports.archive import bag, stores, tables
from exports.archive.hold import Hold
from exports.archive.paths import PAYLOAD, PEOPLE, file_name, folder_of
from exports.models import Package, PackageFile, PackagePerson
from exports.writing import BATCH
from ladokflow.clock import monotonic
from ladokflow.http import Download, NoAnswer, RemoteError, build_client, download
from ladokflow.identifiers import normal
from ladokflow.leases import LeaseLost
from ladokflow.messages import Message, Refused, message
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.schemas import LinkedFile, StoredFile, Submission
from ladokflow.wiseflow.words import FlowType, is_type
from sources.audit import record
from sources.models import Flow, Participant
from sources.models.queued import PATIENCE
from sources.papers.read import hands_in
from sources.sync.gather import recognise
from sources.universities.clients import wiseflow_for

logger = logging.getLogger(__name__)

State = Package.State

TURN_SECONDS = 60.0
MOST_CLAIMS = 8  # turns in a row in which nothing was done
AT_ONCE = 16  # people whose lists are asked for together
LINK_TRIES = 3
ENDED = (401, 403, 404, 410)  # what a store answers to a link that has ended

Missing = tuple[str, Message]


def make_package(pk: uuid.UUID, *, seconds: float = TURN_SECONDS) -> str:
    """Go on with a package for about so long; the state it is in afterwards. Does nothing where another worker is at it."""
    hold = Hold.take(pk)
    if hold is not None:
        try:
            _turn(hold, until=monotonic() + seconds)
        except LeaseLost:
            logger.warning("package.lease_lost package=%s", pk)
        except (RemoteError, Refused) as error:
            _rest(hold, error.message, is_final=isinstance(error, Refused))
        except OSError as error:
            logger.exception("package.not_stored package=%s", pk)
            _rest(hold, message("archive.not_stored", detail=error.strerror or type(error).__name__))
    return str(Package.objects.values_list("state", flat=True).get(pk=pk))


def _turn(hold: Hold, *, until: float) -> None:
    package = hold.package
    if package.claims > MOST_CLAIMS:
        raise Refused(message("archive.given_up", claims=MOST_CLAIMS))
    with stores.Spool(package) as spool, wiseflow_for(package.flow) as wiseflow, _files() as files:
        recognise(package.flow, wiseflow)
        work = Work(hold, package.flow, stores.of(package), spool, wiseflow, files)
        if not package.people.exists():
            work.begin()
        while people := work.next_people():
            work.fetch(people)
            if monotonic() > until and package.people.filter(is_done=False).exists():
                _wait_for_a_turn(hold)
                return
        work.close()


def _files() -> httpx.Client:
    """Of what is behind links: without our credential, which is for WISEflow alone."""
    return build_client(timeout=float(settings.REMOTE_TIMEOUT_SECONDS))


def _wait_for_a_turn(hold: Hold) -> None:
    with hold.writing():
        hold.release(State.QUEUED)
        Package.objects.put_in_queue(hold.package.pk)


def _rest(hold: Hold, why: Message, *, is_final: bool = False) -> None:
    """It is tried again after a while, the longer the more often nothing came of it; or a manager is told."""
    claims = Package.objects.values_list("claims", flat=True).get(pk=hold.package.pk)
    logger.warning("package.stopped package=%s reason=%s", hold.package.pk, why.code)
    try:
        if is_final or claims >= MOST_CLAIMS:
            hold.release(State.FAILED, message=why.to_json(), finished_at=timezone.now())
        else:
            rest = timezone.now() + PATIENCE[min(claims, len(PATIENCE) - 1)]
            hold.release(State.QUEUED, message=why.to_json(), rests_until=rest, enqueued_at=timezone.now())
    except LeaseLost:
        logger.warning("package.lease_lost package=%s", hold.package.pk)


@dataclass(frozen=True)
class Asked:
    """What WISEflow has of a person; None where it gave nothing. `is_owner`: the submission is this one's to keep."""

    trail: list[Any] | None
    is_owner: bool
    submission: Submission | None
    files: Sequence[StoredFile] | None
    responses: Any


class Work:
    def __init__(
        self,
        hold: Hold,
        flow: Flow,
        store: stores.Store,
        spool: stores.Spool,
        wiseflow: WiseflowClient,
        files: httpx.Client,
    ) -> None:
        self.hold, self.flow, self.package = hold, flow, hold.package
        self.store, self.spool, self.wiseflow, self.links = store, spool, wiseflow, files
        self.flow_id = int(flow.wiseflow_id or 0)
        self.is_multi = is_type(flow.flow_type, FlowType.MULTI)

    # --- What is to be fetched

    def begin(self) -> None:
        """The question paper, and a row for everybody."""
        self._assignments()
        people = {each.id: each for each in self.wiseflow.participants(self.flow_id)} if hands_in(self.flow) else {}
        rows: list[PackagePerson] = []
        missing: list[PackageFile] = []
        taken: set[str] = set()
        for person in Participant.objects.filter(flow=self.flow, wiseflow_id__isnull=False).order_by("pk"):
            number = int(person.wiseflow_id or 0)
            folder = folder_of(person.organisation_id, number)
            if normal(folder) in taken:  # two that differ in signs that no path has
                folder = f"{folder}-{number}"
            taken.add(normal(folder))
            told = people.get(number)
            number_of_paper = told.submission_id if told is not None else None
            row = PackagePerson(package=self.package, participant=person, folder=folder, submission_id=number_of_paper)
            rows.append(row)
            is_told = number_of_paper is not None or (told is not None and told.has_no_submission)
            if hands_in(self.flow) and person.is_active and not is_told:
                # That nothing is said of somebody's paper is not that there is none.
                missing.append(self._missing(_files_of(row), message("archive.not_told"), row))
        known = {row.submission_id for row in rows}
        for number, told in people.items():
            if told.submission_id is not None and told.submission_id not in known:
                path = f"{PEOPLE}/{folder_of('', number)}/files"
                missing.append(self._missing(path, message("archive.not_known"), None))
        with self.hold.writing(total=len(rows)):
            PackagePerson.objects.bulk_create(rows, batch_size=BATCH)
            PackageFile.objects.bulk_create(missing, batch_size=BATCH, ignore_conflicts=True)

    def _missing(self, path: str, why: Message, row: PackagePerson | None) -> PackageFile:
        return PackageFile(package=self.package, path=path, kind="paper", person=row, sha256="", missing=why.to_json())

    def _assignments(self) -> None:
        for number, assignment in enumerate(self.wiseflow.assignments(self.flow_id), start=1):
            kept = [
                (f"{number}-", assignment.paper),
                *((f"{number}-appendix-", each) for each in assignment.appendices),
            ]
            for place, (start, linked) in enumerate(kept):
                if linked is not None and (linked.link or linked.name):
                    path = f"{PAYLOAD}/assignment/{start}{file_name(place, linked.name)}"
                    self._linked(path, "assignment", linked, _again(self.wiseflow, self.flow_id, number, place))
            if assignment.reference:
                links = self.wiseflow.assignment_links(self.flow_id, assignment.reference)
                if links is not None and links.validated:
                    linked = LinkedFile(link=links.validated)
                    path = f"{PAYLOAD}/assignment/{number}-questions.pdf"
                    self._linked(path, "assignment", linked, lambda: None)
            if assignment.data:
                self._json(f"{PAYLOAD}/assignment/{number}-questions.json", "assignment", assignment.data)

    def next_people(self) -> list[PackagePerson]:
        left = PackagePerson.objects.filter(package=self.package, is_done=False).order_by("pk")
        return list(left.select_related("participant")[:AT_ONCE])

    # --- A few people

    def fetch(self, people: Sequence[PackagePerson]) -> None:
        """Their lists side by side, their files one after the other."""
        owners = self._owners(people)
        for row, asked in zip(
            people, self.wiseflow.side_by_side(lambda row: self._ask(row, owners), people), strict=True
        ):
            self.hold.tick()
            self._keep(row, asked)
            with self.hold.writing(done=F("done") + 1, claims=0, message={}):
                PackagePerson.objects.filter(pk=row.pk).update(is_done=True)

    def _owners(self, people: Sequence[PackagePerson]) -> dict[int, int]:
        """By submission, the row that keeps it: a group's paper is there once, with the first of them."""
        numbers = {row.submission_id for row in people if row.submission_id}
        rows = PackagePerson.objects.filter(package=self.package, submission_id__in=numbers).order_by("-pk")
        return {number: pk for number, pk in rows.values_list("submission_id", "pk") if number is not None}

    def _ask(self, row: PackagePerson, owners: dict[int, int]) -> Asked:
        number, submission_id = row.participant.wiseflow_id if row.participant else None, row.submission_id
        trail = self.wiseflow.trail(self.flow_id, number) if number else []
        if submission_id is None or owners.get(submission_id) != row.pk:
            return Asked(trail, False, None, None, None)
        return Asked(
            trail,
            True,
            self.wiseflow.submission(self.flow_id, submission_id),
            self.wiseflow.files(self.flow_id, submission_id),
            self.wiseflow.responses(self.flow_id, submission_id) if self.is_multi else None,
        )

    def _keep(self, row: PackagePerson, asked: Asked) -> None:
        folder = f"{PEOPLE}/{row.folder}"
        submission = asked.submission.model_dump(mode="json") if asked.submission is not None else None
        has_left = row.participant is not None and not row.participant.is_active
        for name, value, is_due in (
            ("marking", asked.trail, not has_left),
            ("submission", submission, asked.is_owner),
            ("responses", asked.responses, asked.is_owner and self.is_multi),
        ):
            path = f"{folder}/{name}.json"
            if value is not None:
                self._json(path, name, value, row)
            elif is_due:
                self._miss(path, name, message("archive.not_told"), row)
        if asked.is_owner and asked.files is None:
            self._miss(_files_of(row), "paper", message("archive.no_files"), row)
        for file in asked.files or ():
            self._paper(f"{_files_of(row)}/{file_name(file.id, file.name)}", row, file)

    def _paper(self, path: str, row: PackagePerson, file: StoredFile) -> None:
        if file.quarantine is not None:
            self._miss(path, "paper", message("archive.quarantined", reason=file.quarantine.reason), row)
            return
        number = int(row.submission_id or 0)

        def again() -> str | None:
            fresh = self.wiseflow.file(self.flow_id, number, file.id)
            return fresh.link if fresh is not None else None

        linked = LinkedFile(name=file.name, size=file.size, link=file.link)
        self._linked(path, file.kind.lower() or "paper", linked, again, row)

    # --- Into the store

    def _linked(
        self, path: str, kind: str, file: LinkedFile, again: Callable[[], str | None], row: PackagePerson | None = None
    ) -> None:
        """What a link leads to; with another one, where it has ended or what came was not the whole."""
        if PackageFile.objects.filter(package=self.package, path=path).exclude(sha256="").exists():
            return
        link: str | None = file.link
        answer: Download | NoAnswer | None = None
        for _ in range(LINK_TRIES):
            if not link:
                break
            with self.spool.file() as (into, spooled):
                answer = download(self.links, link, into, size=file.size, tick=self.hold.tick)
                if isinstance(answer, Download) and answer.status == 200:
                    stores.settle(into)
                    self._take(path, kind, spooled, stores.Written(answer.size, answer.sha256), row)
                    return
            link = again()
        self._miss(path, kind, _why_missing(answer, file), row)

    def _json(self, path: str, kind: str, value: Any, row: PackagePerson | None = None) -> None:
        text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, default=str)
        self.put(path, kind, [text.encode()], row)

    def put(self, path: str, kind: str, parts: Iterable[bytes], row: PackagePerson | None = None) -> None:
        with self.spool.file() as (into, spooled):
            written = stores.write(into, parts, self.hold.tick)
            stores.settle(into)
            self._take(path, kind, spooled, written, row)

    def _take(self, path: str, kind: str, spooled: Any, written: stores.Written, row: PackagePerson | None) -> None:
        with self.hold.beating():
            self.store.put(self.package.place, path, spooled)
        self._row(path, kind, row, size=written.size, sha256=written.sha256, missing={})

    def _miss(self, path: str, kind: str, why: Message, row: PackagePerson | None) -> None:
        logger.warning("package.file.missing package=%s reason=%s", self.package.pk, why.code)
        self._row(path, kind, row, size=0, sha256="", missing=why.to_json())

    def _row(self, path: str, kind: str, row: PackagePerson | None, **facts: Any) -> None:
        with self.hold.writing():
            PackageFile.objects.update_or_create(
                package=self.package, path=path, defaults={"kind": kind[:30], "person": row, **facts}
            )

    # --- The end

    def close(self) -> None:
        """Grades, history, indexes and what makes it a bag; then it is looked at once more, and done."""
        PackageFile.objects.filter(package=self.package, kind=tables.KIND).delete()
        for path, parts in tables.of(self.package, self.flow):
            self.put(path, tables.KIND, parts)
        self._drop_strays()
        figures = bag.figures_of(self.package)
        tags = bag.tag_files(self.package, figures)
        for path, content in tags:
            with self.spool.file() as (into, spooled):
                stores.write(into, content, self.hold.tick)
                stores.settle(into)
                self.store.put(self.package.place, path, spooled)
        with self.hold.beating():
            bag.check(self.package, self.store, self.hold.tick)
        told = message("archive.ready_but", count=figures.missing) if figures.missing else message("archive.ready")
        with self.hold.writing():
            self.hold.release(
                State.READY,
                message=told.to_json(),
                file_count=figures.files,
                missing_count=figures.missing,
                size=figures.size,
                manifest_sha256=tags.manifest_sha256,
                finished_at=timezone.now(),
            )
            entry = message("audit.package_made", files=figures.files, sha256=tags.manifest_sha256)
            record(message=entry, source=self.flow.source, flow=self.flow)
        logger.info("package.ready package=%s files=%s bytes=%s", self.package.pk, figures.files, figures.size)

    def _drop_strays(self) -> None:
        """What a dead worker put into the store, and nobody has counted since: the file was called otherwise, or is gone in WISEflow."""
        known = set(PackageFile.objects.filter(package=self.package).exclude(sha256="").values_list("path", flat=True))
        for path in self.store.sizes(self.package.place):
            if path.startswith(f"{PAYLOAD}/") and path not in known:
                self.store.drop(self.package.place, path)


def _files_of(row: PackagePerson) -> str:
    return f"{PEOPLE}/{row.folder}/files"


def _again(wiseflow: WiseflowClient, flow_id: int, number: int, place: int) -> Callable[[], str | None]:
    """A fresh link to a file of an assignment: the list is asked for once more."""

    def again() -> str | None:
        for found, assignment in enumerate(wiseflow.assignments(flow_id), start=1):
            linked = [assignment.paper, *assignment.appendices]
            if found == number and place < len(linked) and (file := linked[place]) is not None:
                return file.link
        return None

    return again


def _why_missing(answer: Download | NoAnswer | None, file: LinkedFile) -> Message:
    """Why a file is not in the package. WiseflowError where it may be fetched later."""
    if isinstance(answer, NoAnswer):
        if answer.kind in ("oversized", "cut") and answer.detail.isdecimal():
            return message("archive.other_size", size=file.size or 0, came=int(answer.detail))
        if answer.kind in ("address", "inside"):
            return message("archive.link_inside", host=answer.detail[:60])
        raise WiseflowError.of("", answer)
    if answer is not None and answer.status not in ENDED:
        raise WiseflowError(message("archive.store_down", status=answer.status), permanent=False)
    return message("archive.link_dead")
