from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from exports.models import Assessment, ExportAttempt
from exports.pages.lists import moment_of
from exports.pages.standing import Standing
from ladokflow.messages import message
from ladokflow.templatetags.ladokflow import state
from sources.models import Flow
from sources.models.flow import ExportState
from tests.exports.world import World
from tests.factories import ExportAttemptFactory, FlowFactory, MembershipFactory, ParticipantFactory, in_hours
from tests.meanwhile import once_at
from tests.pages.exporting import exported, manager_of, page, shown, signed_in, stranger
from tests.pages.test_exports_sending import reject_all

DASHBOARD = "/exports/"
Make = Callable[..., Flow]


def flow_in(state: str, source: Any, **fields: Any) -> Flow:
    return FlowFactory(source=source, export_state=state, **fields)


def test_each_tab_shows_its_own_flows_and_all_tell_their_figures(client: Client, make_flow: Make) -> None:
    pending = shown(make_flow(title="Still to send"))
    flow_in(ExportState.FAILED, pending.source, title="Went wrong")
    flow_in(ExportState.EXPORTED, pending.source, title="Went well")
    signed_in(client, manager_of(pending))
    for tab, mine, others in (
        ("failed", "Went wrong", ("Went well", "Still to send")),
        ("exported", "Went well", ("Went wrong", "Still to send")),
        ("pending", "Still to send", ("Went wrong", "Went well")),
    ):
        text = page(client, DASHBOARD, tab=tab)
        assert mine in text
        assert not any(other in text for other in others)
    assert client.get(DASHBOARD).context["counts"] == {"failed": 1, "exported": 1, "pending": 1}


def test_reason_stands_on_the_row(client: Client, make_flow: Make) -> None:
    flow = shown(make_flow(people=3))
    signed_in(client, manager_of(flow))
    assert "3 grades are ready to be exported." in page(client, DASHBOARD, tab="pending")
    Flow.objects.filter(pk=flow.pk).update(state=Flow.State.PARTICIPATION_ENDED)
    flow.refresh_from_db()
    shown(flow)
    assert "Marking ends" in page(client, DASHBOARD, tab="pending")


def test_flows_of_another_source_are_not_shown_and_not_counted(client: Client, make_flow: Make) -> None:
    flow = shown(make_flow(title="Not yours"))
    signed_in(client, stranger())
    response = client.get(DASHBOARD, {"tab": "pending"})
    assert "Not yours" not in response.content.decode()
    assert response.context["counts"]["pending"] == 0
    assert flow.title


def test_visitor_has_to_sign_in(client: Client) -> None:
    for address in (DASHBOARD, "/exports/live/", "/exports/errors.csv"):
        assert client.get(address).status_code == 302


def test_search_finds_by_title_code_and_student(client: Client, make_flow: Make) -> None:
    flow = shown(make_flow(title="Algebra", codes=["TATA24-1"]))
    FlowFactory(source=flow.source, title="Another")
    person = flow.participants.first()
    signed_in(client, manager_of(flow))
    for text in ("alge", "tata24", person.organisation_id):
        found = page(client, DASHBOARD, tab="pending", q=text)
        assert "Algebra" in found
        assert "Another" not in found
    assert "No flow matches" in page(client, DASHBOARD, tab="pending", q="nothing like it")


def test_source_is_chosen_where_there_are_several(client: Client, make_flow: Make) -> None:
    ours, other = shown(make_flow(title="Our exam")), shown(make_flow(title="Their exam"))
    user = manager_of(ours)
    signed_in(client, user)
    assert 'name="source"' not in page(client, DASHBOARD, tab="pending")
    MembershipFactory(source=other.source, user=user)
    found = page(client, DASHBOARD, tab="pending", source=ours.source.slug)
    assert "Our exam" in found
    assert "Their exam" not in found


@pytest.mark.parametrize(
    ("tab", "told"), [("failed", "Nothing has failed"), ("exported", "Nothing has been exported yet")]
)
def test_empty_tab_says_what_to_do(client: Client, make_flow: Make, tab: str, told: str) -> None:
    flow = shown(make_flow())
    assert told in page(signed_in(client, manager_of(flow)), DASHBOARD, tab=tab)


def test_somebody_without_a_source_is_told_so(client: Client, db: None) -> None:
    from tests.factories import UserFactory

    assert "You are not a member of any source yet" in page(signed_in(client, UserFactory()), DASHBOARD)


