"""Where every sequence begins: a flow that has just been made, in a sandbox and a database that are set back in no time.

The flow is made once by the product itself; the sandbox's state is pickled, and the database goes back to a savepoint.
"""

from __future__ import annotations

import contextlib
import copy
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ladokflow.sandbox.answers import Call, Reply
from ladokflow.sandbox.licences import add_user
from ladokflow.sandbox.owners import OWNER
from ladokflow.sandbox.registers import add_exam
from ladokflow.sandbox.seeding import STAFF
from ladokflow.sandbox.server import Sandbox
from ladokflow.sandbox.universities import UNIVERSITIES
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Credential, Flow
from tests.cases import put_back, rolled_back
from tests.factories import CredentialFactory, MembershipFactory, SourceFactory, UserFactory
from tests.owner.people import Human, Humans

MANAGER = {"liu": "anna@liu.example", "oru": "olle@oru.example", "boras": "bodil@boras.example"}
SCALES = {"liu": ("U-3-4-5", {"U-3-4-5": "U345"}), "oru": ("U-G-VG", {}), "boras": ("U-G-VG", {})}
SEQUENCES_PER_CREDENTIAL = 12  # WISEflow's limit is one of requests per minute and credential


class OwnSandbox(Sandbox):
    """`meanwhile` is done once, when the next request comes: what happens while somebody is at work."""

    meanwhile: Callable[[], None] | None = None

    def work(self, system: str, call: Call) -> Reply:
        with self.state.lock:
            todo, self.meanwhile = self.meanwhile, None
            if todo is not None:
                todo()
        return super().work(system, call)


@dataclass
class Base:
    """A flow on `codes[:on_flow]`; `accounts` is which human being each user of WISEflow is."""

    slug: str
    sandbox: OwnSandbox
    flow_pk: int
    wiseflow_id: int
    codes: list[str]
    humans: Humans
    accounts: dict[int, int]
    former: Human
    newcomers: list[Human]
    state: bytes = b""
    played: int = field(default=0)

    @contextlib.contextmanager
    def fresh(self) -> Iterator[tuple[Humans, dict[int, int]]]:
        """All as it was, for one sequence, and gone after it."""
        with self.set_back(self.state):
            yield copy.deepcopy(self.humans), dict(self.accounts)

    @contextlib.contextmanager
    def set_back(self, pickled: bytes) -> Iterator[None]:
        """The sandbox as it was when that was pickled; what comes in the database is gone after it."""
        put_back(self.sandbox, pickled)
        self.sandbox.meanwhile = None
        self.sandbox.received.clear()
        with rolled_back():
            self.played += 1
            number = self.played // SEQUENCES_PER_CREDENTIAL
            source = Flow.objects.get(pk=self.flow_pk).source
            Credential.objects.filter(source=source, system="wiseflow").update(client_id=str(number))
            yield


def make_base(sandbox: OwnSandbox, slug: str, *, size: int, on_flow: int, is_reviewed: bool = False) -> Base:
    """A flow with `size` people on its first code, and two more on the second, which one of the first is on too. Where it `is_reviewed`, a
    reviewer decides on the grades."""
    university = UNIVERSITIES[slug]
    humans = Humans(university)
    with sandbox.state.lock:
        sandbox.state.reset()
        _empty(sandbox, slug)
        first = [humans.new() for _ in range(size)]
        second = [first[0], humans.new(), humans.new()]
        newcomers = [humans.new(), humans.new()]
        former = humans.new()
        scale, scales = SCALES[slug]
        codes = [_exam(sandbox, slug, humans, people, scale) for people in (first, second)]
        accounts = {_account(sandbox, slug, human): human.number for human in humans.all if human != newcomers[1]}
        sandbox.state.data["ladok"][slug]["register"] = [human.said | {OWNER: human.number} for human in humans.all]
        sandbox.state.data["ladok"][slug]["can_read_back"] = True
    source = SourceFactory(
        university=slug,
        ladok_url=f"{sandbox.url}/{slug}",
        wiseflow_url=f"{sandbox.url}/wiseflow/v1",
        grading_scales=scales,
        can_read_back=True,
        accepts_manual_participants=slug != "boras",
    )
    CredentialFactory(source=source, system="ladok", kind="bearer", secret=f"{slug}-ladok")
    CredentialFactory(source=source, system="wiseflow", kind="api_key", secret=f"{slug}-key")
    user = UserFactory()
    organisation_id = next(row[2] for row in STAFF[slug] if row[3] == MANAGER[slug])
    MembershipFactory(source=source, user=user, organisation_id=organisation_id, can_export=True)
    choices: dict[str, Any] = {}
    if is_reviewed:
        reviewer = next(row[2] for row in STAFF[slug] if row[4] == "Reviewer")
        choices = {
            "grade_decided_by": Flow.DecidedBy.REVIEWER,
            "staff": [{"role": "reviewer", "organisation_id": reviewer, "email": ""}],
        }
    asked = request_flow(source=source, codes=codes[:on_flow], requested_by=user, enqueue=False, **choices)
    flow = create_flow(asked.pk)
    assert flow.setup_state == Flow.Setup.READY, flow.setup_message
    base = Base(slug, sandbox, flow.pk, flow.wiseflow_id, codes, humans, accounts, former, newcomers)
    base.state = pickle.dumps(sandbox.state.data)
    return base


def _empty(sandbox: OwnSandbox, slug: str) -> None:
    """A university and a licence with their staff and nobody else: small enough to be copied often."""
    for side in sandbox.state.data["ladok"].values():
        side["exams"], side["register"] = {}, []
    for name, licence in sandbox.state.data["wiseflow"]["licences"].items():
        staff = {row[3] for row in STAFF[name]}
        licence["users"] = {
            key: user for key, user in licence["users"].items() if {row["email"] for row in user["emails"]} & staff
        }
    sandbox.state._index()


def _exam(sandbox: OwnSandbox, slug: str, humans: Humans, people: list[Human], scale: str) -> str:
    university = UNIVERSITIES[slug]
    fields = {university.scale: scale} | ({"campus": ""} if slug == "liu" else {})
    return add_exam(sandbox, slug, [humans.row(human) for human in people], exact=True, fields=fields)


def _account(sandbox: OwnSandbox, slug: str, human: Human) -> int:
    said: dict[str, Any] = human.said
    ids = {"organisation_id": said["organisation_id"], "national_id": said["national_id"]}
    ids |= {"external_user_id": said["student_uid"]}
    return add_user(sandbox, slug, ids, said["first_name"], said["last_name"], said["email"])
