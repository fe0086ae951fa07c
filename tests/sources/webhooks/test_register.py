"""Registering the webhook in WISEflow, testing it, removing it."""

import contextlib
import datetime as dt

import pytest
from django.utils import timezone

from ladokflow.http import RemoteError
from ladokflow.messages import Refused
from sources.models import AuditEntry, Credential, Webhook, WebhookEvent
from sources.webhooks.handle import EVENTS
from sources.webhooks.register import ask_for_test, register, remove, url_of, webhook_of
from tests.sources.webhooks.calling import WebhookCaller


@contextlib.contextmanager
def raises(kind, code):
    with pytest.raises(kind) as raised:
        yield
    assert raised.value.message.code == code


def told():
    return [entry.message["code"].rpartition(".")[2] for entry in AuditEntry.objects.order_by("pk")]


def test_wiseflow_is_given_an_address_the_events_and_a_secret_that_only_we_have(pages, liu, lars, sandbox):
    hook = register(source=liu, by=lars, address="192.0.2.1")
    (there,) = sandbox.control.webhooks("liu")
    assert (there["id"], there["url"], there["active"]) == (hook.wiseflow_id, f"{pages}/webhooks/liu/", True)
    assert set(there["events"]) == EVENTS
    assert hook.registered_at
    assert len(hook.secret) >= 64
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.address, entry.message["params"]) == (lars, "192.0.2.1", {"webhook": hook.wiseflow_id})


def test_a_test_call_comes_back_and_is_seen(hook, liu, lars, until):
    hook = ask_for_test(source=liu, by=lars)
    assert hook.is_awaited
    until(lambda: webhook_of(liu).has_come_back)
    assert not webhook_of(liu).is_awaited
    assert [event.event for event in WebhookEvent.objects.all()] == ["TEST"]
    assert told() == ["webhook_registered", "webhook_tested"]


def test_a_test_call_signed_in_another_way_does_not_count_but_tells_how(hook, liu, sandbox, until):
    sandbox.control.set_webhook_signature(header="X-Signature", encoding="base64", prefix="v1=")
    ask_for_test(source=liu)
    until(lambda: webhook_of(liu).signed_with)
    found = webhook_of(liu)
    assert found.signed_with == {"header": "X-Signature", "encoding": "base64", "prefix": "v1="}
    assert not found.has_come_back
    Webhook.objects.update(**found.signed_with, signed_with={})
    ask_for_test(source=liu)
    until(lambda: webhook_of(liu).has_come_back)


def test_a_test_that_nothing_comes_of_is_no_longer_awaited_after_a_while(hook, liu):
    Webhook.objects.update(tested_at=timezone.now() - dt.timedelta(seconds=20))
    found = webhook_of(liu)
    assert (found.is_awaited, found.has_come_back) == (False, False)


def test_registered_again_there_is_one_webhook_with_another_secret(hook, liu, sandbox):
    again = register(source=liu)
    assert again.secret != hook.secret
    assert [row["id"] for row in sandbox.control.webhooks("liu")] == [again.wiseflow_id]
    body = b'{"event": "TEST"}'
    assert WebhookCaller(again).raw(body, WebhookCaller(hook).signed(body)).status_code == 403
    assert WebhookCaller(again).body(body).status_code == 200


def test_one_that_a_crash_has_left_behind_goes_and_those_of_others_stay(hook, liu, sandbox, settings):
    from sources.universities.clients import wiseflow_for

    with wiseflow_for(liu) as client:
        client.create_webhook(
            title="Another system", url="https://elsewhere.example/", secret="s", events=["ASSESSMENT"]
        )
    Webhook.objects.update(wiseflow_id=None, registered_at=None)
    again = register(source=liu)
    rows = {row["url"]: row["id"] for row in sandbox.control.webhooks("liu")}
    assert rows == {"https://elsewhere.example/": rows["https://elsewhere.example/"], again.url: again.wiseflow_id}
    settings.PUBLIC_URL += "/moved"
    register(source=liu)
    assert {row["url"] for row in sandbox.control.webhooks("liu")} == {"https://elsewhere.example/", url_of(liu)}


def test_removed_it_is_gone_there_and_calls_are_refused_here(hook, liu, lars, sandbox):
    gone = remove(source=liu, by=lars)
    assert sandbox.control.webhooks("liu") == []
    assert (gone.secret, gone.wiseflow_id, gone.registered_at) == ("", None, None)
    assert WebhookCaller(hook).body(b'{"event": "TEST"}').status_code == 403
    assert told() == ["webhook_registered", "webhook_removed"]
    with raises(Refused, "sources.webhook.not_registered"):
        remove(source=liu)


def test_removed_it_is_also_when_wiseflow_has_lost_it(hook, liu):
    Webhook.objects.update(wiseflow_id=1)
    assert remove(source=liu).registered_at is None


def test_a_test_of_one_that_wiseflow_has_lost_says_so(hook, liu):
    Webhook.objects.update(wiseflow_id=1)
    with raises(Refused, "sources.webhook.gone"):
        ask_for_test(source=liu)
    assert webhook_of(liu).tested_at is None


def test_what_is_not_registered_is_not_tested(liu):
    with raises(Refused, "sources.webhook.not_registered"):
        ask_for_test(source=liu)


def test_an_address_that_wiseflow_would_not_call_is_refused_before_anything_is_asked(liu, settings):
    settings.PUBLIC_URL = "http://ladokflow.example"
    liu.wiseflow_url = "https://europe-api.wiseflow.example/v1"
    with raises(Refused, "sources.webhook.not_public"):
        register(source=liu)
    assert not Webhook.objects.exists()


def test_when_wiseflow_does_not_register_it_is_told_and_nothing_is_said_to_be_registered(pages, liu, sandbox):
    sandbox.control.fault("wiseflow", "*/webhooks", "status", times=-1, method="POST", status=400)
    with raises(RemoteError, "remote.refused"):
        register(source=liu)
    found = webhook_of(liu)
    assert (found.registered_at, found.wiseflow_id, found.busy_until, told()) == (None, None, None, [])
    sandbox.control.clear_faults()
    assert register(source=liu).registered_at


def test_without_a_credential_it_is_told(pages, liu):
    Credential.objects.all().delete()
    with raises(RemoteError, "remote.no_credential"):
        register(source=liu)


def test_two_at_once_are_one_and_a_refusal(hook, liu):
    Webhook.objects.update(busy_until=timezone.now() + dt.timedelta(minutes=1))
    for action in (register, remove):
        with raises(Refused, "sources.webhook.busy"):
            action(source=liu)
    Webhook.objects.update(busy_until=timezone.now() - dt.timedelta(seconds=1))
    assert register(source=liu).busy_until is None