def test_values_that_make_no_sense_count_as_none(client: Client, make_flow: Make) -> None:
    flow = shown(make_flow())
    signed_in(client, manager_of(flow))
    address = f"{DASHBOARD}?tab=nothing&page=x&since=9999999999999999999&source=nobody&q=%00"
    assert client.get(address).status_code == 200


def test_manager_without_the_export_right_sees_why(client: Client, make_flow: Make) -> None:
    flow = shown(make_flow(university="boras"))
    may_not = page(signed_in(client, manager_of(flow, can_export=False)), DASHBOARD, tab="pending")
    assert "This university lets only managers with the export right send grades" in may_not
    assert 'name="flow"' not in may_not
    assert f'id="send-{flow.pk}"' not in may_not
    may = page(signed_in(client, manager_of(flow, can_export=True)), DASHBOARD, tab="pending")
    assert 'name="flow"' in may
    assert 'id="export-chosen"' in may


def test_flow_that_cannot_be_exported_yet_can_be_chosen_to_be_synchronised_and_says_why_it_is_not_sent(
    client: Client, make_flow: Make
) -> None:
    flow = shown(make_flow(state=Flow.State.PARTICIPATION_ENDED))
    signed_in(client, manager_of(flow))
    text = page(client, DASHBOARD, tab="pending")
    assert 'name="flow"' in text
    assert f'id="send-{flow.pk}"' not in text
    answer = client.post("/exports/preview/", {"flow": flow.pk}, follow=True, headers={"accept-language": "en"})
    assert "Grades can be exported when WISEflow has ended it." in answer.text
    assert not ExportAttempt.objects.exists()


def test_unknown_outcome_is_told_as_such_and_is_not_retried_with_others(
    client: Client, make_flow: Make, world: World
) -> None:
    flow = make_flow(source={"can_read_back": True})
    world.answer = lambda call: None
    exported(flow)
    text = page(signed_in(client, manager_of(flow)), DASHBOARD)
    assert str(state(Standing.UNKNOWN)) in text
    assert f'id="check-{flow.pk}"' in text
    assert f'id="send-{flow.pk}"' not in text
    both = {"flow": [flow.pk, FlowFactory(source=flow.source).pk], "asking": "retry"}
    answer = client.post("/exports/preview/", both, follow=True)
    assert 'id="send"' not in answer.text
    assert ExportAttempt.objects.count() == 1
    assert flow.title in answer.text


# --- What is under way


def test_page_asks_for_news_only_while_something_is_under_way(client: Client, make_flow: Make) -> None:
    flow = shown(make_flow())
    signed_in(client, manager_of(flow))
    assert 'id="live"' not in page(client, DASHBOARD, tab="pending")
    attempt = ExportAttemptFactory(flow=flow, sent_count=2)
    text = page(client, DASHBOARD, tab="pending")
    assert 'hx-trigger="every 2s"' in text
    ExportAttempt.objects.filter(pk=attempt.pk).update(state="exported", finished_at=attempt.created_at)
    assert 'hx-trigger="every 2s"' not in page(client, DASHBOARD, tab="pending", since=moment_of(attempt.created_at))


ASKS = re.compile(r'hx-get="([^"]+)" hx-trigger="every 2s"')
SENDING, TOLD = message("export.sending", percent=50), message("export.some_failed", count=2, total=2)


def table_in(text: str) -> str:
    return text.partition('<div id="list"')[2]


def as_it_stays(client: Client, text: str) -> str:
    """The list of a page that has been opened, once it asks for nothing more: as a browser fetches it."""
    for _ in range(5):
        if (asks := ASKS.search(text)) is None:
            return text
        update = client.get(unescape(asks[1]))
        of_list = text
        if "HX-Trigger-After-Settle" in update.headers:
            of_list = client.get(f"{DASHBOARD}?tab=pending", headers={"HX-Request": "true", "HX-Target": "list"}).text
        text = of_list if (asks := ASKS.search(update.text)) is None else asks[0] + ASKS.sub("", of_list)
    raise AssertionError("It asks for ever.")


