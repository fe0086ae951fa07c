"""What WISEflow answers, as plain frozen values. Its own spelling of the keys stands here and nowhere else.

Tolerant in what is read: unknown keys, missing optional keys and null are normal, numbers may come as text, and dates as
seconds, milliseconds or ISO 8601. Strict where a grade is at stake: a row that cannot be understood is an error of the
whole answer, never a row that is left out.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Annotated, Any

from pydantic import AliasChoices, AliasPath, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from ladokflow.identifiers import normal
from ladokflow.wiseflow.wire import (
    FlowState,
    Id,
    IsNull,
    Moment,
    Rows,
    Text,
    Texts,
    UsuallyFalse,
    UsuallyTrue,
    Wire,
    or_empty,
)
from ladokflow.wiseflow.words import TYPE_NUMBERS

# The number of the variant in `GET /flow/{flowId}`; 0 is an ordinary flow, 1 a re-examination.
REMARKING = 2
# `exportState` of a grade that UNIwise's own client has sent, or is about to
SENT_BY_SIS = ("1", "2", "QUEUED", "EXPORTED")


# --- The licence -------------------------------------------------------------------------------------------------


class UserDataType(Wire):
    """A kind of identifier of a person, with the licence's own id for it."""

    id: Id
    name: Text
    pattern: Text = ""


class LicenceRole(Wire):
    id: Id = Field(validation_alias=AliasChoices("roleId", "id"))
    name: Text
    is_protected: UsuallyFalse = Field(default=False, validation_alias="isProtected")


class FlowType(Wire):
    id: Id
    name: Text


class GradeOption(Wire):
    """`grade` is what is shown and entered, `value` is what WISEflow stores for it."""

    grade: Text
    value: Text = ""


class _Options(Wire):
    options: Rows[GradeOption] = ()


class _Input(Wire):
    min: float | None = None
    max: float | None = None
    modifier: float | None = None


class GradingScale(Wire):
    """A scale is a list of grades or, where it is a range, a number between `input.min` and `input.max`."""

    id: Id
    name: Text
    list: Annotated[_Options, BeforeValidator(or_empty)] = _Options()
    input: Annotated[_Input, BeforeValidator(or_empty)] = _Input()

    @property
    def options(self) -> tuple[GradeOption, ...]:
        return self.list.options

    @property
    def grades(self) -> tuple[str, ...]:
        return tuple(option.grade for option in self.list.options if option.grade)

    @property
    def is_range(self) -> bool:
        return not self.grades


class _Settings(Wire):
    requires_unique_emails: UsuallyFalse = Field(default=False, validation_alias="requireUniqueEmails")


class LicenceInfo(Wire):
    user_data_types: Rows[UserDataType] = Field(default=(), validation_alias="userDataTypes")
    roles: Rows[LicenceRole] = Field(default=(), validation_alias="licenseRoles")
    flow_types: Rows[FlowType] = Field(default=(), validation_alias="flowTypes")
    settings: Annotated[_Settings, BeforeValidator(or_empty)] = _Settings()

    @property
    def requires_unique_emails(self) -> bool:
        return self.settings.requires_unique_emails


class Webhook(Wire):
    """A call WISEflow makes to us. Its secret is given when it is created and cannot be read."""

    id: Id
    title: Text = ""
    url: Text = ""
    active: UsuallyTrue = True
    events: Texts = ()


# --- People ------------------------------------------------------------------------------------------------------


class UserData(Wire):
    type_id: Id = Field(validation_alias=AliasChoices("id", "userDataTypeId"))
    name: Text = ""
    value: Text = ""


class User(Wire):
    id: Id
    first_name: Text = Field(default="", validation_alias="firstName")
    last_name: Text = Field(default="", validation_alias="lastName")
    emails: Texts = ()
    data: Rows[UserData] = Field(default=(), validation_alias="dataTypes")
    is_deactivated: UsuallyFalse = Field(default=False, validation_alias="deactivated")

    def values(self, type_id: int) -> tuple[str, ...]:
        """The person's identifiers of one kind: some kinds hold several."""
        return tuple(entry.value for entry in self.data if entry.type_id == type_id)


class _UserId(Wire):
    user_id: Id = Field(validation_alias="userId")


# --- Flows -------------------------------------------------------------------------------------------------------


class _FlowId(Wire):
    flow_id: Id = Field(validation_alias="flowId")


class SisCode(Wire):
    code: Text = ""


