"""Each rule of the judge finds what it is there to find: an export that went well, of which something is then made untrue."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from typing import Any

from exports.models import DigestEntry, ExportAttempt, ExportItem, Finding
from ladokflow.messages import message
from sources.models import Flow
from tests.attack.attacks import EXPORT, READY, Kind
from tests.attack.base import AttackSandbox
from tests.attack.play import Attacked
from tests.factories import in_hours
from tests.owner.base import Base


def other_grade(played: Attacked) -> None:
    played.judge.ledger().append(played.judge.ledger()[0] | {"grade": "A"})


def given_anew_since(played: Attacked) -> None:
    """Everybody has another grade, and then the former one comes to Ladok."""
    played.do_grade_all(1)
    played.judge.begin(("made untrue",))
    registered_again(played)


def other_person_shown(played: Attacked) -> None:
    played.judge.see_sent({}, played.judge.standing(), played.attempts())


def doubt_sent(played: Attacked) -> None:
    played.sandbox.doubts[next(iter(played.attempts()))] = {1, 2}


def registered_again(played: Attacked) -> None:
    ledger = played.judge.ledger()
    played.sandbox.sent_in[len(ledger)] = "another"
    ledger.append(copy.deepcopy(ledger[0]))


def not_registered(played: Attacked) -> None:
    played.judge.ledger().clear()


def vouched_for(played: Attacked) -> None:
    """While nobody knew what had become of them; Ladok's answer was no, and has changed nothing."""
    played.vouched.update(ExportItem.objects.values_list("pk", flat=True))
    ExportItem.objects.update(before_mark={"state": "unknown", "message": {}})
    played.judge.ledger().clear()


def told_as_failed(played: Attacked) -> None:
    ExportItem.objects.update(state=ExportItem.State.FAILED)


def other_figures(played: Attacked) -> None:
    ExportAttempt.objects.update(state="failed", exported_count=0, failed_count=0)


def answered_twice(played: Attacked) -> None:
    attempt = ExportAttempt.objects.get()
    attempt.pk = uuid.uuid4()
    attempt.save(force_insert=True)
    ledger = played.judge.ledger()
    played.sandbox.sent_in[len(ledger)] = str(attempt.pk)
    played.sandbox.answered.add(str(attempt.pk))
    ledger.append(copy.deepcopy(ledger[0]))


def told_to_nobody(played: Attacked) -> None:
    """The managers have been written to about the attempt before it came out."""
    item = ExportItem.objects.select_related("attempt").order_by("pk")[0]
    found = {"flow": played.flow, "item": item, "message": message("finding.late_registered").to_json()}
    Finding.objects.create(kind=Finding.Kind.LATE, **found)
    DigestEntry.objects.create(user=played.flow.created_by, attempt=item.attempt, told_at=in_hours(0))


def written_over(played: Attacked) -> None:
    played.by_hand["title"] = "För hand"


def went_early(played: Attacked) -> None:
    """Marking is still on, and nobody has switched instant export on."""
    played.row["least_state"] = Flow.State.PARTICIPATION_STARTED
    played.judge.begin(("made untrue",))
    registered_again(played)


def other_place(played: Attacked) -> None:
    Flow.objects.update(grade_goes_to=Flow.GradeGoesTo.EACH)


def other_points(played: Attacked) -> None:
    played.judge.ledger().append(played.judge.ledger()[0] | {"points": 17})


def never_ended(played: Attacked) -> None:
    ExportAttempt.objects.update(state="sending", token=uuid.uuid4(), lease_until=in_hours(1), finished_at=None)


UNTRUE: dict[str, Callable[[Attacked], None]] = {
    "owner": other_grade,
    "early": went_early,
    "stale": given_anew_since,
    "place": other_place,
    "seen": other_person_shown,
    "doubt": doubt_sent,
    "twice": registered_again,
    "lost": not_registered,
    "silence": not_registered,
    "overrule": vouched_for,
    "denied": told_as_failed,
    "page": other_figures,
    "untold": answered_twice,
    "mail": told_to_nobody,
    "hand": written_over,
    "open": never_ended,
}


def test_each_rule_finds_what_it_is_there_for(base_for: Callable[[Kind], Base]) -> None:
    base = base_for(READY[0])
    missed = {}
    for rule, make_untrue in UNTRUE.items():
        found = _rules_broken(base, make_untrue)
        if rule not in found:
            missed[rule] = found
    assert not missed
    assert "owner" in _rules_broken(base, other_points)
    assert not _rules_broken(base, lambda played: None)


def _rules_broken(base: Base, make_untrue: Callable[[Attacked], Any]) -> set[str]:
    with base.fresh() as (humans, accounts):
        sandbox: AttackSandbox = base.sandbox  # type: ignore[assignment]
        sandbox.forget()
        played = Attacked(base, humans, accounts)
        played.run([*EXPORT, ("work",)], settles=False)
        assert not played.violations
        make_untrue(played)
        played.judge.after(("made untrue",))
        played.judge.look()
        played.do_mail()
        played.judge.settled()
        return {violation.partition(":")[0] for violation in played.violations}
