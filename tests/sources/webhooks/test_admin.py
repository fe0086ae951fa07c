"""The webhook's page in the administration."""

import datetime as dt

import pytest
from django.urls import reverse

from ladokflow.wiseflow.webhooks import signature_of
from sources.models import AuditEntry, Webhook, WebhookEvent
from sources.webhooks.register import register, webhook_of
from tests.filling import form_on
from tests.sources.webhooks.calling import WebhookCaller


@pytest.fixture
def as_lars(client, lars):
    lars.is_staff = True
    lars.save()
    client.force_login(lars)
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def page(liu):
    return reverse("admin:sources_source_webhook", args=[liu.pk])


def settings_of(**changed):
    return {"header": "X-Wiseflow-Signature", "encoding": "hex", "prefix": "", "secret": "", "save": "1"} | changed


def told():
    return [entry.message["code"].rpartition(".")[2] for entry in AuditEntry.objects.order_by("pk")]


def test_a_licence_admin_registers_tests_and_removes(as_lars, page, pages, liu, until):
    assert "not registered in WISEflow" in as_lars.get(page).content.decode()
    assert not Webhook.objects.exists()  # looking makes nothing
    shown = as_lars.post(page, {"register": "1"}, follow=True).content.decode()
    assert "The webhook is registered in WISEflow. Test it now." in shown
    secret = webhook_of(liu).secret
    assert secret
    assert secret not in shown
    as_lars.post(page, {"test": "1"})
    until(lambda: webhook_of(liu).has_come_back)
    shown = as_lars.get(page).content.decode()
    assert "The webhook works." in shown
    assert "LadokFlow has nothing to do when WISEflow tells of TEST." in shown
    assert "refresh" not in shown
    assert "WISEflow no longer calls." in as_lars.post(page, {"remove": "1"}, follow=True).content.decode()
    assert told() == ["webhook_registered", "webhook_tested", "webhook_removed"]


def test_while_a_test_is_awaited_the_page_looks_again_by_itself(as_lars, page, hook, sandbox):
    sandbox.control.fault("wiseflow", "*/test", "status", status=200)
    shown = as_lars.post(page, {"test": "1"}, follow=True).content.decode()
    assert '<meta http-equiv="refresh" content="2">' in shown
    assert "Waiting for WISEflow" in shown


def test_a_call_that_is_signed_in_another_way_is_shown_and_its_settings_taken_over(
    as_lars, page, hook, liu, sandbox, until
):
    sandbox.control.set_webhook_signature(header="X-Hub-Signature-256", prefix="sha256=")
    as_lars.post(page, {"test": "1"})
    until(lambda: webhook_of(liu).signed_with)
    Webhook.objects.update(tested_at=webhook_of(liu).tested_at - dt.timedelta(days=365))
    shown = as_lars.get(page).content.decode()
    assert "X-Hub-Signature-256" in shown
    as_lars.post(page, {"adopt": "1"})
    hook.refresh_from_db()
    assert (hook.header, hook.encoding, hook.prefix) == ("X-Hub-Signature-256", "hex", "sha256=")
    as_lars.post(page, {"test": "1"})
    until(lambda: webhook_of(liu).has_come_back)


def test_how_a_call_is_signed_is_set_by_hand_and_on_record(as_lars, page, hook, liu):
    as_lars.post(page, settings_of(header="X-Sig", encoding="base64", prefix="HMAC "))
    found = webhook_of(liu)
    assert (found.header, found.encoding, found.prefix) == ("X-Sig", "base64", "HMAC ")
    assert (found.secret, found.wiseflow_id) == (hook.secret, hook.wiseflow_id)
    assert AuditEntry.objects.latest("pk").message["params"]["fields"]["rows"] == [
        ["header", "X-Wiseflow-Signature", "X-Sig"],
        ["encoding", "hex", "base64"],
        ["prefix", "", "HMAC "],
    ]


def test_a_secret_that_wiseflow_has_made_can_be_typed_and_is_never_shown(as_lars, page, pages, liu):
    as_lars.post(page, settings_of(secret="made by WISEflow"))
    body = b'{"event": "PAPER_SUBMITTED"}'
    headers = {"X-Wiseflow-Signature": signature_of(secret="made by WISEflow", body=body)}
    assert WebhookCaller(webhook_of(liu)).raw(body, headers, url=f"{pages}/webhooks/liu/").status_code == 200
    shown = as_lars.get(page).content.decode()
    assert "made by WISEflow" not in shown
    assert "was not registered from here" in shown
    assert "made by WISEflow" not in str([entry.message for entry in AuditEntry.objects.all()])


