"""What goes in and comes out, in the shape of openapi.json. Names are as in the documents of the commands (`exports/reporting.py`).

A text that came from elsewhere, or is about a person, has a type that hides national ids in it: none leaves the API in clear.
"""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar

from ninja import Schema
from pydantic import AfterValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from ladokflow.dates import FIRST_DAY, LAST_DAY
from ladokflow.privacy import mask, redact
from ladokflow.response import WHOLE_NUMBERS

Key = Annotated[int, Field(ge=1, le=WHOLE_NUMBERS[-1])]
Day = Annotated[dt.date, Field(ge=FIRST_DAY, le=LAST_DAY)]
Words = Annotated[str, AfterValidator(redact)]
Identifier = Annotated[str, AfterValidator(redact)]
MaskedId = Annotated[str, AfterValidator(mask)]
State = Literal["pending", "exported", "failed"]
AttemptState = Literal["queued", "sending", "exported", "failed"]
ItemState = Literal["live", "exported", "failed", "unknown", "superseded"]
RunState = Literal["queued", "running", "success", "failed"]
Phase = Annotated[int, Field(ge=0, le=5)]
MOST_PEOPLE = 5000  # that one call names
Row = TypeVar("Row")


class Out(Schema):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class In(Schema):
    """What is not known is refused: a name that is misspelt is not to mean "all"."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=False, extra="forbid")


class Page(Out, Generic[Row]):
    """One page of a list. `next` is what `after` is to be for the page that follows; null on the last one."""

    items: list[Row]
    next: str | None


# --- Who calls


class Me(Out):
    """Whom the token is of, and what may be done with it now: `scopes` are those of the token that its member has, too."""

    source: str = Field(description="The university's short name.")
    source_name: str
    access: str = Field(description="The label of the token or the OAuth client.")
    acts_as: str
    scopes: list[str]
    scopes_given: list[str]
    expires_at: dt.datetime | None
    requests_per_minute: int


# --- Flows


class Counts(Out):
    participants: int
    graded: int
    exported: int
    failed: int


class Code(Out):
    code: str
    title: str


class Dates(Out):
    participation_start: dt.datetime | None
    participation_end: dt.datetime | None
    marking_start: dt.datetime | None
    marking_end: dt.datetime | None


class Question(Out):
    """What only a person can answer, on the flow's page."""

    kind: str
    message: Words
    page: str


class Flow(Out):
    """A flow and what it shows. `state` is of its export, and `message` says why; `phase` is WISEflow's: 0 setup, 1 and 2
    participation, 3 marking, 4 concluding, 5 archived."""

    flow: Key
    wiseflow_flow: int | None
    title: Words
    subtitle: Words
    codes: list[Code]
    creation: Literal["queued", "creating", "ready", "stopped"]
    creation_message: Words
    is_let_go: bool
    phase: Phase | None
    dates: Dates
    state: State
    message: Words
    counts: Counts
    synced_at: dt.datetime | None
    grades_collected_at: dt.datetime | None
    is_collecting: bool = Field(description="Whether a worker is to read the grades from WISEflow.")
    asks: list[Question]
    page: str = Field(description="The address of its page, for people.")


# --- Synchronisations


class Run(Out):
    run: uuid.UUID
    flow: Key
    state: RunState
    message: Words
    asks: bool = Field(description="Whether a manager is to confirm it: then send `seen` with the fingerprint.")
    fingerprint: str | None
    added: int
    updated: int
    removed: int
    deactivated: int
    unchanged: int
    problem_count: int
    problems: list[Words] = Field(description="They name students: only for a token with `people.read`.")
    requested_at: dt.datetime
    finished_at: dt.datetime | None


# --- People and grades


class Identity(Out):
    """Who it is: by the identifiers that Ladok and WISEflow know. `participant` is our key. Of a national id the last four characters
    are hidden."""

    participant: Key
    organisation_id: Identifier
    unique_exam_id: Identifier
    student_number: Identifier
    national_id: MaskedId


class Participant(Identity):
    is_active: bool
    is_from_ladok: bool
    codes: list[str] = Field(description="The flow's Ladok codes on whose list the person is.")
    state: State
    message: Words


class Sent(Out):
    """The newest sending of a grade to one Ladok code, and what came of it."""

    attempt: uuid.UUID
    code: str
    grade: str
    points: Decimal | None
    state: ItemState
    may_be_in_ladok: bool
    message: Words