@pytest.mark.parametrize("is_recorded", [False, True], ids=["sent", "recorded"])
@pytest.mark.parametrize("is_sender", [False, True], ids=["another", "sender"])
def test_whenever_an_export_ends_while_the_page_is_read_the_list_comes_to_tell_it(
    client: Client, make_flow: Make, *, is_recorded: bool, is_sender: bool
) -> None:
    """`is_recorded`: its answer is on disk already, and only the states follow. Who has sent it opens the page as of then."""
    flow = shown(make_flow(title="Algebra"))
    signed_in(client, manager_of(flow))
    attempt = ExportAttemptFactory(flow=flow, state="sending", sent_count=2)
    ended = {"state": "failed", "finished_at": timezone.now(), "message": TOLD.to_json()}
    if is_recorded:
        ExportAttempt.objects.update(**ended)
    Flow.objects.filter(pk=flow.pk).update(export_message=SENDING.to_json())
    asked = {"tab": "pending"} | ({"since": moment_of(attempt.created_at)} if is_sender else {})

    def end() -> None:
        ExportAttempt.objects.update(**{**ended, "finished_at": F("finished_at") if is_recorded else timezone.now()})
        Flow.objects.filter(pk=flow.pk).update(export_state="failed", export_message=TOLD.to_json())

    with CaptureQueriesContext(connection) as all_of_it:
        client.get(DASHBOARD, asked)
    for number in range(len(all_of_it) + 1):
        with transaction.atomic():
            with once_at([], end, after=number):
                opened = client.get(DASHBOARD, asked).text
            if Flow.objects.filter(export_state="pending").exists():
                end()
            assert "Algebra" not in table_in(as_it_stays(client, opened)), number
            transaction.set_rollback(True)


@pytest.mark.parametrize("is_sent_again", [True, False], ids=["sent again", "not told yet"])
def test_what_ended_before_the_page_was_opened_is_told_only_while_its_flow_does_not_say_so(
    client: Client, make_flow: Make, *, is_sent_again: bool
) -> None:
    """By instant export there is another every few minutes: what came of each was told when it ended."""
    flow = make_flow()
    other = FlowFactory(source=flow.source)
    ended = [
        ExportAttemptFactory(flow=each, state="exported", finished_at=in_hours(-minutes / 60))
        for each, minutes in ((flow, 4), (flow, 8), (other, 10), (flow, 12))
    ]
    told = ExportAttemptFactory(flow=flow, state="sending") if is_sent_again else ended[0]
    Flow.objects.filter(pk=flow.pk).update(export_message=SENDING.to_json())
    text = signed_in(client, manager_of(flow)).get(DASHBOARD, {"tab": "pending"}).text
    for _ in range(3):
        assert re.findall(r'id="live-([0-9a-f-]{36})"', text) == [str(told.pk)]
        asks = ASKS.search(text)
        assert asks is not None
        text = client.get(unescape(asks[1])).text


def test_attempt_that_was_watched_stays_when_it_has_ended(client: Client, make_flow: Make) -> None:
    flow = make_flow(title="Watched")
    attempt = exported(flow)
    signed_in(client, manager_of(flow))
    assert "Just ended" in page(client, DASHBOARD, since=moment_of(attempt.created_at))
    assert "Just ended" not in page(client, DASHBOARD)


def test_update_brings_the_figures_and_the_news_and_calls_for_the_list(client: Client, make_flow: Make) -> None:
    flow = make_flow()
    attempt = exported(flow)
    signed_in(client, manager_of(flow))
    asked = {"since": moment_of(attempt.created_at), "tab": "pending"}
    text = page(client, "/exports/live/", seen=0, **asked)
    assert 'id="tabs"' in text
    assert "1 of 1 have ended" in text
    assert "live-news" not in page(client, "/exports/live/", seen=1, **asked)
    called = [client.get("/exports/live/", {"seen": seen, **asked}).headers for seen in (0, 1)]
    assert "exports-ended" in called[0]["HX-Trigger-After-Settle"]
    assert "HX-Trigger-After-Settle" not in called[1]


def test_list_is_answered_alone_at_the_address_of_the_page(client: Client, make_flow: Make) -> None:
    flow = shown(make_flow(title="Still to send"))
    signed_in(client, manager_of(flow))
    answer = client.get(f"{DASHBOARD}?tab=pending", headers={"HX-Request": "true", "HX-Target": "list"})
    text = answer.content.decode().strip()
    assert text.startswith('<div id="list"')
    assert "Still to send" in text
    assert 'name="csrfmiddlewaretoken"' in text
    assert "HX-Target" in answer.headers["Vary"]
    assert "<html" in page(client, DASHBOARD, tab="pending")


def test_page_goes_on_asking_until_the_flow_itself_says_what_came_of_it(client: Client, make_flow: Make) -> None:
    flow = make_flow()
    attempt = exported(flow)
    settled = flow.export_message
    Flow.objects.filter(pk=flow.pk).update(export_message=message("export.waiting").to_json())
    signed_in(client, manager_of(flow))
    assert 'hx-trigger="every 2s"' in page(client, "/exports/live/", since=moment_of(attempt.created_at))
    Flow.objects.filter(pk=flow.pk).update(export_message=settled)
    assert 'hx-trigger="every 2s"' not in page(client, "/exports/live/", since=moment_of(attempt.created_at))


