from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client
from django_q.models import OrmQ

from exports.attempts.marks import seen_of
from exports.models import ExportAttempt, ExportItem
from exports.pages.table import MAX_CHOSEN
from exports.pages.ticked import FEW
from sources.models import AuditEntry, Flow
from tests.exports.world import World
from tests.factories import FlowFactory, ParticipantFactory
from tests.filling import form_on, press
from tests.pages.exporting import ENGLISH, exported, manager_of, page, shown, signed_in, stranger

Make = Callable[..., Flow]


def preview_of(flow: Flow) -> str:
    return f"/exports/flows/{flow.pk}/preview/"


def send(
    client: Client, flow: Flow, asking: str = "first", *, person: int | None = None, follow: bool = False, **filled: Any
) -> Any:
    """From the preview, as it is shown."""
    shown_at = f"{preview_of(flow)}?asking={asking}" + (f"&person={person}" if person else "")
    return press(client, shown_at, f"/exports/flows/{flow.pk}/send/", follow=follow, **filled)


def preview_chosen(client: Client, asking: str, *flows: Flow) -> Any:
    """Of those that are ticked on the dashboard."""
    shown_at = f"/exports/?tab={'failed' if asking == 'retry' else 'pending'}"
    return press(client, shown_at, "/exports/preview/", flow=[flow.pk for flow in flows], asking=asking, follow=True)


def send_chosen(client: Client, asking: str, *flows: Flow, **given: Any) -> Any:
    """From the preview of those that are ticked on the dashboard, as it is shown."""
    form = form_on(preview_chosen(client, asking, *flows).content.decode(), "/exports/send/")
    return client.post("/exports/send/", form, **ENGLISH, **given)


def reject_all(call: Any) -> tuple[int, bytes]:
    import json

    people = [entry.get("studentUid") or entry.get("liUID") for entry in call.body["gradeExports"]]
    errors = [{"userId": who, "errorInfo": "Inte registrerad"} for who in people]
    return 200, json.dumps({"numberOfSuccess": 0, "numberOfErrors": len(errors), "errors": errors}).encode()


# --- Preview


def test_preview_tells_who_is_sent_and_who_is_not_and_why(client: Client, make_flow: Make) -> None:
    flow = make_flow(people=2)
    ParticipantFactory(flow=flow, first_name="Utan", last_name="Betyg")
    text = page(signed_in(client, manager_of(flow)), preview_of(shown(flow)))
    assert "Send 2 grades to Ladok" in text
    assert "Utan Betyg" in text
    assert "No grade yet." in text
    assert not ExportAttempt.objects.exists()


def test_body_is_shown_on_demand_with_masked_national_ids(client: Client, make_flow: Make) -> None:
    flow = make_flow(people=1, university="boras")
    person = flow.participants.get()
    signed_in(client, manager_of(flow, can_export=True))
    assert "gradeExports" not in page(client, preview_of(flow))
    text = page(client, preview_of(flow), body=1)
    assert "gradeExports" in text
    assert "19900101-****" in text
    assert person.national_id not in text


def test_preview_says_why_nothing_may_be_sent(client: Client, make_flow: Make) -> None:
    flow = shown(make_flow(university="boras"))
    text = page(signed_in(client, manager_of(flow, can_export=False)), preview_of(flow))
    assert "This university lets only managers with the export right send grades" in text
    assert f"/exports/flows/{flow.pk}/send/" not in text


def test_preview_of_a_retry_leaves_out_those_it_is_not_about(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=2)
    exported(flow)
    late = ParticipantFactory(flow=flow, grade="4", first_name="Sen", last_name="Student")
    world.grades[late.wiseflow_id] = "4"
    response = signed_in(client, manager_of(flow)).get(preview_of(flow), {"asking": "retry"})
    assert response.context["look"].others_count == 3
    assert "Sen Student" not in response.content.decode()