class FlowInfo(Wire):
    """`GET /flow/{flowId}`. `type` is the number of the flow type, `state` WISEflow's own number of the phase."""

    id: Id
    title: Text = Field(default="", validation_alias="name")
    subtitle: Text = Field(default="", validation_alias="subName")
    type: Id | None = None
    variant: Id | None = None
    state: FlowState
    created_at: Moment = Field(default=None, validation_alias="creationDate")
    participation_start_at: Moment = Field(default=None, validation_alias="participantStartDate")
    participation_end_at: Moment = Field(default=None, validation_alias="participantEndDate")
    marking_start_at: Moment = Field(default=None, validation_alias="assessorStartDate")
    marking_end_at: Moment = Field(default=None, validation_alias="assessorEndDate")
    # What UNIwise's own integration client has put on the flow: as long as it is there, that client may synchronise and export it.
    sis: Rows[SisCode] = Field(default=(), validation_alias="sisInformation")

    @property
    def sis_codes(self) -> tuple[str, ...]:
        return tuple(row.code for row in self.sis if row.code)

    @property
    def is_remarking(self) -> bool:
        """Whether the flow is for marking another flow's submissions again."""
        return self.variant == REMARKING

    @property
    def type_name(self) -> str:
        """As in FoundFlow.type; empty for a number that is not published."""
        return TYPE_NUMBERS.get(self.type, "") if self.type is not None else ""


class FoundFlow(Wire):
    """A row of `POST /flows/search`. `type` is the name of the flow type here, `state` the number as in FlowInfo."""

    id: Id = Field(validation_alias="flowId")
    title: Text = ""
    subtitle: Text = ""
    type: Text = ""
    state: FlowState
    external_references: Texts = Field(default=(), validation_alias="externalSourceReferences")
    created_at: Moment = Field(default=None, validation_alias="createdAt")


class Metadata(BaseModel):
    """The whole object of `GET /flows/{flowId}/metadata`: keys we do not know go back as they came."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    title: Text
    subtitle: str | None = None
    code: str | None = None
    term: str | None = None
    examination_type: str | None = Field(default=None, alias="examinationType")
    purpose: str | None = None

    def changed(self, **values: str | None) -> Metadata:
        return self.model_copy(update=values)


class FlowDates(Wire):
    participation_start_at: Moment = Field(default=None, validation_alias=AliasPath("participation", "start"))
    participation_end_at: Moment = Field(default=None, validation_alias=AliasPath("participation", "end"))
    marking_start_at: Moment = Field(default=None, validation_alias=AliasPath("marking", "start"))
    marking_end_at: Moment = Field(default=None, validation_alias=AliasPath("marking", "end"))
    # The latest end that a participant has, the flow's own among them. Only of a flow, and only read.
    latest_individual_end_at: Moment = Field(
        default=None, validation_alias=AliasPath("participation", "latestIndividualEnd")
    )


class _ScaleId(Wire):
    scale_id: Id | None = Field(default=None, validation_alias="gradingScaleId")


class Anonymisation(Wire):
    """What assessors see instead of names: the participant's number, the unique exam id, or an identifier of one kind."""

    is_on: UsuallyFalse = Field(default=False, validation_alias="enabled")
    by_number: UsuallyFalse = Field(default=False, validation_alias=AliasPath("type", "participantIndex"))
    by_exam_id: UsuallyFalse = Field(default=False, validation_alias=AliasPath("type", "uniqueExamId"))
    by_data_type: Id | None = Field(default=None, validation_alias=AliasPath("type", "userDataTypeId"))


class _Description(Wire):
    description: Text = ""


class TimeBox(Wire):
    """How long each participant has from their own start, where that is limited."""

    is_on: UsuallyFalse = Field(default=False, validation_alias="enabled")
    minutes: int | None = Field(default=None, validation_alias="durationMinutes")


class _Allocation(Wire):
    kind: Text = Field(validation_alias="allocationType")


class AssessorGroup(Wire):
    """Assessors who share students, where a flow's assessors are given them in groups. The ids are those of rows (Staff.id)."""

    id: Id
    title: Text = ""
    assessor_ids: Rows[Id] = Field(default=(), validation_alias="assessorIds")
    participant_ids: Rows[Id] = Field(default=(), validation_alias="participantIds")


class ExternalSource(Wire):
    """A reference on a flow, with a button for managers that asks us to synchronise it."""

    id: Id
    reference: Text
    description: Text = ""
    state: Text = "NONE"
    last_requested_at: Moment = Field(default=None, validation_alias="lastRequestedSync")
    last_synced_at: Moment = Field(default=None, validation_alias="lastSync")


