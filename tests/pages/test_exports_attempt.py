from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from openpyxl import load_workbook

from exports.models import ExportAttempt, ExportItem
from exports.views.attempt import SHOWN_ANSWER
from sources.models import AuditEntry, Flow
from tests.exports.world import World
from tests.factories import ExportAttemptFactory, ExportItemFactory, ParticipantFactory
from tests.filling import press
from tests.pages.exporting import exported, manager_of, page, signed_in, stranger

Make = Callable[..., Flow]


def reject_first(call: Any) -> tuple[int, bytes]:
    people = call.body["gradeExports"]
    errors = [
        {
            "userId": people[0].get("studentUid") or people[0].get("federeradIdentitet"),
            "errorInfo": "=1+1 Inte registrerad 19900101-1234",
        }
    ]
    return 200, json.dumps({"numberOfSuccess": len(people) - 1, "numberOfErrors": 1, "errors": errors}).encode()


def lose(call: Any) -> None:
    return None


def test_every_person_stands_there_with_outcome_and_message(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=3)
    world.answer = reject_first
    attempt = exported(flow)
    text = page(signed_in(client, manager_of(flow)), f"/exports/{attempt.pk}/")
    for person in flow.participants.all():
        assert person.organisation_id in text
    assert "Ladok rejected the grade: =1+1 Inte registrerad" in text
    assert "Ladok registered 2 of 3 grades and rejected 1." in text
    assert "HTTP 200" in text


def test_those_to_look_at_stand_first(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=4)
    world.answer = reject_first
    attempt = exported(flow)
    items = signed_in(client, manager_of(flow)).get(f"/exports/{attempt.pk}/").context["page"]
    assert [item.state for item in items] == ["failed", "exported", "exported", "exported"]


def test_answer_and_history_are_shown_and_national_ids_are_not(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=2)
    world.answer = reject_first
    attempt = exported(flow)
    text = page(signed_in(client, manager_of(flow)), f"/exports/{attempt.pk}/")
    assert "numberOfSuccess" in text
    assert "19900101-****" in text
    assert not any(person.national_id in text for person in flow.participants.all())
    assert "Started an export of 2 grades" in text
    assert "The export ended: 1 exported, 1 failed, 0 unknown (HTTP status 200)." in text


def test_an_answer_is_not_cut_in_the_middle_of_a_national_id(client: Client, make_flow: Make) -> None:
    attempt = exported(make_flow(people=1))
    attempt.answer = '"' + "x" * (SHOWN_ANSWER - 12) + ' 19900101-1234"'
    attempt.save()
    shown = signed_in(client, manager_of(attempt.flow)).get(f"/exports/{attempt.pk}/").context["answer"]
    assert shown.endswith("x 19900101-*")


@pytest.mark.parametrize("came", ["<h1>Gateway</h1>", "-ERR unknown command", "AccessKeyId: AKIA"])
def test_what_is_no_data_is_not_shown_for_ladoks_answer(client: Client, make_flow: Make, came: str) -> None:
    attempt = exported(make_flow(people=1))
    attempt.answer = came
    attempt.save()
    text = page(signed_in(client, manager_of(attempt.flow)), f"/exports/{attempt.pk}/")
    assert came not in text
    assert "What came back is no data" in text


def test_people_are_found_by_outcome_and_by_name(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=3)
    world.answer = reject_first
    attempt = exported(flow)
    signed_in(client, manager_of(flow))
    assert client.get(f"/exports/{attempt.pk}/", {"state": "failed"}).context["page"].paginator.count == 1
    person = flow.participants.first()
    assert client.get(f"/exports/{attempt.pk}/", {"q": person.organisation_id}).context["page"].paginator.count == 1
    assert "Nobody matches" in page(client, f"/exports/{attempt.pk}/", q="nobody of that name")


def test_attempt_of_another_source_is_not_found(client: Client, make_flow: Make) -> None:
    attempt = exported(make_flow())
    item = attempt.items.first()
    signed_in(client, stranger())
    for address in ("", "people.csv", "people.xlsx"):
        assert client.get(f"/exports/{attempt.pk}/{address}").status_code == 404
    assert client.post(f"/exports/{attempt.pk}/choose/", {"item": [item.pk]}).status_code == 404
    marking = f"/exports/flows/{attempt.flow_id}/mark/"
    assert client.get(marking).status_code == 404
    assert client.post(marking, {"item": [f"{item.pk}:x"], "reason": "x"}).status_code == 404
    assert client.post(f"{marking}take-back/", {"item": [item.pk]}).status_code == 404


