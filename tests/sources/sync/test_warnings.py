"""What a synchronisation tells that somebody has to see to stays on Home and in the list until somebody has."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from ladokflow.fingerprints import NotAsShown
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import AuditEntry, Flow, Source
from sources.sync.run import request_sync, run_sync
from sources.sync.warnings import HAPPENED, fingerprint_of_warnings, look_at_warnings, warnings_after

CONDITION, OTHER = {"code": "a", "params": {}}, {"code": "b", "params": {}}
EVENT = {"code": "c", "params": {}, HAPPENED: True}


@pytest.mark.parametrize(
    ("told", "warnings", "seen", "expected"),
    [
        ([CONDITION], [], [], ([CONDITION], [])),
        ([CONDITION, CONDITION], [], [], ([CONDITION], [])),
        ([CONDITION], [CONDITION], [], ([CONDITION], [])),
        ([CONDITION], [], [CONDITION], ([], [CONDITION])),  # told still, and somebody knows
        ([], [CONDITION], [], ([], [])),  # it is so no more
        ([], [], [CONDITION], ([], [])),  # should it come back, it is new
        ([], [EVENT], [], ([EVENT], [])),  # it has happened, whatever comes later
        ([EVENT], [], [EVENT], ([], [EVENT])),
        ([OTHER, EVENT], [EVENT, CONDITION], [], ([EVENT, OTHER], [])),
    ],
)
def test_a_condition_is_told_while_it_lasts_and_an_event_until_somebody_has_looked(
    told: list[Any], warnings: list[Any], seen: list[Any], expected: tuple[list[Any], list[Any]]
) -> None:
    assert warnings_after(told, warnings, seen) == expected


def synchronised(flow: Flow) -> Flow:
    run = run_sync(request_sync(flow=flow, trigger="night", enqueue=False).pk)
    assert run is None or run.state == "success"
    flow.refresh_from_db()
    return flow


@pytest.mark.django_db
def test_from_ladok_to_the_button_and_never_again_until_it_is_new(
    sandbox: Any, liu: Source, anna: User, client: Client
) -> None:
    code = sandbox.control.add_exam("liu", people=5)
    people = sandbox.control.exam("liu", code)["participants"]
    flow = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    flow.refresh_from_db()
    assert flow.warnings == []
    nobody = people[0] | {"LiUId": ""}
    sandbox.control.set_people("liu", code, [*people, nobody | {"studentUID": "", "civicNumber": "", "email": ""}])
    synchronised(flow)
    assert len(flow.warnings) == 1

    client.force_login(anna)
    english = {"accept-language": "en"}
    address = reverse("flows:detail", args=[flow.pk])
    assert f'href="{address}#warnings"' in client.get("/", headers=english).text
    page = client.get(address, headers=english).text
    shown = page.split('id="warnings"')[1].split("</section>")[0]
    assert "1 thing to look at" in shown
    assert str(fingerprint_of_warnings(flow)) in shown

    look = reverse("flows:look_at_warnings", args=[flow.pk])
    client.post(look, {"seen": "something else"})
    assert Flow.objects.get().warnings == flow.warnings
    with pytest.raises(NotAsShown):
        look_at_warnings(flow=flow, by=anna, seen="")
    for _twice in range(2):
        client.post(look, {"seen": str(fingerprint_of_warnings(flow))})
    assert AuditEntry.objects.filter(message__code="sources.audit.warnings_seen").count() == 1
    assert f'href="{address}#warnings"' not in client.get("/").text

    assert synchronised(flow).warnings == []  # the same is told still, and nobody is asked again
    assert len(flow.warnings_seen) == 1
    sandbox.control.set_people("liu", code, people)
    assert synchronised(flow).warnings_seen == []
