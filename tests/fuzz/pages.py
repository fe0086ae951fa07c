"""Forms sent with something strange in them, and calls as WISEflow makes them with something strange in those.

Every form that a manager, a licence admin or an operator sees is sent as it stands, but for one, two or three of its fields.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from hypothesis import strategies as st

from ladokflow.sandbox.wiseflow.webhooks import EVENTS
from ladokflow.wiseflow.webhooks import signature_of
from sources.models import Membership, Webhook, WebhookEvent
from sources.webhooks.handle import handle
from tests.attack.pages import Form, Page
from tests.cases import rolled_back
from tests.factories import UserFactory
from tests.fuzz.answers import watched
from tests.fuzz.strange import CHANGES, TEXTS, VALUES, changed
from tests.owner.base import Base
from tests.pages.everything import addresses, flows_in_every_state

LEAVING = ("logout", "set_language")
FILES = st.tuples(st.sampled_from(["x.csv", "x.xlsx", "\0.pdf", "å" * 300]), st.binary(max_size=200)).map(
    lambda file: SimpleUploadedFile(*file)
)
TYPED = st.one_of(TEXTS, VALUES.map(str), FILES, st.lists(TEXTS, max_size=3))


class Forms:
    """All that there are on the pages of one flow, on every other page, and in the administration; or of one page in so many."""

    def __init__(self, base: Base, one_in: int = 1) -> None:
        self.base, self.statuses = base, Counter[int]()
        membership = Membership.objects.get()
        membership.role = Membership.Role.LICENCE_ADMIN
        for right in ("can_archive", "can_see_logs", "can_see_small_groups"):
            setattr(membership, right, True)
        membership.save()
        self.manager = membership.user
        self.root = UserFactory(is_staff=True, is_superuser=True)
        self.flow = flows_in_every_state(membership.source)[-1]
        seen = list(dict.fromkeys(self._places()))[::one_in]
        self.forms = [(user, form) for user, address in seen for form in self._forms_of(user, address)]

    def _places(self) -> Iterator[tuple[Any, str]]:
        for name, address in addresses(self.flow):
            if name not in LEAVING:
                yield self.manager, address
        for model in admin.site._registry:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
            yield self.root, reverse(f"{name}_changelist")
            yield self.root, reverse(f"{name}_add")
            if row := model._default_manager.first():
                yield self.root, reverse(f"{name}_change", args=[row.pk])

    def _client(self, user: Any) -> Client:
        client = Client(headers={"accept-language": "en"})
        client.force_login(user)
        return client

    def _forms_of(self, user: Any, address: str) -> list[Form]:
        with rolled_back():
            answer = self._client(user).get(address, follow=True)
            kind = answer.headers.get("Content-Type", "")
            if answer.streaming or not kind.startswith("text/html"):
                return []
            page = Page(answer.text, answer.status_code, address)
        left_out = [reverse(name) for name in LEAVING]
        return [form for form in page.forms if form.address not in left_out and (form.fields or form.buttons)]

    def play(self, data: st.DataObject) -> None:
        user, form = data.draw(st.sampled_from(self.forms), "form")
        names = sorted({name for name, _ in (*form.fields, *form.boxes)} - {"csrfmiddlewaretoken"}) or ["x"]
        strange = data.draw(st.dictionaries(st.sampled_from(names), TYPED, min_size=1, max_size=3), "strange")
        sent: dict[str, Any] = {}
        for name, value in (*form.fields, *data.draw(st.sampled_from([[], form.boxes]))):
            sent.setdefault(name, []).append(value)
        if form.buttons:
            name, value = data.draw(st.sampled_from(form.buttons), "button")
            sent[name] = [value]
        client = self._client(user)
        send = client.post if form.is_post else client.get
        with self.base.set_back(self.base.state), watched((form.address, strange)):
            status = send(form.address, sent | strange).status_code
        self.statuses[status] += 1
        assert status < 500, (form.address, strange, status)


class Calls:
    """WISEflow's calls about a flow that there is: received, and done."""

    def __init__(self, base: Base) -> None:
        self.base, self.statuses = base, Counter[int]()
        source = Membership.objects.get().source
        self.hook, _ = Webhook.objects.get_or_create(source=source, defaults={"secret": "only-for-tests"})

    def play(self, data: st.DataObject) -> None:
        call = {
            "event": data.draw(st.sampled_from(EVENTS), "event"),
            "flowId": self.base.wiseflow_id,
            "callId": "c-1",
            "occurredAt": "2026-11-21T10:00:00Z",
            "data": {
                "participantId": 1,
                "submissionId": 2,
                "externalSource": {"id": 1, "reference": self.base.codes[0]},
            },
        }
        strange = changed(call, data.draw(st.integers(0, 20), "place"), data.draw(CHANGES, "change"))
        try:
            body = json.dumps(strange).encode("utf-8", "surrogatepass")
        except ValueError:
            return
        signature = signature_of(
            secret=self.hook.secret, body=body, encoding=self.hook.encoding, prefix=self.hook.prefix
        )
        with self.base.set_back(self.base.state), watched(strange):
            answer = Client().post(
                reverse("webhook", args=[self.hook.source.slug]),
                body,
                content_type="application/json",
                headers={self.hook.header: signature},
            )
            for event in WebhookEvent.objects.filter(handled_at=None):
                handle(event.pk)
        self.statuses[answer.status_code] += 1
        assert answer.status_code < 500, strange
