"""The pages of one flow."""

import uuid
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ladokflow.messages import message
from sources.models import Flow, Membership, SyncRun
from tests.factories import (
    ExportAttemptFactory,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
    SyncRunFactory,
)
from tests.filling import form_on, press
from tests.meanwhile import once_at
from tests.pages.walking import main_text

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]

PAGES = ("detail", "participants", "codes", "syncs", "exports")


def seen_by_a_manager(sign_in: SignIn, flow: Flow) -> Client:
    return sign_in(MembershipFactory(source=flow.source).user)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_works_for_a_manager_and_does_not_exist_for_others(sign_in: SignIn, client: Client, name: str) -> None:
    flow = FlowFactory()
    address = reverse(f"flows:{name}", args=[flow.pk])
    assert flow.title in seen_by_a_manager(sign_in, flow).get(address).content.decode()
    assert sign_in(MembershipFactory().user).get(address).status_code == 404
    assert client.get(address).status_code == 302
    assert seen_by_a_manager(sign_in, flow).post(address).status_code == 405


@pytest.mark.parametrize("name", ["sync", "resume"])
def test_actions_take_a_post_from_a_manager_only(sign_in: SignIn, client: Client, name: str) -> None:
    flow = FlowFactory()
    address = reverse(f"flows:{name}", args=[flow.pk])
    assert seen_by_a_manager(sign_in, flow).get(address).status_code == 405
    assert sign_in(MembershipFactory().user).post(address).status_code == 404
    assert client.post(address).status_code == 302
    assert not SyncRun.objects.exists()


@pytest.mark.parametrize("university", ["boras", "liu"])
@pytest.mark.parametrize("wanted", ["instant_export", "exports_when_marking_ends"])
def test_it_is_told_when_who_made_the_flow_may_not_export_and_so_nothing_goes_by_itself(
    sign_in: SignIn, wanted: str, university: str
) -> None:
    maker = MembershipFactory(
        source__university=university, organisation_id="bosse@hb.example", user__username="bosse", can_export=False
    )
    flow = FlowFactory(source=maker.source, created_by=maker.user)
    client, address = sign_in(maker.user), reverse("flows:detail", args=[flow.pk])
    sentence = "bosse, in whose name it would go, may not export here."
    assert sentence not in client.get(address).content.decode()
    Flow.objects.filter(pk=flow.pk).update(**{wanted: True})
    assert sentence in client.get(address).content.decode()
    Membership.objects.filter(pk=maker.pk).update(can_export=True)
    assert sentence not in client.get(address).content.decode()


def test_synchronise_now_pressed_twice_asks_once(sign_in: SignIn) -> None:
    flow = FlowFactory()
    client = seen_by_a_manager(sign_in, flow)
    for _ in range(2):
        answer = client.post(reverse("flows:sync", args=[flow.pk]))
        assert answer.headers["Location"] == reverse("flows:detail", args=[flow.pk])
    run = SyncRun.objects.get()
    assert (run.flow, run.trigger, run.is_confirmed) == (flow, SyncRun.Trigger.MANAGER, False)


def test_a_flow_that_is_being_made_shows_how_far_it_has_come_and_asks_again(sign_in: SignIn) -> None:
    flow = FlowFactory(setup_state="creating", setup_step="dates", wiseflow_id=None, state=None, synced_at=None)
    client = seen_by_a_manager(sign_in, flow)
    address = reverse("flows:detail", args=[flow.pk])
    page = client.get(address).content.decode()
    assert 'hx-trigger="every 2s"' in page
    assert '<meta http-equiv="refresh"' in page  # without JavaScript
    assert page.count('class="is-done"') == 4
    assert "Synchronise now" not in page
    update = client.get(address, headers={"HX-Request": "true", "HX-Target": "progress"}).content.decode()
    assert "<html" not in update
    assert 'id="progress"' in update


def test_when_the_work_is_over_the_update_is_the_whole_content_and_stops_asking(sign_in: SignIn) -> None:
    flow = FlowFactory()
    client = seen_by_a_manager(sign_in, flow)
    address = reverse("flows:detail", args=[flow.pk])
    update = client.get(address, headers={"HX-Request": "true", "HX-Target": "progress"})
    assert "every 2s" not in update.text
    assert [update.headers[name] for name in ("HX-Retarget", "HX-Reselect", "HX-Reswap")] == [
        "#flow",
        "#flow",
        "outerHTML",
    ]
    assert "HX-Retarget" not in client.get(address).headers
    assert 'id="progress"' not in client.get(address).content.decode()