# --- Participants and staff --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExternalId:
    """An identifier of a person. WISEflow names its kind here and does not give the kind's id. There are several of each person."""

    name: Text = ""
    value: Text = ""


@dataclass(frozen=True, slots=True, config=ConfigDict(populate_by_name=True))
class FlowParticipant:
    """As `ExternalId`, there are many: what a model keeps of each beside its values would be as much again."""

    id: Annotated[Id, Field(validation_alias="participantId")]
    user_id: Annotated[
        Id | None,
        Field(validation_alias=AliasChoices("userId", AliasPath("user", "id"), AliasPath("user", "userId"))),
    ] = None
    first_name: Annotated[Text, Field(validation_alias=AliasPath("user", "firstName"))] = ""
    last_name: Annotated[Text, Field(validation_alias=AliasPath("user", "lastName"))] = ""
    external_ids: Annotated[Rows[ExternalId], Field(validation_alias=AliasPath("user", "externalIds"))] = ()
    unique_exam_id: Annotated[Text, Field(validation_alias="uniqueExamId")] = ""
    activated: UsuallyTrue = True
    number: int | None = None
    # Left out of what a synchronisation goes by: that somebody hands in changes nothing for it.
    submission_id: Annotated[Id | None, Field(validation_alias="submissionId", exclude=True)] = None
    # Whether WISEflow says so, by null: that it says nothing of it is another thing.
    has_no_submission: Annotated[IsNull, Field(validation_alias="submissionId", exclude=True)] = False
    assessor_ids: Annotated[Rows[Id], Field(validation_alias="assessorIds")] = ()

    def values(self, name: str) -> tuple[str, ...]:
        """The person's identifiers of one kind, by the kind's name in any case."""
        return tuple(entry.value for entry in self.external_ids if normal(entry.name) == normal(name))


class NewParticipant(Wire):
    """Who is to be added: by user id, or by e-mail address where the licence has each address once."""

    user_id: int | None = None
    email: str = ""
    unique_exam_id: str = ""


class AddResult(Wire):
    """What came of one row of add_participants. `error` is ALREADY_ON_FLOW, USER_NOT_FOUND or UNEXPECTED."""

    participant_id: Id | None = Field(default=None, validation_alias=AliasPath("participant", "id"))
    error: str | None = None

    @property
    def is_on_flow(self) -> bool:
        return self.participant_id is not None or self.error == "ALREADY_ON_FLOW"


class RowError(Wire):
    participant_id: Id = Field(validation_alias="id")
    error: Text = ""


class Staff(Wire):
    """A manager, assessor, reviewer, invigilator or author on a flow. `id` is per flow and role, `user_id` is the person."""

    id: Id = Field(validation_alias=AliasChoices("managerId", "assessorId", "reviewerId", "invigilatorId", "authorId"))
    user_id: Id = Field(validation_alias=AliasChoices(AliasPath("user", "userId"), AliasPath("user", "id")))
    first_name: Text = Field(default="", validation_alias=AliasPath("user", "firstName"))
    last_name: Text = Field(default="", validation_alias=AliasPath("user", "lastName"))
    is_creator: UsuallyFalse = Field(default=False, validation_alias="isCreator")
    # Of an invigilator
    is_head_invigilator: UsuallyFalse = Field(default=False, validation_alias="isHeadInvigilator")
    # Of a reviewer
    is_allocated_to_all: UsuallyFalse = Field(default=False, validation_alias="isAllocatedToAll")
    sees_assessments: UsuallyFalse = Field(default=False, validation_alias="hasAccessToAssessmentInformation")
    can_decide_on_final_grade: UsuallyFalse = Field(default=False, validation_alias="canDecideOnFinalGrade")

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class _ParticipantIds(Wire):
    participant_ids: Rows[Id] = Field(default=(), validation_alias="participantIds")


# --- Rooms -------------------------------------------------------------------------------------------------------


class Room(Wire):
    id: Id
    name: Text
    identifier: Text = ""
    campus: Text = ""
    capacity: int | None = None
    can_be_booked: UsuallyTrue = Field(default=True, validation_alias="canBeBooked")


class RoomBooking(Wire):
    id: Id = Field(validation_alias="roomBookingId")
    room_id: Id = Field(validation_alias="roomId")
    start_at: Moment = Field(default=None, validation_alias="from")
    end_at: Moment = Field(default=None, validation_alias="to")


# --- Grades ------------------------------------------------------------------------------------------------------


