"""Papers on the pages: how many handed in, who has a grade without one, and the question before it is sent."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from exports.rules.states import refresh_states
from sources.models import Flow, Paper
from tests.factories import FlowFactory, MembershipFactory, ParticipantFactory, in_hours
from tests.filling import form_on
from tests.pages.walking import main_text

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


@pytest.fixture
def flow() -> Flow:
    flow = FlowFactory(
        state=Flow.State.CONCLUDED, papers_read_at=in_hours(-1), handed_in_count=1, collected_at=in_hours(-1)
    )
    MembershipFactory(source=flow.source, user=flow.created_by)
    first, second = ParticipantFactory.create_batch(2, flow=flow, grade="5")
    third = ParticipantFactory(flow=flow)
    Paper.objects.create(participant=first, state="nothing")
    for person in (second, third):
        Paper.objects.create(
            participant=person, state="handed_in", handed_in_at=in_hours(-68), is_late=True, similarity=12
        )
    refresh_states(flow)
    return flow


def test_how_many_handed_in_stands_on_the_flow_and_who_did_not_in_the_list_and_the_file(
    flow: Flow, sign_in: SignIn
) -> None:
    client = sign_in(flow.created_by)
    text = client.get(f"/flows/{flow.pk}/").content.decode()
    assert "1 of 3" in text
    assert "handed in nothing" in text
    page = client.get(f"/flows/{flow.pk}/participants/?show=without_paper")
    assert [person.paper.state for person in page.context["page"]] == ["nothing"]
    assert "Handed in late" in client.get(f"/flows/{flow.pk}/participants/").content.decode()
    table = client.get(f"/flows/{flow.pk}/participants.csv").content.decode("utf-8-sig")
    assert '"Paper";"Handed in";"Late";"Similarity"' in table
    assert '"12.0"' in table


def test_of_a_flow_whose_papers_are_not_known_nothing_is_said(flow: Flow, sign_in: SignIn) -> None:
    Flow.objects.update(papers_read_at=None)
    client = sign_in(flow.created_by)
    assert "handed in</span>" not in client.get(f"/flows/{flow.pk}/").content.decode()
    assert "without_paper" not in client.get(f"/flows/{flow.pk}/participants/").content.decode()


def test_the_question_is_answered_and_the_answer_undone(flow: Flow, sign_in: SignIn) -> None:
    client = sign_in(flow.created_by)
    preview = client.get(f"/exports/flows/{flow.pk}/preview/").content.decode()
    assert "1 passing grade waits, because nothing was handed in" in preview
    page = client.get(f"/exports/flows/{flow.pk}/papers/").content.decode()
    assert "A paper, and no grade" in page
    fields = form_on(page, f"/exports/flows/{flow.pk}/papers/")
    person = Paper.objects.get(state="nothing").participant_id
    none_chosen = client.post(f"/exports/flows/{flow.pk}/papers/", fields | {"reason": "x"}, follow=True)
    assert "Choose at least one person first." in none_chosen.text
    assert none_chosen.context["form"]["reason"].value() == "x"  # what was written is kept
    no_reason = client.post(f"/exports/flows/{flow.pk}/papers/", fields | {"person": person, "reason": ""})
    assert re.search(rf'value="{person}"[^>]*checked', no_reason.text)  # and who was chosen
    told = client.post(f"/exports/flows/{flow.pk}/papers/", fields | {"person": person, "reason": "x"}, follow=True)
    assert "It is kept that 1 grade is right." in told.content.decode()
    assert Paper.objects.get(state="nothing").accepted_grade == "5"
    client.post(f"/exports/flows/{flow.pk}/papers/take-back/", {"person": person})
    assert Paper.objects.get(state="nothing").accepted_grade == ""


def test_who_may_not_export_sees_it_and_answers_nothing(flow: Flow, sign_in: SignIn) -> None:
    member = MembershipFactory(source=flow.source, can_export=False).user
    page = sign_in(member).get(f"/exports/flows/{flow.pk}/papers/").content.decode()
    assert "Who may export grades answers it." in page
    stranger = MembershipFactory().user
    for path in ("papers/", "papers/take-back/", "papers/read/"):
        assert sign_in(stranger).post(f"/exports/flows/{flow.pk}/{path}").status_code == 404


def test_a_students_page_says_what_was_handed_in_and_who_accepted_a_grade_without(flow: Flow, sign_in: SignIn) -> None:
    client = sign_in(flow.created_by)
    nothing, late = Paper.objects.order_by("pk")[:2]

    def page(paper: Paper) -> str:
        return client.get(reverse("student", args=[paper.participant_id])).content.decode()

    assert "Late" in main_text(page(late)).split()
    assert "similarity 12.0 %" in page(late)
    assert "Nothing handed in" in page(nothing)
    Paper.objects.filter(pk=nothing.pk).update(
        accepted_grade="5", accepted_by=flow.created_by, accepted_at=in_hours(-1)
    )
    assert "5 without a paper is right" in page(nothing)