TOLD = message("remote.timeout", system="WISEflow", seconds=30)


def synchronising(flow: Flow) -> Callable[[], None]:
    run = SyncRunFactory(flow=flow, state="running")

    def end() -> None:
        SyncRun.objects.filter(pk=run.pk).update(state="failed", finished_at=timezone.now(), message=TOLD.to_json())
        Flow.objects.filter(pk=flow.pk).update(sync_message=TOLD.to_json())

    return end


def creating(flow: Flow) -> Callable[[], None]:
    Flow.objects.filter(pk=flow.pk).update(setup_state="creating", setup_step="dates")

    def end() -> None:
        Flow.objects.filter(pk=flow.pk).update(setup_state="stopped", setup_message=TOLD.to_json())

    return end


def exporting(flow: Flow) -> Callable[[], None]:
    ExportAttemptFactory(flow=flow, state="sending")
    sending = message("export.sending", percent=50).to_json()
    Flow.objects.filter(pk=flow.pk).update(export_state="pending", export_message=sending)

    def end() -> None:
        flow.attempts.update(state="failed", finished_at=timezone.now())
        Flow.objects.filter(pk=flow.pk).update(export_state="failed", export_message=TOLD.to_json())

    return end


def recorded(flow: Flow) -> Callable[[], None]:
    """As an export, but for the states: they follow in a transaction of their own."""
    end = exporting(flow)
    flow.attempts.update(state="failed", finished_at=timezone.now())
    return end


@pytest.mark.parametrize("header", [{}, {"HX-Request": "true", "HX-Target": "progress"}], ids=["page", "update"])
@pytest.mark.parametrize("begin", [synchronising, creating, exporting, recorded])
def test_whenever_work_ends_while_its_page_is_read_the_page_tells_of_it_or_asks_again(
    sign_in: SignIn, begin: Callable[[Flow], Callable[[], None]], header: dict[str, str]
) -> None:
    flow = FlowFactory()
    end = begin(flow)
    client, address = seen_by_a_manager(sign_in, flow), reverse("flows:detail", args=[flow.pk])
    with CaptureQueriesContext(connection) as all_of_it:
        client.get(address, headers=header)
    for number in range(len(all_of_it)):
        with transaction.atomic():
            with once_at([], end, after=number):
                page = client.get(address, headers=header).text
            transaction.set_rollback(True)
        assert "every 2s" in page or "WISEflow did not answer" in page, number


def test_a_running_synchronisation_shows_its_progress(sign_in: SignIn) -> None:
    flow = FlowFactory()
    SyncRunFactory(flow=flow, state="running", done=30, total=120)
    page = seen_by_a_manager(sign_in, flow).get(reverse("flows:detail", args=[flow.pk])).content.decode()
    assert '<progress max="120" value="30"' in page
    assert "30 of 120 changes" in page
    assert "Synchronise now" not in page


def test_a_stopped_creation_says_why_and_can_go_on(sign_in: SignIn) -> None:
    told = message("remote.timeout", system="WISEflow", seconds=30).to_json()
    flow = FlowFactory(setup_state="stopped", setup_step="created", setup_message=told, wiseflow_id=None, state=None)
    client = seen_by_a_manager(sign_in, flow)
    page = client.get(reverse("flows:detail", args=[flow.pk])).content.decode()
    assert "WISEflow did not answer within 30 seconds." in page
    assert "You, as manager" in page
    press(client, reverse("flows:detail", args=[flow.pk]), reverse("flows:resume", args=[flow.pk]))
    flow.refresh_from_db()
    assert flow.setup_state == Flow.Setup.QUEUED


def test_the_brake_asks_and_the_answer_is_a_confirmed_synchronisation(sign_in: SignIn) -> None:
    told = message("sources.brake_half", code="TEN1", before=40, now=3).to_json()
    flow = FlowFactory(sync_message=told)
    goer, stayer = ParticipantFactory.create_batch(2, flow=flow)
    goers = {"goers": [f"row-{goer.pk}"], "empty": []}
    braked = SyncRunFactory(flow=flow, state="failed", asks=True, message=told, would_go=goers)
    client = seen_by_a_manager(sign_in, flow)
    for address in (
        reverse("flows:detail", args=[flow.pk]),
        reverse("flows:sync_run", args=[flow.pk, braked.pk]),
    ):
        page = client.get(address).content.decode()
        assert 'name="confirm" value="yes"' in page
        assert f'name="seen" value="{braked.fingerprint}"' in page
        assert goer.organisation_id in page
        assert stayer.organisation_id not in page
    address = reverse("flows:sync", args=[flow.pk])
    client.post(address, form_on(page, address, confirm="yes"))
    run = SyncRun.objects.get(state="queued")
    assert (run.is_confirmed, run.confirms) == (True, braked)