class WiseflowAssessment(Wire):
    """A row of `GET /flow/{flowId}/assessments`. A participant without a grade has empty texts.

    WISEflow calls the alternative grade `adminGrade` here.
    """

    participant_id: Id = Field(validation_alias="participantId")
    grade: Text = ""
    grade_at: Moment = Field(default=None, validation_alias="date")
    alternative_grade: Text = Field(default="", validation_alias="adminGrade")
    alternative_grade_at: Moment = Field(default=None, validation_alias="adminGradeDate")


class FormerExport(Wire):
    """The same row, as far as it tells of an export by UNIwise's own integration client; of ours WISEflow knows nothing."""

    participant_id: Id = Field(validation_alias="participantId")
    state: Text = Field(default="", validation_alias="exportState")
    at: Moment = Field(default=None, validation_alias="exportDate")
    grade: Text = ""
    alternative_grade: Text = Field(default="", validation_alias="adminGrade")

    @property
    def has_grade(self) -> bool:
        return bool(self.grade or self.alternative_grade)

    @property
    def was_sent(self) -> bool:
        """Queued counts: that client may have sent it since."""
        return self.state.upper() in SENT_BY_SIS


class EventGrade(Wire):
    """The grade that an entry of the trail tells of, on the scale with this id."""

    scale_id: Id | None = Field(default=None, validation_alias="scaleId")
    value: Text = ""


class MarkingEvent(Wire):
    """An entry of a participant's marking audit trail: `kind` is "reviewer.audit.log.finalized.grade" and the like.

    `grade_value` and `points` as text, empty where the event has none. `assessor_id` is whom it is about, `actor_id` who did it: both
    are numbers of users.
    """

    kind: Text = Field(default="", validation_alias="type")
    grade: EventGrade | None = None
    points: Text = ""
    assessor_id: Id | None = Field(default=None, validation_alias="assessorUserId")
    actor_id: Id | None = Field(default=None, validation_alias=AliasPath("triggeredBy", "userId"))

    @property
    def name(self) -> str:
        """The kind without the blanks that WISEflow's description has around it."""
        return self.kind.strip()

    @property
    def grade_value(self) -> str:
        return self.grade.value if self.grade is not None else ""


class MarkingTrail(Wire):
    events: Rows[MarkingEvent] = Field(default=(), validation_alias="auditEvents")


class ItemMark(Wire):
    """One assessor's score of one item; deactivated items and those not scored yet have none."""

    reference: Text
    item_number: int | None = Field(default=None, validation_alias="itemNumber")
    assessor_id: Id | None = Field(default=None, validation_alias="assessorId")
    deactivated: UsuallyFalse = False
    score: float | None = None


# --- What was handed in -------------------------------------------------------------------------------------------


def _percentage(value: Any) -> float | None:
    """None for whatever is none, as while a report is being made: it says nothing of who has handed in."""
    try:
        percentage = float(value)
    except (TypeError, ValueError):
        return None
    return percentage if 0 <= percentage < math.inf else None


class SimilarityReport(Wire):
    percentage: Annotated[float | None, BeforeValidator(_percentage)] = None
    status: Text = ""
    provider: Text = ""


class HandIn(Wire):
    """None where WISEflow does not say."""

    handed_in: bool | None = Field(default=None, validation_alias="handedIn")
    is_blank: UsuallyFalse = Field(default=False, validation_alias="handedInBlank")
    at: Moment = Field(default=None, validation_alias="handedInDate")


class Submission(Wire):
    """What one participant, or the members of a group, have handed in, as far as WISEflow says. The address that it came from is not
    read."""

    id: Id
    status: Annotated[HandIn, BeforeValidator(or_empty)] = HandIn()
    similarity: Rows[SimilarityReport] = Field(default=(), validation_alias="similarityReports")


class Quarantine(Wire):
    reason: Text = ""
    by: Text = ""


def _size(value: Any) -> int | None:
    """A number of bytes; None for whatever is none, as "1.2 MB"."""
    try:
        size = int(value)
    except (TypeError, ValueError):
        return None
    return size if size >= 0 and not isinstance(value, bool) else None


Size = Annotated[int | None, BeforeValidator(_size)]


class StoredFile(Wire):
    """A file behind a link that ends (after 25 hours, says the description). `kind` is DOCUMENT, ADDENDUM, MATERIAL, COMMENT or
    ITEM_SUBMISSION; `size` is None where it is not told."""

    id: Id
    kind: Text = Field(default="", validation_alias="type")
    name: Text = Field(default="", validation_alias="filename")
    content_type: Text = Field(default="", validation_alias="contentType")
    size: Size = None
    link: Text = ""
    created_at: Moment = Field(default=None, validation_alias="createdAt")
    quarantine: Annotated[Quarantine | None, BeforeValidator(lambda value: value or None)] = None


