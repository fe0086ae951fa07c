"""Home: what needs me today?"""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from ladokflow.messages import message
from sources.models import BatchExam, Flow, FlowBatch
from tests.factories import FlowFactory, FlowSourceFactory, MembershipFactory, SyncRunFactory, UserFactory, in_hours
from tests.pages.walking import main_text

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


def test_someone_without_a_source_is_told_whom_to_ask(sign_in: SignIn) -> None:
    assert "licence admin" in sign_in(UserFactory()).get("/").content.decode()


def test_a_new_manager_is_led_to_the_first_flow(sign_in: SignIn) -> None:
    page = sign_in(MembershipFactory().user).get("/").content.decode()
    assert "Make the first flow" in page


def test_failed_asking_ending_and_waiting_flows_stand_on_the_page_with_their_reason(sign_in: SignIn) -> None:
    membership = MembershipFactory()
    common = {"source": membership.source, "marking_end_at": in_hours(24 * 60)}
    told = message("remote.timeout", system="Ladok", seconds=30).to_json()
    FlowFactory(title="Failed one", export_state="failed", export_message=told, **common)
    FlowFactory(title="Asking one", sync_message=message("sources.brake_empty", code="X", before=9).to_json(), **common)
    changed = message("export.some_changed", count=1, total=3).to_json()
    FlowFactory(title="Changed one", export_state="exported", export_message=changed, **common)
    FlowFactory(title="Waiting one", state=Flow.State.CONCLUDED, graded_count=3, **common)
    FlowFactory(title="Ending one", **common | {"marking_end_at": in_hours(24 * 3)})
    FlowFactory(title="Quiet one", **common)
    page = sign_in(membership.user).get("/").content.decode()
    for title in ("Failed one", "Asking one", "Changed one", "Waiting one", "Ending one"):
        assert page.count(title) == 1, title
    assert "Quiet one" not in page
    assert "Ladok did not answer within 30 seconds." in page


def test_exams_that_did_not_become_flows_are_told_to_who_asked_for_them_and_nobody_else(sign_in: SignIn) -> None:
    anna = MembershipFactory()
    lars = MembershipFactory(source=anna.source)
    for member, code, message_of_it in (
        (anna, "REFUSED", told_of()),
        (anna, "WAITING", {}),
        (lars, "OF-LARS", told_of()),
    ):
        batch = FlowBatch.objects.create(source=member.source, requested_by=member.user)
        BatchExam.objects.create(batch=batch, position=0, code=code, message=message_of_it)
    for has_flows in (False, True):
        if has_flows:
            FlowFactory(source=anna.source)
        page = sign_in(anna.user).get("/").content.decode()
        assert "Exams that did not become flows" in page
        assert "REFUSED and those chosen with it" in page
        assert "WAITING" not in page
        assert "OF-LARS" not in page


def test_an_exam_that_is_on_a_flow_after_all_is_not_told_as_one_that_became_none(sign_in: SignIn) -> None:
    anna = MembershipFactory()
    batch = FlowBatch.objects.create(source=anna.source, requested_by=anna.user)
    BatchExam.objects.create(batch=batch, position=0, code="SENT-TWICE", message=told_of())
    code = FlowSourceFactory(flow__source=anna.source, code="SENT-TWICE")
    assert "Exams that did not become flows" not in sign_in(anna.user).get("/").text
    code.removed_at = timezone.now()
    code.save()
    assert "Exams that did not become flows" in sign_in(anna.user).get("/").text


def test_one_is_not_counted_as_several(sign_in: SignIn) -> None:
    flow = FlowFactory(export_state="failed")
    client = sign_in(MembershipFactory(source=flow.source).user)
    assert re.search(r">\s*failed export\s*<", client.get("/").text)
    assert re.search(r">\s*misslyckad export\s*<", client.get("/", headers={"accept-language": "sv"}).text)


def told_of() -> dict[str, object]:
    return message("remote.timeout", system="Ladok", seconds=30).to_json()


def test_last_night_is_summed_up(sign_in: SignIn) -> None:
    membership = MembershipFactory()
    flow = FlowFactory(source=membership.source)
    SyncRunFactory(flow=flow, trigger="night", added=3)
    SyncRunFactory(flow=flow, trigger="night", state="failed")
    SyncRunFactory(trigger="night", added=99)  # another university's
    page = sign_in(membership.user).get("/").content.decode()
    assert "1 of 2 synchronisations." in page
    assert "Students added 3 " in main_text(page)


def test_flows_of_other_universities_do_not_count(sign_in: SignIn) -> None:
    FlowFactory(title="Foreign", export_state="failed")
    membership = MembershipFactory()
    FlowFactory(source=membership.source)
    assert "Foreign" not in sign_in(membership.user).get("/").content.decode()


def test_home_takes_as_many_queries_for_many_flows_as_for_few(
    sign_in: SignIn, django_assert_max_num_queries: Callable
) -> None:
    membership = MembershipFactory()
    common = {"source": membership.source, "marking_end_at": in_hours(24)}
    told = message("sources.brake_empty", code="X", before=9).to_json()
    FlowFactory.create_batch(20, export_state="failed", sync_message=told, **common)
    FlowFactory.create_batch(20, state=Flow.State.CONCLUDED, graded_count=3, **common)
    client = sign_in(membership.user)
    with django_assert_max_num_queries(21):
        client.get("/")