def test_what_ladok_could_not_answer_is_not_offered_for_confirmation(sign_in: SignIn) -> None:
    told = message("ladok.unknown_code", code="TEN1").to_json()
    flow = FlowFactory(sync_message=told)
    SyncRunFactory(flow=flow, state="failed", asks=True, message=told)
    page = seen_by_a_manager(sign_in, flow).get(reverse("flows:detail", args=[flow.pk])).content.decode()
    assert 'name="confirm"' not in page
    assert "Synchronise now" in page


def test_what_a_synchronisation_says_is_not_taken_for_what_the_export_above_it_says(sign_in: SignIn) -> None:
    """Each may say to try again, which only the export has a button for beside it."""
    told = message("remote.timeout", system="Ladok", seconds=30).to_json()
    flow = FlowFactory(sync_message=told)
    page = seen_by_a_manager(sign_in, flow).get(reverse("flows:detail", args=[flow.pk])).text
    part = page.split('id="synchronisation"')[1].split("</section>")[0]
    assert part.index("Synchronisation</h2>") < part.index("Ladok")


@pytest.mark.parametrize("state", [Flow.State.PARTICIPATION_STARTED, Flow.State.PARTICIPATION_ENDED])
def test_where_no_code_can_be_added_any_more_the_page_says_so(sign_in: SignIn, state: int) -> None:
    flow = FlowFactory(state=state)
    page = seen_by_a_manager(sign_in, flow).get(reverse("flows:codes", args=[flow.pk])).text
    is_offered = reverse("flows:code_add", args=[flow.pk]) in page
    assert is_offered == (state == Flow.State.PARTICIPATION_STARTED)
    assert ("Codes can be added until marking starts." in page) != is_offered


def test_values_changed_by_hand_stand_beside_ladoks(sign_in: SignIn) -> None:
    flow = FlowFactory(
        unfollowed={
            "title": {"ladok": "Maskininlärning", "wiseflow": "Omtenta"},
            "marking_end_at": {"ladok": "2027-02-05T22:59:00+00:00", "wiseflow": None},
        }
    )
    page = seen_by_a_manager(sign_in, flow).get(reverse("flows:detail", args=[flow.pk])).content.decode()
    assert "Omtenta" in page
    assert "5 Feb 2027, 23:59" in page  # in the source's time zone


def test_national_ids_are_masked_wherever_people_are_shown(sign_in: SignIn) -> None:
    person = ParticipantFactory(national_id="19900101T123", first_name="Åsa", last_name="Öst")
    address = reverse("flows:participants", args=[person.flow.pk])
    page = seen_by_a_manager(sign_in, person.flow).get(f"{address}?ids=on").content.decode()
    assert "19900101-****" in page
    assert "T123" not in main_text(page)
    assert person.national_id not in page


def test_participants_are_found_by_name_and_identifier_and_filtered_by_state(sign_in: SignIn) -> None:
    flow = FlowFactory()
    ParticipantFactory(flow=flow, first_name="Åsa", last_name="Öst", export_state="failed")
    ParticipantFactory(flow=flow, first_name="Per", last_name="Väst", organisation_id="perva001@liu.example")
    client = seen_by_a_manager(sign_in, flow)
    for query, names in {
        "?q=sa st": {"Åsa Öst"},
        "?q=perva": {"Per Väst"},
        "?show=failed": {"Åsa Öst"},
        "?show=ungraded": {"Åsa Öst", "Per Väst"},
        "?show=deactivated": set(),
        "?show=nonsense": {"Åsa Öst", "Per Väst"},
    }.items():
        page = client.get(reverse("flows:participants", args=[flow.pk]) + query).context["page"]
        assert {str(person) for person in page} == names, query