def test_preview_warns_of_what_may_be_in_ladok_already(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=2)
    world.answer = lambda call: None
    exported(flow)
    text = page(signed_in(client, manager_of(flow)), preview_of(flow), asking="retry")
    assert "2 grades may be in Ladok already, and are not sent again" in text
    assert f"/exports/flows/{flow.pk}/send/" not in text
    chosen = flow.participants.first()
    text = page(client, preview_of(flow), asking="retry", person=chosen.pk)
    assert "1 of these grades may be in Ladok already" in text
    assert text.count(">may be in Ladok already<") == 1  # beside the person
    assert "Send 1 grade to Ladok" in text


def test_preview_of_ten_thousand_people_is_paged(
    client: Client, make_flow: Make, django_assert_max_num_queries: Any
) -> None:
    flow = make_flow(people=130)
    signed_in(client, manager_of(flow))
    with django_assert_max_num_queries(14):
        text = client.get(preview_of(flow)).content.decode()
    assert text.count('<th scope="row" ') == 100
    assert client.get(preview_of(flow), {"page": 2}).content.decode().count('<th scope="row" ') == 30


def test_grades_are_read_again_on_demand(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=1)
    world.grades[flow.participants.get().wiseflow_id] = "3"
    response = signed_in(client, manager_of(flow)).post(
        f"/exports/flows/{flow.pk}/collect/", follow=True, headers={"accept-language": "en"}
    )
    assert "1 person has one" in response.content.decode()
    assert flow.participants.get().assessment.grade == "3"


def test_wiseflow_that_is_down_is_told(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=1)
    world.wiseflow_status = 403
    response = signed_in(client, manager_of(flow)).post(
        f"/exports/flows/{flow.pk}/collect/", follow=True, headers={"accept-language": "en"}
    )
    assert "WISEflow" in response.content.decode()
    assert response.status_code == 200


# --- Export and retry


def test_export_from_the_preview_makes_one_attempt_and_shows_it(client: Client, make_flow: Make) -> None:
    flow = make_flow(people=2)
    user = manager_of(flow)
    response = send(signed_in(client, user), flow)
    attempt = ExportAttempt.objects.get()
    assert response.headers["Location"] == f"/exports/{attempt.pk}/"
    assert (attempt.requested_by, attempt.sent_count, attempt.state) == (user, 2, "queued")
    assert AuditEntry.objects.get(attempt_id=attempt.pk).address == "127.0.0.1"
    assert OrmQ.objects.count() == 1


def test_second_click_makes_no_second_attempt(client: Client, make_flow: Make) -> None:
    flow = make_flow(people=2)
    signed_in(client, manager_of(flow))
    address = f"/exports/flows/{flow.pk}/send/"
    form = form_on(page(client, preview_of(flow)), address)
    client.post(address, form)
    again = client.post(address, form, follow=True, headers={"accept-language": "en"})
    assert "An export of this flow is under way already." in again.content.decode()
    assert ExportAttempt.objects.count() == 1


def test_chosen_flows_are_exported_together(client: Client, make_flow: Make) -> None:
    flows = [shown(make_flow(people=1)), shown(make_flow(people=2))]
    user = manager_of(flows[0])
    flows[1].source.memberships.create(user=user, role="manager", can_export=True)
    signed_in(client, user)
    shown_at = preview_chosen(client, "first", *flows)
    assert "Send 3 grades to Ladok" in shown_at.text
    assert not ExportAttempt.objects.exists()
    response = send_chosen(client, "first", *flows)
    assert ExportAttempt.objects.count() == 2
    assert response.headers["Location"].startswith("/exports/?tab=pending&since=")
    live = client.get(response.headers["Location"]).context["live"]
    assert {attempt.flow for attempt in live.attempts} == set(flows)


SHORT = 200  # characters