class Grade(Identity):
    """The grade that WISEflow has now, an alternative one in its place, and what has been sent."""

    grade: str
    is_alternative: bool
    graded_at: dt.datetime | None
    points: Decimal | None
    state: State
    message: Words
    sent: list[Sent]


# --- Exports


class Attempt(Out):
    """One request to Ladok. `unknown` outcomes are settled by asking Ladok, or by a manager's word."""

    attempt: uuid.UUID
    flow: Key
    code: str
    state: AttemptState
    is_retry: bool
    sent: int
    exported: int
    failed: int
    unknown: int
    http_status: int | None
    message: Words
    requested_at: dt.datetime
    finished_at: dt.datetime | None


class Item(Out):
    participant: Key
    organisation_id: Identifier
    unique_exam_id: Identifier
    grade: str
    points: Decimal | None
    state: ItemState
    may_be_in_ladok: bool
    message: Words


class ToSend(Out):
    participant: Key
    organisation_id: Identifier
    code: str
    grade: str
    points: Decimal | None
    may_be_in_ladok: bool


class Held(Out):
    participant: Key
    organisation_id: Identifier
    grade: str
    message: Words


class ExportPreview(Out):
    """What would be sent now, and who not and why. `message` is why nothing may be sent at all; empty where something may. With
    `fingerprint` as `seen`, exactly this is started, or nothing."""

    flow: Key
    fingerprint: str
    send: list[ToSend]
    held: list[Held]
    message: Words


class Marked(Out):
    flow: Key
    state: State
    count: int


class Started(Out):
    """Attempts that were started: ask for each until it is exported or failed."""

    flow: Key
    attempts: list[Attempt]


class Collecting(Out):
    """Ask for the flow until `isCollecting` is false and `gradesCollectedAt` is later than here."""

    flow: Key
    grades_collected_at: dt.datetime | None
    is_collecting: bool


# --- Exams


class ExamWithFlow(Out):
    code: str
    title: Words
    flow: Key
    starts_at: dt.datetime | None


class ExamWithoutFlow(Out):
    code: str
    title: Words
    subtitle: Words
    starts_at: dt.datetime


class ExamsWithoutFlow(Page[ExamWithoutFlow]):
    """`readAt` is when Ladok last told all it was asked for; `message` why it has not told all since."""

    read_at: dt.datetime | None
    message: Words


# --- What is asked for

Seen = Annotated[
    str | None, Field(default=None, min_length=1, max_length=100, description="The fingerprint that was shown.")
]
People = Annotated[
    list[Key] | None,
    Field(min_length=1, max_length=MOST_PEOPLE, description="Only these: keys of participants."),
]


class SynchroniseIn(In):
    seen: Seen = None


class PreviewIn(In):
    """As the body of `export` or `retry`, without `seen`."""

    asking: Literal["first", "retry", "overwrite"] = "first"
    participants: People = None
    send_again: bool = False
    include_unknown: bool = False


class ExportIn(In):
    """`sendAgain`: also what another flow has sent for the same person; `withLastList`: where Ladok's list could not be read the last
    time, with what was known then; `overwrite`: those whose grade was changed since it was exported."""

    seen: Seen = None
    participants: People = None
    send_again: bool = False
    with_last_list: bool = False
    overwrite: bool = False


class RetryIn(In):
    """`includeUnknown`: also those of whom nobody knows if Ladok has the grade: they may be registered twice. Participants who are named
    are sent in any case."""

    seen: Seen = None
    participants: People = None
    send_again: bool = False
    with_last_list: bool = False
    include_unknown: bool = False


class MarkIn(In):
    """Somebody has looked in Ladok: `in-ladok` of those who are named, or of whom Ladok has said so itself; `not-in-ladok` of those whose
    outcome is unknown; `take-back` of those who are marked."""

    word: Literal["in-ladok", "not-in-ladok", "take-back"]
    reason: str = Field(default="", max_length=1000, description="How it is known. Kept in the audit log.")
    participants: People = None


class TokenIn(Schema):
    """RFC 6749, section 4.4.2. The client may be given by HTTP Basic instead."""

    grant_type: str = Field(default="", examples=["client_credentials"])
    scope: str = Field(default="", description="Scopes, with blanks between; without, all that the client has.")
    client_id: str = ""
    client_secret: str = ""


class TokenOut(Schema):
    access_token: str
    token_type: str
    expires_in: int
    scope: str


class Problem(Out):
    """RFC 9457. `code` does not change, `todo` says what to do next and `who` can."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    todo: str
    who: str
    errors: list[dict[str, Any]] | None = None
