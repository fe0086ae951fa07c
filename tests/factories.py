"""Rows for tests: valid by default, every interesting value said by the test itself."""

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

import factory
from django.contrib.auth import get_user_model
from django.utils import timezone
from factory.django import DjangoModelFactory

from exports.models import Assessment, ExportAttempt, ExportItem
from ladokflow.wiseflow.scales import Scale
from sources.models import (
    ApiToken,
    AuditEntry,
    Credential,
    Delivery,
    Event,
    Flow,
    FlowSource,
    Membership,
    OAuthClient,
    Participant,
    Registration,
    Scope,
    Source,
    Subscription,
    SyncRun,
)
from sources.models.subscription import EVENTS

PASSWORD = "only for tests"
LAST_NAMES = ("Åberg", "Östlund", "Ängström", "Lindqvist", "Sjö-Berg", "af Ekenstam", "Nilsson", "Bäckström")
FIRST_NAMES = ("Åsa", "Björn", "Anna-Karin", "Östen", "Märta", "Per", "Gülşen", "Lars Erik")


# The scale of a flow whose test says none: what is stored of it is nobody's grade.
SCALE_ID = 77
GRADES = ("U", "G", "VG", "3", "4", "5", "A", "B", "C", "D", "E", "Fx", "F", "1", "2")


def scale_of(grades: Iterable[str], *, stores: int = 1001, scale_id: int = SCALE_ID) -> dict[str, Any]:
    """The definition of a scale of these grades, as `Flow.scale_definition` has it; `stores` is stored for the first, and so on."""
    options = tuple((grade, str(stores + number)) for number, grade in enumerate(grades))
    return Scale(scale_id, "", options).to_json()


def in_hours(hours: float) -> dt.datetime:
    return timezone.now() + dt.timedelta(hours=hours)


class UserFactory(DjangoModelFactory[Any]):
    """A person who can sign in with `PASSWORD`; no member of anything."""

    class Meta:
        model = get_user_model()
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@example.org")
    username = factory.SelfAttribute("email")
    password = factory.django.Password(PASSWORD)


class SourceFactory(DjangoModelFactory[Source]):
    """A university whose systems are not there: nothing answers on port 9."""

    class Meta:
        model = Source

    slug = factory.Sequence(lambda n: f"source-{n}")
    name = factory.Sequence(lambda n: f"Universitet {n}")
    university = "liu"
    ladok_url = "http://127.0.0.1:9/ladok"
    wiseflow_url = "http://127.0.0.1:9/wiseflow/v1"


class CredentialFactory(DjangoModelFactory[Credential]):
    class Meta:
        model = Credential

    source = factory.SubFactory(SourceFactory)
    system = Credential.System.LADOK
    kind = Credential.Kind.BEARER
    label = factory.Sequence(lambda n: f"key {n}")
    secret = "a secret"


class MembershipFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    source = factory.SubFactory(SourceFactory)
    user = factory.SubFactory(UserFactory)
    role = Membership.Role.MANAGER
    organisation_id = factory.LazyAttribute(lambda row: row.user.email)
    can_export = True


class FlowFactory(DjangoModelFactory[Flow]):
    """A flow that is there in WISEflow, synchronised, in its marking phase. `codes=[...]` names its Ladok codes."""

    class Meta:
        model = Flow
        skip_postgeneration_save = True

    source = factory.SubFactory(SourceFactory)
    title = factory.Sequence(lambda n: f"TDDE{n:02} Programmering")
    setup_state = Flow.Setup.READY
    setup_mark = factory.LazyFunction(lambda: uuid.uuid4().hex[:12])
    wiseflow_id = factory.Sequence(lambda n: 10_000 + n)
    state = Flow.State.PARTICIPATION_ENDED
    participation_start_at = factory.LazyFunction(lambda: in_hours(-72))
    participation_end_at = factory.LazyFunction(lambda: in_hours(-67))
    marking_start_at = factory.LazyFunction(lambda: in_hours(-48))
    marking_end_at = factory.LazyFunction(lambda: in_hours(240))
    synced_at = factory.LazyFunction(lambda: in_hours(-1))
    created_by = factory.SubFactory(UserFactory)
    grading_scale_id = SCALE_ID
    scale_definition = factory.LazyAttribute(lambda row: scale_of(getattr(row, "grades", None) or GRADES))

    @factory.post_generation
    def codes(self: Any, create: bool, extracted: list[str] | None, **_: Any) -> None:
        if not create:
            return
        for position, code in enumerate([f"CODE-{self.pk}"] if extracted is None else extracted):
            FlowSourceFactory(flow=self, code=code, position=position)


class FlowSourceFactory(DjangoModelFactory[FlowSource]):
    class Meta:
        model = FlowSource

    flow = factory.SubFactory(FlowFactory, codes=[])
    source = factory.SelfAttribute("flow.source")
    code = factory.Sequence(lambda n: f"EXAM-{n}")
    position = factory.LazyAttribute(lambda row: row.flow.codes.count())
    reference = factory.LazyAttribute(lambda row: f"ladok-{uuid.uuid4().hex[:8]}")