def test_address_after_sending_is_short_however_many_were_chosen(client: Client, make_flow: Make) -> None:
    """A web server answers a long one with a bare 414, when the grades are on their way already."""
    first = make_flow(people=0, codes=["A-0", "B-0"])
    common = {"source": first.source, "state": Flow.State.CONCLUDED, "created_by": first.created_by}
    flows: list[Any] = [first, *(FlowFactory(**common, codes=[f"A-{n}", f"B-{n}"]) for n in range(1, MAX_CHOSEN))]
    for flow in flows:
        for code in flow.codes.all():
            ParticipantFactory(flow=flow, codes=[code], grade="5")
    Flow.objects.update(collected_at=F("synced_at"))
    chosen = preview_chosen(signed_in(client, manager_of(first)), "first", *flows)
    addresses = [address for address, _status in chosen.redirect_chain]
    response = client.post("/exports/send/", form_on(chosen.text, "/exports/send/"), **ENGLISH)
    assert ExportAttempt.objects.count() == 2 * MAX_CHOSEN
    addresses.append(response.headers["Location"])
    after = client.get(addresses[-1])
    assert len(after.context["live"].attempts) == 2 * MAX_CHOSEN
    addresses += re.findall(r'hx-get="([^"]*)"', after.text)
    # So many are told in one line, what has gone wrong first, and the others on demand.
    ExportAttempt.objects.filter(pk=after.context["live"].attempts[5].pk).update(
        state="failed", finished_at=Now(), unknown_count=1
    )
    told = client.get(response.headers["Location"], **ENGLISH)
    words = " ".join(re.sub(r"<[^>]+>", " ", told.text[told.text.index('id="live-counts"') :]).split())
    assert "199 under way 1 unknown" in words
    assert told.text.index("Outcome unknown") < told.text.index('id="live-others"')
    assert [address for address in addresses if len(address) > SHORT] == []


def test_address_is_short_and_means_the_same_people_however_many_were_chosen(
    client: Client, make_flow: Make, world: World
) -> None:
    flow = make_flow(people=FEW + 3)
    world.answer = lambda call: None
    attempt = exported(flow)
    user = manager_of(flow)
    items = list(attempt.items.order_by("pk"))[2:]
    chosen = {"item": [item.pk for item in items]}
    choose = f"/exports/{attempt.pk}/choose/"
    retry = signed_in(client, user).post(choose, chosen).headers["Location"]
    assert f"Send {FEW + 1} grades to Ladok" in client.get(retry, **ENGLISH).text
    marking = client.post(choose, chosen | {"mark": "yes"}).headers["Location"]
    form = form_on(client.get(marking).text, f"/exports/flows/{flow.pk}/mark/")
    assert len(form["item"]) == FEW + 1
    client.post(f"/exports/flows/{flow.pk}/mark/", form | {"reason": "Seen", "word": "there"})
    back = f"/exports/flows/{flow.pk}/mark/take-back/"
    marked = form_on(client.get(f"/exports/flows/{flow.pk}/mark/").text, back)
    keys = [f"{item.pk}:{seen_of(item)}" for item in ExportItem.objects.filter(state="exported").order_by("pk")]
    taken_back = client.post(back, marked | {"item": keys}).headers["Location"]
    assert len(form_on(client.get(taken_back).text, f"/exports/flows/{flow.pk}/mark/")["shown"]) == FEW + 1
    assert [address for address in (retry, marking, taken_back) if len(address) > SHORT] == []
    # Of a choice that is gone nobody is sent, and not everybody.
    client.session.flush()
    assert signed_in(client, user).get(retry).headers["Location"] == f"/flows/{flow.pk}/"


def test_flow_that_is_refused_does_not_stop_the_others(client: Client, make_flow: Make) -> None:
    good, bad = shown(make_flow(people=1, title="Good")), make_flow(people=1, title="Bad", synced_at=None)
    user = manager_of(good)
    other = shown(make_flow(people=2, title="Other"))
    for flow in (bad, other):
        flow.source.memberships.create(user=user, role="manager", can_export=True)
    signed_in(client, user)
    told = preview_chosen(client, "first", good, bad, other).text
    assert "1 flow with nothing to send" in told
    assert "Not synchronised with Ladok yet." in told
    form = form_on(told, "/exports/send/")
    Flow.objects.filter(pk=other.pk).update(synced_at=None)
    told = client.post("/exports/send/", form, follow=True, **ENGLISH).text
    assert "Other: Not synchronised with Ladok yet." in told
    assert "1 grade is on its way to Ladok." in told
    assert ExportAttempt.objects.get().flow == good