def test_the_participants_chips_count_whom_they_find_and_the_file_has_the_same_people(sign_in: SignIn) -> None:
    flow = FlowFactory()
    ParticipantFactory(flow=flow, last_name="Ek", grade="5", export_state="exported", national_id="19900101-1234")
    ParticipantFactory(flow=flow, last_name="Al", grade="4", export_state="failed")
    ParticipantFactory(flow=flow, last_name="Ask")
    ParticipantFactory(flow=flow, last_name="Björk", is_active=False)
    client, here = seen_by_a_manager(sign_in, flow), reverse("flows:participants", args=[flow.pk])
    chips = client.get(here).context["chips"]
    assert [chip.count for chip in chips] == [4, 1, 1, 1, 1]
    for chip in chips:
        found = client.get(here + chip.address).context["page"]
        assert len(found) == chip.count, chip.label
        address = reverse("flows:participants_file", args=[flow.pk, "csv"]) + chip.address
        lines = client.get(address).content.decode("utf-8-sig").splitlines()
        assert [line.split(";")[0].strip('"') for line in lines[1:]] == [person.last_name for person in found]
        assert not any("19900101" in line for line in lines)
    assert [person.last_name for person in client.get(here + "?sort=grade").context["page"]][-2:] == ["Al", "Ek"]
    assert "19900101-****" not in client.get(here).text
    assert "19900101-****" in client.get(here + "?ids=on").text
    assert client.get(reverse("flows:participants_file", args=[flow.pk, "pdf"])).status_code == 404


def test_participants_take_as_many_queries_for_50_as_for_one(sign_in: SignIn) -> None:
    flow = FlowFactory()
    client = seen_by_a_manager(sign_in, flow)
    counts = []
    for more in (1, 49):
        ParticipantFactory.create_batch(more, flow=flow, grade="5")
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("flows:participants", args=[flow.pk]))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_synchronisation_shows_what_was_changed_and_what_is_to_be_looked_at(sign_in: SignIn) -> None:
    run = SyncRunFactory(
        changes=[message("sources.change.title", new="Ny titel").to_json()],
        problems=[message("ladok.person_twice", organisation_id="asa@liu.example").to_json()],
    )
    client = seen_by_a_manager(sign_in, run.flow)
    page = client.get(reverse("flows:sync_run", args=[run.flow.pk, run.pk])).content.decode()
    assert "Ny titel" in page
    assert "asa@liu.example is more than once" in page
    assert client.get(reverse("flows:sync_run", args=[run.flow.pk, uuid.uuid4()])).status_code == 404


def test_the_export_history_links_to_each_attempt(sign_in: SignIn) -> None:
    attempt = ExportAttemptFactory(state="exported")
    client = seen_by_a_manager(sign_in, attempt.flow)
    page = client.get(reverse("flows:exports", args=[attempt.flow.pk])).content.decode()
    assert reverse("exports:attempt", args=[attempt.pk]) in page


def test_a_flow_whose_marking_is_over_leads_to_the_preview_of_the_export_and_not_to_a_synchronisation(
    sign_in: SignIn,
) -> None:
    flow = FlowFactory(state=Flow.State.CONCLUDED)
    page = seen_by_a_manager(sign_in, flow).get(reverse("flows:detail", args=[flow.pk])).content.decode()
    assert reverse("exports:preview", args=[flow.pk]) in page
    assert "Synchronise now" not in page


def test_a_grade_whose_outcome_is_unknown_is_told_as_perhaps_in_ladok_and_leads_to_the_attempt(
    sign_in: SignIn,
) -> None:
    told = message("answer.cut").to_json()
    flow = FlowFactory(state=Flow.State.CONCLUDED, export_state="failed", export_message=told, failed_count=1)
    ParticipantFactory(flow=flow, export_state="failed", export_message=told)
    client = seen_by_a_manager(sign_in, flow)
    assert "The grades may be in Ladok" in client.get(reverse("flows:participants", args=[flow.pk])).text
    page = client.get(reverse("flows:detail", args=[flow.pk])).text
    assert "failed or unknown" in page
    assert "See the attempts" in page


def test_what_stopped_the_creation_is_told_once(sign_in: SignIn) -> None:
    told = message("remote.timeout", system="WISEflow", seconds=30).to_json()
    flow = FlowFactory(setup_state="stopped", setup_message=told, sync_message=told)
    page = seen_by_a_manager(sign_in, flow).get(reverse("flows:detail", args=[flow.pk])).text
    assert page.count("WISEflow did not answer within 30 seconds.") == 1