def test_update_tells_nothing_of_other_sources(client: Client, make_flow: Make) -> None:
    flow = make_flow(title="Not yours")
    attempt = exported(flow)
    text = page(signed_in(client, stranger()), "/exports/live/", since=moment_of(attempt.created_at), seen=0)
    assert "Not yours" not in text


@pytest.mark.parametrize("tab", ["failed", "exported", "pending"])
def test_as_many_queries_for_many_flows_as_for_few(
    client: Client,
    make_flow: Make,
    django_assert_max_num_queries: Any,
    tab: str,
) -> None:
    first = make_flow()
    for number in range(24):
        flow = flow_in(tab, first.source, title=f"Flow {number}", codes=[f"A-{number}", f"B-{number}"], failed_count=1)
        ParticipantFactory(flow=flow, grade="5")
        ExportAttemptFactory(flow=flow, state="queued" if number % 5 == 0 else "exported")
    signed_in(client, manager_of(first))
    with django_assert_max_num_queries(12):
        client.get(DASHBOARD, {"tab": tab})


def test_the_button_has_the_name_that_the_sentence_beside_it_says(client: Client, make_flow: Make) -> None:
    flow = make_flow(people=1)
    told = message("export.ready", count=1).to_json()
    Flow.objects.filter(pk=flow.pk).update(export_state="pending", export_message=told)
    signed_in(client, manager_of(flow))
    for language, name in (("sv", "Exportera"), ("en", "Export")):
        page = client.get("/exports/?tab=pending", headers={"accept-language": language}).text
        assert f">{name}<span" in page, language


@pytest.mark.parametrize("overwrites", [False, True])
def test_a_grade_that_was_changed_after_the_export_says_what_to_do_and_leads_to_whom_it_concerns(
    client: Client, make_flow: Make, overwrites: bool
) -> None:
    flow = make_flow(people=2, source={"allows_overwriting": overwrites})
    exported(flow)
    Assessment.objects.filter(participant__flow=flow).update(grade="3")
    shown(flow)
    text = page(signed_in(client, manager_of(flow)), DASHBOARD, tab="exported")
    assert "The changes are not sent by themselves." in text
    assert "Correct the grades in Ladok" in text
    assert f'href="/exports/flows/{flow.pk}/preview/{"?asking=overwrite" if overwrites else ""}"' in text
    assert "box--warn" in page(client, f"/flows/{flow.pk}/")


def test_a_rejected_row_and_its_retry_say_who_and_what_ladok_answered(
    client: Client, make_flow: Make, world: World
) -> None:
    flow, other = make_flow(people=5, title="Algebra"), make_flow(people=1, title="Analys")
    world.answer = reject_all
    user = manager_of(flow)
    other.source.memberships.create(user=user, role="manager", can_export=True)
    for each in (flow, other):
        exported(each)
    rows = signed_in(client, user).get(DASHBOARD)
    assert [(row.flow, len(row.failed), row.more_failed) for row in rows.context["rows"]] == [
        (other, 1, 0),
        (flow, 3, 2),
    ]
    person = other.participants.get()
    assert re.search(rf"{person}</a>: [^<]*Inte registrerad", rows.text)
    retry = page(client, f"/exports/flows/{other.pk}/preview/", asking="retry")
    both = client.post("/exports/preview/", {"flow": [flow.pk, other.pk], "asking": "retry"}, follow=True).text
    for text, times in ((retry, 1), (both, 6)):
        assert len(re.findall(r'table__sub">[^<]*Inte registrerad', text)) == times


def test_it_opens_at_the_first_tab_with_something_in_it_and_stays_there(client: Client, make_flow: Make) -> None:
    flow = shown(make_flow(title="Algebra"))
    signed_in(client, manager_of(flow))
    found = client.get(DASHBOARD)
    assert found.context["tab"] == "pending"
    assert f'hx-get="{DASHBOARD}?tab=pending"' in found.text
    assert "Always open it like this" not in page(client, DASHBOARD)
    assert all("tab=pending" in chip.address for chip in found.context["chips"])
    assert client.get(DASHBOARD, {"tab": "exported"}).context["tab"] == "exported"
    for tab in ("exported", "failed"):
        Flow.objects.filter(pk=flow.pk).update(export_state=tab)
        assert client.get(DASHBOARD).context["tab"] == tab