@pytest.mark.parametrize("address", ["/exports/preview/", "/exports/send/"])
def test_choosing_nothing_or_too_many_is_told(client: Client, make_flow: Make, address: str) -> None:
    flow = make_flow()
    signed_in(client, manager_of(flow))
    assert "Choose at least one flow first." in client.post(address, follow=True, **ENGLISH).text
    many = client.post(address, {"flow": range(1, 102)}, follow=True, **ENGLISH)
    assert "Choose at most 100 flows at a time" in many.text


def test_retry_sends_those_who_failed(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=2)
    world.answer = reject_all
    exported(flow)
    response = preview_chosen(signed_in(client, manager_of(flow)), "retry", flow)
    assert response.redirect_chain[-1][0] == f"{preview_of(flow)}?asking=retry"
    send(client, flow, "retry")
    attempt = ExportAttempt.objects.get(is_retry=True)
    assert attempt.sent_count == 2


def test_retry_of_unknown_outcomes_asks_first(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=2)
    world.answer = lambda call: None
    exported(flow)
    signed_in(client, manager_of(flow))
    # A form of all of them would be refused, whatever it says was seen.
    client.post(f"/exports/flows/{flow.pk}/send/", {"asking": "retry", "seen": ""})
    assert ExportAttempt.objects.count() == 1
    # Of somebody who was chosen, as on the attempt's page, a manager decides with that in sight.
    send(client, flow, "retry", person=flow.participants.first().pk)
    assert ExportAttempt.objects.get(is_retry=True).sent_count == 1


def test_of_a_flow_with_both_the_unknown_stay_and_the_failed_go(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=3)
    world.answer = reject_all
    attempt = exported(flow)
    item = attempt.items.first()
    ExportItem.objects.filter(pk=item.pk).update(state="unknown")
    signed_in(client, manager_of(shown(flow)))
    text = page(client, preview_of(flow), asking="retry")
    assert "1 grade may be in Ladok already, and is not sent again" in text
    assert "Send 2 grades to Ladok" in text
    told = send(client, flow, "retry", follow=True).text
    assert "2 grades are on their way to Ladok. 1 person is left." in told
    assert item.participant_id not in ExportAttempt.objects.get(is_retry=True).items.values_list(
        "participant", flat=True
    )


def test_unknown_flow_among_several_is_left_out_and_told(client: Client, make_flow: Make, world: World) -> None:
    failed, unknown = make_flow(people=1, title="Failed one"), make_flow(people=1, title="Unknown one")
    world.answer = reject_all
    exported(failed)
    world.answer = lambda call: None
    exported(unknown)
    user = manager_of(failed)
    unknown.source.memberships.create(user=user, role="manager", can_export=True)
    text = preview_chosen(signed_in(client, user), "retry", failed, unknown).text
    assert "1 flow needs an answer first" in text
    assert "1 grade may be in Ladok already, and is not sent again" in text
    send_chosen(client, "retry", failed, unknown)
    assert ExportAttempt.objects.get(is_retry=True).flow == failed


def test_only_chosen_people_are_retried(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=3)
    world.answer = reject_all
    attempt = exported(flow)
    item = attempt.items.first()
    signed_in(client, manager_of(flow))
    response = client.post(f"/exports/{attempt.pk}/choose/", {"item": [item.pk], "retry": "yes"})
    assert response.headers["Location"] == f"{preview_of(flow)}?asking=retry&person={item.participant_id}"
    assert client.get(response.headers["Location"]).context["to_send"].paginator.count == 1
    send(client, flow, "retry", person=item.participant_id)
    retried = ExportAttempt.objects.get(is_retry=True)
    assert [line.participant_id for line in retried.items.all()] == [item.participant_id]


# --- Who may