class LinkedFile(Wire):
    """A file of an assignment, with its link."""

    name: Text = ""
    size: Size = None
    content_type: Text = Field(default="", validation_alias="content-type")
    link: Text = Field(default="", validation_alias="url")


class Assignment(Wire):
    """The question paper, or the reference of one that is answered item by item."""

    id: Id | None = None
    reference: Text = Field(default="", validation_alias="publishedReference")
    paper: LinkedFile | None = Field(default=None, validation_alias="assignment")
    appendices: Rows[LinkedFile] = ()
    data: Any = None


class AssignmentLinks(Wire):
    validated: Text = Field(default="", validation_alias="validatedPDFUrl")
    not_validated: Text = Field(default="", validation_alias="nonValidatedPDFUrl")


# --- Logs --------------------------------------------------------------------------------------------------------


def _first_number(value: Any) -> Any:
    """`sort` is a list; its first value is the moment."""
    return value[0] if isinstance(value, list) and value else value


def _as_object(value: Any) -> Any:
    """The entry itself: the description says a text, which is JSON where it can be read as such."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {"message": value}
    return value if isinstance(value, dict) else {"message": "" if value is None else str(value)}


class LogEntry(Wire):
    """An entry of WISEflow's logs. What stands in `content` differs from one type of flow to another, and may change at any time.

    `sort` is what the next page is asked for by: its moment in unix milliseconds.
    """

    id: Text = Field(default="", validation_alias="_id")
    sort: Annotated[Id, BeforeValidator(_first_number)]
    content: Annotated[dict[str, Any], BeforeValidator(_as_object)] = Field(
        default_factory=dict, validation_alias="_source"
    )

    @property
    def at(self) -> dt.datetime | None:
        """None where the number is no moment."""
        try:
            return dt.datetime.fromtimestamp(self.sort / 1000, dt.UTC)
        except (OverflowError, OSError, ValueError):
            return None


# --- What has been counted of a marking item by item ---------------------------------------------------------------


class _Counted(Wire):
    state: Text = ""
    built_at: Moment = Field(default=None, validation_alias="builtAt")

    @property
    def is_done(self) -> bool:
        return self.state.upper() == "DONE"

    @property
    def built_order(self) -> float:
        return self.built_at.timestamp() if self.built_at else 0.0


def _scores(value: Any) -> Any:
    """Several where several assessors have scored; one under `score` in an assessor's own figures. Who has not yet has given none."""
    return [each for each in (value if isinstance(value, list) else (value,)) if each is not None]


class ScoredParticipant(Wire):
    id: Id
    scores: Annotated[tuple[float, ...], BeforeValidator(_scores)] = Field(
        default=(), validation_alias=AliasChoices("scores", "score")
    )


class ItemAnalysis(Wire):
    """WISEflow's own figures. How it works them out is not published."""

    mean: float | None = None
    difficulty: float | None = Field(default=None, validation_alias="difficultyIndex")
    discrimination: float | None = Field(default=None, validation_alias="discriminationIndex")


class _Question(Wire):
    reference: Text = Field(default="", validation_alias="questionReference")
    number: int | None = None
    kind: Text = Field(default="", validation_alias="type")
    unscorable: Text = Field(default="", validation_alias="unscorableType")


class ScoredQuestion(_Question):
    is_auto_scored: UsuallyFalse = Field(default=False, validation_alias="isAutoScored")
    participants: Rows[ScoredParticipant] = ()
    analysis: Rows[ItemAnalysis] = ()


class ScoredItem(Wire):
    reference: Text = Field(default="", validation_alias="itemReference")
    number: int | None = None
    questions: Rows[ScoredQuestion] = ()


class ItemScores(_Counted):
    """Who did not try a question and got no score by hand is left out of it."""

    items: Rows[ScoredItem] = ()


class Response(Wire):
    validation: Text = Field(default="", validation_alias="validationType")
    participant_ids: Rows[Id] = Field(default=(), validation_alias="participantIds")


class AnsweredQuestion(_Question):
    responses: Rows[Response] = ()
    unattempted: int | None = Field(default=None, validation_alias="numberOfUnattempted")


class AnsweredItem(Wire):
    reference: Text = Field(default="", validation_alias="itemReference")
    number: int | None = None
    questions: Rows[AnsweredQuestion] = ()


class ItemResponses(_Counted):
    items: Rows[AnsweredItem] = ()