def test_page_asks_for_news_only_while_the_attempt_is_under_way(client: Client, make_flow: Make) -> None:
    flow = make_flow()
    attempt = ExportAttemptFactory(flow=flow, sent_count=1, state="sending")
    signed_in(client, manager_of(flow))
    assert 'hx-trigger="every 2s"' in page(client, f"/exports/{attempt.pk}/")
    fragment = client.get(f"/exports/{attempt.pk}/", headers={"hx-request": "true", "hx-target": "progress"})
    assert "<h1" not in fragment.content.decode()
    assert fragment.headers["Vary"].count("HX-Target") == 1
    done = exported(make_flow())
    client.force_login(done.requested_by)
    assert 'hx-trigger="every 2s"' not in page(client, f"/exports/{done.pk}/")


def test_as_many_queries_for_many_people_as_for_few(
    client: Client, make_flow: Make, django_assert_max_num_queries: Any
) -> None:
    flow = make_flow(people=60)
    attempt = exported(flow)
    signed_in(client, manager_of(flow))
    with django_assert_max_num_queries(14):
        response = client.get(f"/exports/{attempt.pk}/")
    assert len(response.context["page"]) == 50


def test_person_with_a_later_attempt_cannot_be_chosen_here(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=1)
    world.answer = reject_first
    first = exported(flow)
    signed_in(client, manager_of(flow))
    assert 'name="item"' in page(client, f"/exports/{first.pk}/")
    press(client, f"/exports/flows/{flow.pk}/preview/?asking=retry", f"/exports/flows/{flow.pk}/send/")
    text = page(client, f"/exports/{first.pk}/")
    assert 'name="item"' not in text
    assert "There is a later attempt for this person." in text


# --- Settling


def test_check_with_ladok_settles_what_is_unknown(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=1, source={"can_read_back": True})
    world.answer = lose
    attempt = exported(flow)
    item = attempt.items.get()
    world.registered = [{"studentUid": item.unique_exam_id, "grade": {"grade": item.grade}}]
    signed_in(client, manager_of(flow))
    assert "Check with Ladok" in page(client, f"/exports/{attempt.pk}/")
    client.post(f"/exports/flows/{flow.pk}/check/", {"next": f"/exports/{attempt.pk}/"})
    item.refresh_from_db()
    assert item.state == ExportItem.State.EXPORTED


def test_source_that_cannot_be_read_back_offers_no_check(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=1)
    world.answer = lose
    attempt = exported(flow)
    signed_in(client, manager_of(flow))
    assert f"/exports/flows/{flow.pk}/check/" not in page(client, f"/exports/{attempt.pk}/")
    told = client.post(f"/exports/flows/{flow.pk}/check/", follow=True, headers={"accept-language": "en"})
    assert "cannot be asked which grades it has registered" in told.content.decode()


def test_marking_as_exported_needs_a_reason_and_is_on_record(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=2)
    world.answer = lose
    attempt = exported(flow)
    item = attempt.items.first()
    user = manager_of(flow)
    signed_in(client, user)
    chosen = client.post(f"/exports/{attempt.pk}/choose/", {"item": [item.pk], "mark": "yes"})
    marking = f"/exports/flows/{flow.pk}/mark/"
    assert chosen.headers["Location"] == f"{marking}?item={item.pk}"
    assert str(item.participant) in page(client, chosen.headers["Location"])
    shown = ticked(client, chosen.headers["Location"])
    assert [value.split(":")[0] for value in shown["item"]] == [str(item.pk)]
    without = client.post(marking, {**shown, "reason": "  "})
    assert without.context["form"].errors["reason"]
    client.post(marking, {**shown, "reason": "Seen in Ladok"})
    item.refresh_from_db()
    assert (item.state, item.settled_by) == ("exported", user)
    entry = AuditEntry.objects.filter(attempt_id=attempt.pk, actor=user).latest("pk")
    assert "Seen in Ladok" in str(entry)
    assert attempt.items.filter(state="unknown").count() == 1


def ticked(client: Client, address: str) -> dict[str, Any]:
    """What the form of *Mark as exported* sends as it stands there."""
    rows = client.get(address).context["rows"]
    return {
        "item": [f"{item.pk}:{seen}" for item, seen, is_ticked in rows if is_ticked],
        "shown": [item.pk for item, _seen, _is_ticked in rows],
    }


def says_there(call: Any) -> tuple[int, bytes]:
    """Ladok has the first two already, and knows nothing of the third."""
    infos = ("Resultatet är redan attesterat.", "Redan registrerat", "Okänd")
    people = [line["studentUid"] for line in call.body["gradeExports"]]
    errors = [{"userId": who, "errorInfo": info} for who, info in zip(people, infos, strict=False)]
    return 200, json.dumps({"numberOfSuccess": 0, "numberOfErrors": len(errors), "errors": errors}).encode()