@pytest.mark.parametrize("verb", ["send", "collect", "check"])
def test_only_a_post_acts(client: Client, make_flow: Make, verb: str) -> None:
    flow = make_flow()
    assert signed_in(client, manager_of(flow)).get(f"/exports/flows/{flow.pk}/{verb}/").status_code == 405
    assert client.get("/exports/send/").status_code == 405
    assert not ExportItem.objects.exists()


@pytest.mark.parametrize("verb", ["preview", "send", "collect", "check"])
def test_flow_of_another_source_is_not_found(client: Client, make_flow: Make, verb: str) -> None:
    flow = make_flow()
    signed_in(client, stranger())
    assert client.post(f"/exports/flows/{flow.pk}/{verb}/").status_code in (404, 405)
    assert client.get(f"/exports/flows/{flow.pk}/{verb}/").status_code in (404, 405)
    assert client.get("/exports/preview/", {"flow": [flow.pk]}).status_code == 404
    for many in ("preview", "send"):
        assert client.post(f"/exports/{many}/", {"flow": [flow.pk]}).status_code == 404
        assert client.post(f"/exports/{many}/", {"flow": ["x"]}).status_code == 404
    assert not ExportAttempt.objects.exists()


def test_visitor_has_to_sign_in_before_anything_is_sent(client: Client, make_flow: Make) -> None:
    flow = make_flow()
    response = client.post("/exports/send/", {"flow": [flow.pk]})
    assert response.headers["Location"].startswith("/sign-in/")
    assert not ExportAttempt.objects.exists()


def test_manager_without_the_export_right_is_refused(client: Client, make_flow: Make) -> None:
    flow = make_flow(university="boras")
    response = signed_in(client, manager_of(flow, can_export=False)).post(
        f"/exports/flows/{flow.pk}/send/", {"asking": "first"}, follow=True, headers={"accept-language": "en"}
    )
    assert "Ask a manager who has the right" in response.content.decode()
    assert not ExportAttempt.objects.exists()


# --- Ladok's list, and people on several codes


def test_the_dialog_asks_once_if_what_was_known_of_the_list_is_to_be_sent(
    client: Client, make_flow: Make, world: World
) -> None:
    flow = make_flow(people=1)
    world.list_status = 500
    exported(flow)
    signed_in(client, manager_of(flow))
    text = page(client, preview_of(flow), asking="retry")
    assert "list of people could not be read the last time" in text
    assert "Send with what was known then" in text
    send(client, flow, "retry", with_last_list="on")
    assert ExportAttempt.objects.order_by("created_at").last().uses_last_list
    # Not asked where it could be read.
    world.list_status = 200
    other = make_flow(people=1)
    signed_in(client, manager_of(other))
    assert "Send with what was known then" not in page(client, preview_of(other))


def test_who_was_rejected_under_one_code_is_sent_to_the_other_that_is_chosen(
    client: Client, make_flow: Make, world: World
) -> None:
    flow = make_flow(people=0, codes=["A", "B"])
    first, second = flow.codes.all()
    person = ParticipantFactory(flow=flow, codes=[first, second], grade="5")
    world.grades[person.wiseflow_id] = "5"
    world.answer = reject_all
    exported(flow)
    signed_in(client, manager_of(flow))
    text = page(client, preview_of(flow), asking="retry")
    assert f'<select name="to-{person.pk}" form="send-form"' in text
    assert f'<option value="{second.pk}" selected>' in text
    send(client, flow, "retry", **{f"to-{person.pk}": second.pk})
    assert ExportAttempt.objects.order_by("created_at").last().code == second
    assert client.post(f"/exports/flows/{flow.pk}/send/", {"asking": "retry", "to-x": "1"}).status_code == 404


@pytest.mark.parametrize(
    "address", ["x", "flows", "//evil.example/", "https://evil.example/", "\\evil", "javascript:alert(1)", ""]
)
def test_a_button_leads_back_to_pages_of_ours_only(client: Client, make_flow: Make, address: str) -> None:
    flow = make_flow(people=1)
    signed_in(client, manager_of(flow))
    answer = client.post(f"/exports/flows/{flow.pk}/check/", {"next": address})
    assert answer.headers["Location"] == "/exports/"
