"""The pages of rules for flows: every manager reads what they have made, licence admins set them up and have them make at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ladokflow.messages import message
from sources.models import AuditEntry, BatchExam, FlowBatch, FlowPreset, FlowRule, RuleExam, Source
from sources.universities.members import update_admin_access
from tests.factories import FlowFactory
from tests.filling import press

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
ENGLISH: dict[str, Any] = {"headers": {"accept-language": "en"}}


@pytest.fixture
def rule(liu: Source, anna: User, sandbox: Any) -> FlowRule:
    day = (timezone.now() + dt.timedelta(days=5)).date().isoformat()
    sandbox.control.add_exam("liu", people=1, courseCode="REG101", examCode="REG-1", examStartDate=day, examEndDate=day)
    return FlowRule.objects.create(source=liu, name="Salar", manager=anna, courses="REG101")


def test_a_licence_admin_sees_what_a_rule_would_make_and_has_it_made_and_a_manager_only_sees_it(
    rule: FlowRule, liu: Source, anna: User, lars: User, olle: User, sign_in: SignIn
) -> None:
    page = reverse("flows:rule", args=[liu.slug, rule.pk])
    assert sign_in(olle).get(page).status_code == 404
    manager = sign_in(anna)
    shown = manager.get(page, **ENGLISH).text
    assert "The rule would make 1 flow now" in shown
    assert "REG-1" in shown
    assert f'action="{page}"' not in shown
    assert manager.post(page, {"seen": ""}).status_code == 403
    admin = sign_in(lars)
    assert "Something has changed" in admin.post(page, {"seen": "x"}, **ENGLISH).text
    assert not RuleExam.objects.exists()
    assert press(admin, page, page).headers["Location"] == reverse("flows:batch", args=[FlowBatch.objects.get().pk])
    assert BatchExam.objects.get().batch.requested_by == anna
    assert AuditEntry.objects.get(actor=lars).message["params"] == {"name": "Salar", "count": 1}


def test_every_exam_stands_with_its_flow_or_why_there_is_none_in_few_queries(
    rule: FlowRule, liu: Source, anna: User, sign_in: SignIn
) -> None:
    batch = FlowBatch.objects.create(source=liu, requested_by=anna)
    refusal = message("ladok.unknown_code", code="REG-9").to_json()
    flow = FlowFactory(source=liu, codes=["REG-2"])
    for n, facts in enumerate(({"flow": flow}, {"message": refusal}, {})):
        exam = BatchExam.objects.create(batch=batch, position=n, code=f"REG-{2 + n}", **facts)
        RuleExam.objects.create(source=liu, rule=rule, code=exam.code, batch_exam=exam)
    for n in range(20):
        RuleExam.objects.create(source=liu, rule=rule, code=f"OLD-{n}")
    told = message("sources.rule.too_many", count=30, most=20).to_json()
    FlowRule.objects.filter(pk=rule.pk).update(told=[told], is_on=True)
    client = sign_in(anna)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        page = client.get(reverse("flows:rules", args=[liu.slug]), **ENGLISH).text
    assert len(asked) <= 12
    assert "would make 30 flows" in page
    assert f'href="{reverse("flows:detail", args=[flow.pk])}"' in page
    assert "Ladok does not know the code REG-9." in page
    way = client.get(reverse("flows:way", args=[liu.slug]), **ENGLISH).text
    assert reverse("flows:rules", args=[liu.slug]) in way
    assert "would make 30 flows" in way


def test_a_rule_is_set_up_in_admin_off_at_first_and_only_as_it_can_work(
    liu: Source, oru: Source, anna: User, lars: User, olle: User, admin_user: User, sign_in: SignIn
) -> None:
    update_admin_access(lars.pk)
    client = sign_in(lars)
    add = reverse("admin:sources_flowrule_add")
    theirs = FlowPreset.objects.create(source=oru, name="Deras")
    fields = {
        "source": liu.pk, "name": "Salar", "manager": anna.pk, "preset": "", "courses": "TDDE01", "words": "",
        "first_day": "2026-12-01", "days_before": 14, "most_at_once": 20,
    }  # fmt: skip
    for wrong in (
        {"courses": "TDD*"},
        {"courses": "T*D"},
        {"manager": olle.pk},
        {"preset": theirs.pk},
        {"source": oru.pk},
    ):
        assert client.post(add, fields | wrong).status_code == 200, wrong
    assert client.post(add, fields).status_code == 302
    rule = FlowRule.objects.get()
    assert not rule.is_on
    change = reverse("admin:sources_flowrule_change", args=[rule.pk])
    assert reverse("flows:rule", args=[liu.slug, rule.pk]) in client.get(change).text
    assert reverse("flows:rule", args=[liu.slug, rule.pk]) not in sign_in(admin_user).get(change).text
    client = sign_in(lars)
    assert client.post(change, fields | {"is_on": "on"}).status_code == 302
    rule.refresh_from_db()
    assert rule.is_on
    assert client.post(reverse("admin:sources_flowrule_delete", args=[rule.pk]), {"post": "yes"}).status_code == 302
    codes = [entry.message["code"] for entry in AuditEntry.objects.filter(actor=lars).order_by("pk")]
    assert codes == ["admin.rule_added", "admin.rule_changed", "admin.rule_deleted"]