def test_whom_ladok_has_already_are_offered_to_be_marked_together_and_it_can_be_taken_back(
    client: Client, make_flow: Make, world: World
) -> None:
    flow = make_flow(people=3)
    world.answer = says_there
    attempt = exported(flow)
    one, other, unknown_there = attempt.items.order_by("pk")
    signed_in(client, manager_of(flow))
    marking = f"/exports/flows/{flow.pk}/mark/"
    for address in (
        f"/exports/{attempt.pk}/",
        f"/flows/{flow.pk}/",
        "/exports/",
        f"/exports/flows/{flow.pk}/preview/?asking=retry",
    ):
        assert f'href="{marking}"' in page(client, address), address
    shown = ticked(client, marking)
    assert [int(value.split(":")[0]) for value in shown["item"]] == [one.pk, other.pk]
    assert str(unknown_there.participant) not in page(client, marking)
    told = client.post(marking, {**shown, "reason": "Seen in Ladok"}, follow=True, headers={"accept-language": "en"})
    assert "2 grades are marked as exported." in told.text
    assert "Marked as exported by hand: Seen in Ladok" in page(client, marking)
    flow.refresh_from_db()
    assert (flow.exported_count, flow.failed_count) == (2, 1)
    # What is left is another matter: it may be retried.
    assert f'href="{marking}"' not in page(client, f"/flows/{flow.pk}/")
    assert f"{marking}#marked" in page(client, f"/exports/{attempt.pk}/")
    marked = re.findall(rf'value="({one.pk}:[^"]+)" id="marked-', page(client, marking))
    for unseen in (f"{one.pk}", f"{one.pk}:{'0' * 32}"):
        answer = client.post(f"{marking}take-back/", {"item": [unseen]}, follow=True, headers={"accept-language": "en"})
        assert "has changed since you opened the page" in answer.text
        assert attempt.items.get(pk=one.pk).state == "exported"
    back = client.post(f"{marking}take-back/", {"item": marked}, follow=True, headers={"accept-language": "en"})
    assert "The mark of 1 grade has been taken back." in back.text
    assert attempt.items.get(pk=one.pk).state == "failed"


def test_where_all_is_there_already_no_page_advises_to_retry(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=2)
    world.answer = says_there
    attempt = exported(flow)
    signed_in(client, manager_of(flow))
    for address in (f"/exports/{attempt.pk}/", f"/flows/{flow.pk}/", "/exports/"):
        text = page(client, address)
        assert "asking=retry" not in text, address
        assert f'id="send-{flow.pk}"' not in text, address
    text = page(client, f"/exports/flows/{flow.pk}/preview/", asking="retry")
    assert "Ladok says that it has 2 grades already, which are not sent again" in text
    assert 'id="send-form"' not in text
    chosen = client.post(f"/exports/{attempt.pk}/choose/", {"item": [attempt.items.first().pk], "retry": "yes"})
    text = page(client, chosen.headers["Location"])
    assert "Ladok says that it has 1 of these grades already" in text
    assert 'id="send-form"' in text


def test_what_has_changed_since_the_page_was_opened_is_shown_and_nobody_is_marked(
    client: Client, make_flow: Make, world: World
) -> None:
    flow = make_flow(people=2)
    world.answer = says_there
    attempt = exported(flow)
    signed_in(client, manager_of(flow))
    marking = f"/exports/flows/{flow.pk}/mark/"
    shown = ticked(client, marking)
    attempt.items.filter(pk=attempt.items.first().pk).update(grade="U")
    told = client.post(marking, {**shown, "reason": "Seen"}, headers={"accept-language": "en"})
    assert "has changed since you opened the page" in told.text
    assert attempt.items.filter(state="failed").count() == 2
    assert re.search(r">\s*Seen</textarea>", told.text)
    nobody = client.post(marking, {"shown": shown["shown"], "reason": "Seen"}, headers={"accept-language": "en"})
    assert "Nobody is chosen." in nobody.text
    assert client.post(marking, {"item": ["x:y"], "reason": "Seen"}).status_code == 404


def test_only_open_outcomes_of_this_attempt_can_be_marked(client: Client, make_flow: Make) -> None:
    flow = make_flow(people=1)
    done = exported(flow)
    other = ExportItemFactory(participant=ParticipantFactory(), state="failed", attempt__state="failed")
    signed_in(client, manager_of(flow))
    told = client.post(
        f"/exports/{done.pk}/choose/",
        {"item": [done.items.get().pk], "mark": "yes"},
        follow=True,
        headers={"accept-language": "en"},
    )
    assert "Choose at least one person first." in told.content.decode()
    assert client.post(f"/exports/{done.pk}/choose/", {"item": [other.pk], "mark": "yes"}).status_code == 404
    assert client.post(f"/exports/{done.pk}/choose/", {"item": ["x"], "mark": "yes"}).status_code == 404