@pytest.mark.parametrize(
    "wrong", [{"header": "X Signature"}, {"header": ""}, {"encoding": "rot13"}, {"prefix": "x" * 51}]
)
def test_a_wrong_setting_is_told_and_not_saved(as_lars, page, hook, wrong):
    answer = as_lars.post(page, settings_of(**wrong))
    assert answer.status_code == 200
    assert set(answer.context["form"].errors) == set(wrong)
    hook.refresh_from_db()
    assert (hook.header, hook.encoding, hook.prefix) == ("X-Wiseflow-Signature", "hex", "")


@pytest.mark.parametrize("act", [{"save": "1", "prefix": "v1="}, {"remove": "1"}, {"register": "1"}, {"adopt": "1"}])
def test_a_page_that_shows_what_was_before_changes_nothing(as_lars, page, hook, liu, act):
    Webhook.objects.update(signed_with={"header": "X-Sig", "encoding": "hex", "prefix": ""})
    stale = settings_of(seen=form_on(as_lars.get(page).text)["seen"]) | act
    if "save" not in act:
        del stale["save"]
    register(source=liu)  # somebody else, meanwhile
    Webhook.objects.update(signed_with={"header": "X-Other", "encoding": "base64", "prefix": ""})
    before = Webhook.objects.values().get()
    assert "nothing is saved" in as_lars.post(page, stale, follow=True).content.decode()
    assert Webhook.objects.values().get() == before
    fresh = stale | {"seen": form_on(as_lars.get(page).text)["seen"]}
    as_lars.post(page, fresh)
    assert Webhook.objects.values().get() != before


def test_what_does_not_work_is_told_in_words(as_lars, page, pages, liu, sandbox):
    sandbox.control.fault("wiseflow", "*/webhooks", "status", times=-1, status=500)
    assert (
        "WISEflow failed on its own side (HTTP 500)."
        in as_lars.post(page, {"register": "1"}, follow=True).content.decode()
    )
    assert (
        "The webhook is not registered in WISEflow." in as_lars.post(page, {"test": "1"}, follow=True).content.decode()
    )


def test_an_address_that_has_changed_is_told(as_lars, page, hook, settings):
    settings.PUBLIC_URL = "http://moved.example"
    assert "Register it again." in as_lars.get(page).content.decode()


def test_the_page_of_another_source_is_not_found_and_nothing_is_done_there(as_lars, page, pages, oru, sandbox):
    other = reverse("admin:sources_source_webhook", args=[oru.pk])
    assert as_lars.get(other).status_code == 404
    for action in ("register", "test", "remove", "adopt", "save"):
        assert as_lars.post(other, {action: "1"}).status_code == 404
    assert sandbox.control.webhooks("oru") == []


def test_a_manager_and_somebody_unknown_have_no_such_page(client, page, anna):
    assert client.get(page).status_code == 302
    client.force_login(anna)
    assert client.get(page).status_code == 302


def test_the_source_leads_to_the_page(as_lars, page, liu):
    assert page in as_lars.get(reverse("admin:sources_source_change", args=[liu.pk])).content.decode()


def test_calls_are_read_by_their_own_licence_admin_and_never_changed(as_lars, hook, oru):
    register(source=oru)
    WebhookCaller(hook)(event="PAPER_SUBMITTED", flowId=1, note="what it says")
    WebhookCaller(webhook_of(oru))(event="ASSIGNMENT", flowId=2)
    shown = as_lars.get(reverse("admin:sources_webhookevent_changelist")).content.decode()
    assert "PAPER_SUBMITTED" in shown
    assert "ASSIGNMENT" not in shown
    own, theirs = WebhookEvent.objects.order_by("pk")
    one = reverse("admin:sources_webhookevent_change", args=[own.pk])
    assert "what it says" not in as_lars.get(one).content.decode()
    assert as_lars.post(one, {"event": "X"}).status_code == 403
    assert as_lars.get(reverse("admin:sources_webhookevent_change", args=[theirs.pk])).status_code == 404
    assert as_lars.get(reverse("admin:sources_webhookevent_changelist"), {"payload__startswith": "g"}).status_code in (
        302,
        400,
    )
