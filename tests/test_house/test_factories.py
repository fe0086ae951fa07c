"""Every factory gives a row that the database takes, as it stands and in each state."""

import pytest

from exports.models import ExportAttempt, ExportItem
from sources.models import Flow, SyncRun
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "name",
    [
        "UserFactory",
        "SourceFactory",
        "CredentialFactory",
        "MembershipFactory",
        "FlowFactory",
        "FlowSourceFactory",
        "ParticipantFactory",
        "SyncRunFactory",
        "AuditEntryFactory",
        "AssessmentFactory",
        "ExportAttemptFactory",
        "ExportItemFactory",
        "ApiTokenFactory",
        "OAuthClientFactory",
        "SubscriptionFactory",
        "DeliveryFactory",
    ],
)
def test_a_factory_gives_a_row_without_being_told_anything(name: str) -> None:
    extra = {"message": {"code": "remote.cut", "params": {"system": "Ladok"}}} if name == "AuditEntryFactory" else {}
    assert getattr(factories, name)(**extra).pk


@pytest.mark.parametrize("state", ExportAttempt.State.values)
def test_an_attempt_can_be_made_in_every_state(state: str) -> None:
    assert factories.ExportAttemptFactory(state=state).state == state


@pytest.mark.parametrize("state", SyncRun.State.values)
def test_a_run_can_be_made_in_every_state(state: str) -> None:
    assert factories.SyncRunFactory(state=state).state == state


def test_a_participant_of_a_flow_comes_from_its_first_code() -> None:
    flow = factories.FlowFactory(codes=["A", "B"])
    participant = factories.ParticipantFactory(flow=flow, grade="VG")
    assert [code.code for code in participant.listed_codes] == ["A"]
    assert participant.assessment.effective_grade == "VG"


def test_an_item_carries_the_identifiers_of_its_person() -> None:
    item = factories.ExportItemFactory(state=ExportItem.State.FAILED)
    assert item.participant.flow == item.attempt.flow
    assert item.national_id == item.participant.national_id != ""


@pytest.mark.django_db(transaction=True)
def test_a_test_that_commits_leaves_an_empty_database_behind() -> None:
    factories.FlowFactory()
    assert Flow.objects.count() == 1