def test_manager_without_the_export_right_may_look_but_not_retry(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=2, university="boras")
    world.answer = reject_first
    (attempt,) = [exported(flow)]
    text = page(signed_in(client, manager_of(flow, can_export=False)), f"/exports/{attempt.pk}/")
    assert "This university lets only managers with the export right send grades" in text
    assert "Retry all" not in text


# --- Downloads


@pytest.mark.parametrize(
    "spelt",
    ["{0} {1} {2} {3} {4}", "{0}{1} {2} - {3}{4}", "SE{0}{1}–{2} {3} {4}", "{1}.{2}.{3}.{4}", "{0}{1}{2}:{3} {4}"],
)
def test_a_national_id_in_ladoks_own_words_is_read_nowhere(
    client: Client, make_flow: Make, world: World, spelt: str
) -> None:
    flow = make_flow(people=1)
    flow.participants.update(national_id="199003041239")
    said = f"Personen {spelt.format('19', '90', '0304', '12', '39')} är inte registrerad"
    world.answer = lambda call: (
        200,
        json.dumps(
            {
                "numberOfSuccess": 0,
                "numberOfErrors": 1,
                "errors": [{"userId": line["studentUid"], "errorInfo": said} for line in call.body["gradeExports"]],
            }
        ).encode(),
    )
    attempt = exported(flow)
    signed_in(client, manager_of(flow))
    sheet = client.get(f"/exports/{attempt.pk}/people.xlsx").content
    cells = [str(cell) for row in load_workbook(io.BytesIO(sheet)).active.values for cell in row]
    texts = [
        json.dumps([attempt.message, *attempt.items.values_list("message", flat=True)]),
        page(client, f"/exports/{attempt.pk}/"),
        client.get(f"/exports/{attempt.pk}/people.csv").content.decode("utf-8-sig"),
        " ".join(cells),
    ]
    assert all("Personen" in text and "****" in re.sub(r"[^\w*]", "", text) for text in texts)
    assert not any("9003041239" in re.sub(r"\W", "", text) for text in texts)


def test_people_are_downloaded_as_csv_without_formulas_and_national_ids(
    client: Client, make_flow: Make, world: World
) -> None:
    flow = make_flow(people=2)
    flow.participants.update(last_name="=cmd|' /C calc'!A0", first_name="+1")
    world.answer = reject_first
    attempt = exported(flow)
    response = signed_in(client, manager_of(flow)).get(f"/exports/{attempt.pk}/people.csv")
    text = response.content.decode("utf-8-sig")
    assert "\"'=cmd|' /C calc'!A0\"" in text
    assert '"\'+1"' in text
    assert "Inte registrerad" in text
    assert "19900101T" not in text
    assert response.headers["Content-Disposition"] == f'attachment; filename="ladokflow-export-{attempt.pk}.csv"'
    assert "no-store" in response.headers["Cache-Control"]


def test_workbook_holds_texts_only(client: Client, make_flow: Make, world: World) -> None:
    flow = make_flow(people=2)
    flow.participants.update(last_name="=1+1", first_name="@SUM(A1)")
    attempt = exported(flow)
    response = signed_in(client, manager_of(flow)).get(f"/exports/{attempt.pk}/people.xlsx")
    sheet = load_workbook(io.BytesIO(response.content)).active
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s"}
    assert "'=1+1" in {cell.value for cell in cells}


def test_errors_of_all_own_flows_are_downloaded(client: Client, make_flow: Make, world: World) -> None:
    ours, theirs = make_flow(people=2, title="Our exam"), make_flow(people=2, title="Their exam")
    world.answer = reject_first
    exported(ours)
    exported(theirs)
    signed_in(client, manager_of(ours))
    lines = client.get("/exports/errors.csv").content.decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert "Our exam" in lines[1]
    assert len(client.get("/exports/errors.csv", {"q": "nothing like it"}).content.decode().splitlines()) == 1
    assert client.get("/exports/errors.xlsx").status_code == 200
    assert client.get("/exports/errors.pdf").status_code == 404
    assert client.get(f"/exports/{ExportAttempt.objects.first().pk}/people.pdf").status_code == 404


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_error_that_was_retried_well_is_no_error_any_more(
    client: Client, make_flow: Make, world: World, kind: str
) -> None:
    flow = make_flow(people=1)
    world.answer = reject_first
    exported(flow)
    world.answer = lambda call: (200, b"")
    from exports.attempts.send import send_attempt
    from exports.attempts.start import retry_export

    for attempt in retry_export(flow=flow, requested_by=flow.created_by, enqueue=False):
        send_attempt(attempt.pk)
    signed_in(client, manager_of(flow))
    if kind == "csv":
        assert len(client.get("/exports/errors.csv").content.decode().splitlines()) == 1
    else:
        sheet = load_workbook(io.BytesIO(client.get("/exports/errors.xlsx").content)).active
        assert sheet.max_row == 1