class ParticipantFactory(DjangoModelFactory[Participant]):
    """A student from the flow's first Ladok code. `codes=[...]` says another; `grade="5"` adds an assessment."""

    class Meta:
        model = Participant
        skip_postgeneration_save = True

    flow = factory.SubFactory(FlowFactory)
    wiseflow_id = factory.Sequence(lambda n: 500_000 + n)
    user_id = factory.Sequence(lambda n: 900_000 + n)
    organisation_id = factory.Sequence(lambda n: f"stude{n:03}@liu.example")
    national_id = factory.Sequence(lambda n: f"19900101T{n % 1000:03}")  # a T-number has three digits
    first_name = factory.Iterator(FIRST_NAMES)
    last_name = factory.Iterator(LAST_NAMES)
    email = factory.SelfAttribute("organisation_id")
    external_user_id = factory.Sequence(lambda n: f"00000000-0000-11ee-8000-{n:012}")
    unique_exam_id = factory.Sequence(lambda n: f"AID-{n:05}")

    @factory.post_generation
    def codes(self: Any, create: bool, extracted: list[FlowSource] | None, **_: Any) -> None:
        if create and self.is_from_source:
            for code in self.flow.codes.all()[:1] if extracted is None else extracted:
                register(self, code)

    @factory.post_generation
    def grade(self: Any, create: bool, extracted: str | None, **_: Any) -> None:
        if create and extracted:
            AssessmentFactory(participant=self, grade=extracted)


class SyncRunFactory(DjangoModelFactory[SyncRun]):
    class Meta:
        model = SyncRun

    flow = factory.SubFactory(FlowFactory)
    trigger = SyncRun.Trigger.MANAGER
    state = SyncRun.State.SUCCESS
    finished_at = factory.LazyAttribute(lambda row: None if row.state in SyncRun.OPEN else timezone.now())


class AuditEntryFactory(DjangoModelFactory[AuditEntry]):
    """`message` is to be said: any code of the catalogues, as `message("...").to_json()`."""

    class Meta:
        model = AuditEntry

    source = factory.SubFactory(SourceFactory)


class AssessmentFactory(DjangoModelFactory[Assessment]):
    class Meta:
        model = Assessment

    participant = factory.SubFactory(ParticipantFactory)
    grade = "5"
    grade_at = factory.LazyFunction(lambda: in_hours(-2))
    collected_at = factory.LazyFunction(timezone.now)


class ExportAttemptFactory(DjangoModelFactory[ExportAttempt]):
    """An attempt in any state, with the lease and the times that the state asks for."""

    class Meta:
        model = ExportAttempt

    flow = factory.SubFactory(FlowFactory)
    code = factory.LazyAttribute(lambda row: row.flow.codes.first())
    state = ExportAttempt.State.QUEUED

    @factory.lazy_attribute
    def token(self) -> uuid.UUID | None:
        return uuid.uuid4() if self.state in ("claimed", "reading", "sending") else None

    @factory.lazy_attribute
    def lease_until(self) -> dt.datetime | None:
        return in_hours(0.02) if self.state in ("claimed", "reading", "sending") else None

    @factory.lazy_attribute
    def enqueued_at(self) -> dt.datetime:
        return timezone.now()

    @factory.lazy_attribute
    def finished_at(self) -> dt.datetime | None:
        return None if self.state in ExportAttempt.OPEN else timezone.now()


class ExportItemFactory(DjangoModelFactory[ExportItem]):
    """One person's grade in an attempt: the person's own identifiers, as `start_export` copies them."""

    class Meta:
        model = ExportItem

    attempt = factory.SubFactory(ExportAttemptFactory)
    participant = factory.SubFactory(ParticipantFactory, flow=factory.SelfAttribute("..attempt.flow"))
    organisation_id = factory.SelfAttribute("participant.organisation_id")
    unique_exam_id = factory.SelfAttribute("participant.unique_exam_id")
    external_user_id = factory.SelfAttribute("participant.external_user_id")
    national_id = factory.SelfAttribute("participant.national_id")
    grade = "5"
    state = ExportItem.State.LIVE


def register(participant: Participant, code: FlowSource, **facts: Any) -> Registration:
    """The participant is on Ladok's list of the code, as the participant is known."""
    names = ("organisation_id", "national_id", "external_user_id", "unique_exam_id")
    return Registration.objects.create(
        participant=participant, code=code, **({name: getattr(participant, name) for name in names} | facts)
    )


class ApiTokenFactory(DjangoModelFactory[ApiToken]):
    """A token with every scope, in the name of a manager who may export. Its secret, in clear, is `row.secret`."""

    class Meta:
        model = ApiToken

    membership = factory.SubFactory(MembershipFactory)
    label = factory.Sequence(lambda n: f"system {n}")
    scopes = factory.LazyFunction(lambda: list(Scope.values))

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        row = model_class(*args, **kwargs)
        row.secret = row.renew_secret()
        row.save()
        return row


class OAuthClientFactory(ApiTokenFactory):
    class Meta:
        model = OAuthClient


class SubscriptionFactory(DjangoModelFactory[Subscription]):
    """A subscriber whom nothing answers for."""

    class Meta:
        model = Subscription

    source = factory.SubFactory(SourceFactory)
    label = factory.Sequence(lambda n: f"receiver {n}")
    url = "http://127.0.0.1:9/told"
    events = factory.LazyFunction(lambda: [str(event) for event in EVENTS])


class DeliveryFactory(DjangoModelFactory[Delivery]):
    class Meta:
        model = Delivery

    subscription = factory.SubFactory(SubscriptionFactory)
    event = Event.TEST
