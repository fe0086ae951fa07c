"""The judgement of an attack: Ladok's ledger against our rows, and against what the pages say.

owner    A grade is in the ledger for somebody who never earned it, or with points that are another's.
early    Before marking has ended something came to Ladok that was an alternative grade, or nobody wanted to go at once.
stale    A grade came to Ladok that was nobody's any more, or that no reviewer had approved where one decides, when whoever sent it began.
seen     Something was done that the page its manager pressed did not show: another person, another grade, or after what
         it showed of an earlier sending had changed.
doubt    A retry went out of somebody whose grade may be in Ladok, and the page did not say so.
twice    A grade was registered twice, and no manager had been told that it may be there.
lost     *Exported* of a grade that is not in the ledger.
denied   *Failed* of a grade that is in the ledger, and nothing has been sent for the person since.
overrule A manager's mark stands of what nobody knew, and Ladok itself has answered of each sending of the grade that it turned it
         down. Who marks what the page shows as turned down has been told.
page     A page that does not open, or says other figures than the rows.
silence  The flow shows *Exported*, and somebody graded and on the list is not in the ledger.
untold   Ladok has said of a grade twice that it is registered, and no page tells.
mail     Something has come out about grades, nobody has dealt with it, and no e-mail to the flow's managers has told it.
hand     What somebody has changed in WISEflow was written over.
place    Where grades go has become another after one had gone.
open     At the end something is still under way, or unknown; or a grade never came.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from exports.models import ExportAttempt, ExportItem, Finding
from ladokflow.sandbox import hands
from sources.models import Flow, Participant
from sources.models.flow import ExportState
from tests.attack.pages import Page
from tests.attack.standing import Standing, standing_of
from tests.owner.judge import Judge

if TYPE_CHECKING:
    from tests.attack.play import Attacked
    from tests.owner.play import Step

State = ExportItem.State
FIGURES = {State.EXPORTED: "exported", State.FAILED: "failed", State.UNKNOWN: "outcome unknown"}
COLUMNS = {"Sent": "sent_count", "Exported": "exported_count", "Failed": "failed_count", "Unknown": "unknown_count"}
OF_FLOW = re.compile(r"Export: (\w+)")
SAYS_TWICE = re.compile(r"\b(twice|two times|more than once|dubbelt)\b", re.IGNORECASE)  # e-mails are in Swedish


class AttackJudge(Judge):
    play: Attacked

    def __init__(self, play: Attacked) -> None:
        super().__init__(play)
        self._earned: dict[int, set[str]] = defaultdict(set)
        self._scored: dict[int, set[float | None]] = defaultdict(set)
        self._standing: dict[int, set[str]] = defaultdict(set)  # what each has had since the step began
        self._step: tuple[Any, ...] = ("begin",)
        self._written: set[int] = set()  # findings that an e-mail has been about

    # --- Around each step ----------------------------------------------------------------------------------------

    def begin(self, step: Step) -> None:
        self._step = step
        self._phase = self.play.phase
        self._alternative = self.play.alternatives_now()
        self._was_instant = self._was_instant or Flow.objects.filter(instant_export=True).exists()
        self._standing.clear()
        self.remember_grades()

    def after(self, step: Step) -> None:
        self._judge_owners()
        self._judge_place(step)
        self._judge_doubts()
        self._judge_twice()
        self._judge_items()
        self._judge_by_hand()

    def remember_grades(self) -> None:
        for human, grades in self.play.grades_now().items():
            self._earned[human] |= grades
            self._standing[human] |= grades
        for human, points in self.play.points_now().items():
            self._scored[human] |= points

    def _found(self, rule: str, sentence: str) -> None:
        self._say(rule, self._step, sentence)

    # --- What there is -------------------------------------------------------------------------------------------

    def _humans(self) -> dict[int, int]:
        """By key of a participant of ours, whoever writes as it in WISEflow."""
        by_number = {}
        for base in self.play.flows:
            for person in hands.flow_of(self.play.state, base.wiseflow_id)["participants"].values():
                by_number[person["id"]] = self.play.human_of(person)
        rows = Participant.objects.filter(wiseflow_id__in=by_number).values_list("pk", "wiseflow_id")
        return {pk: human for pk, number in rows if (human := by_number[number]) is not None}

    def is_registered(self, item: ExportItem) -> bool:
        human = self._humans().get(item.participant_id)
        code = item.attempt.code.code
        return any((row.get("owner"), row["code"], row["grade"]) == (human, code, item.grade) for row in self.ledger())

    def _registering(self) -> dict[tuple[int, str], list[str]]:
        """By owner and code, the attempts in which Ladok registered something for them, in order."""
        found: dict[tuple[int, str], list[str]] = defaultdict(list)
        for place, row in enumerate(self.ledger()):
            found[row.get("owner"), row["code"]].append(self.play.sandbox.sent_in.get(place, ""))
        return found

    # --- The ledger ----------------------------------------------------------------------------------------------

    def _judge_owners(self) -> None:
        ledger = self.ledger()
        if ledger[self._seen :]:
            self._judge_early(self._step, ledger[self._seen :])
        for place, row in enumerate(ledger[self._seen :], start=self._seen):
            owner = row.get("owner")
            if row["grade"] not in self._standing[owner] and place not in self.play.late:
                self._found(
                    "stale", f"{row['grade']} is registered for {owner}, who had {self._standing[owner]} by then"
                )
            if row["points"] not in self._scored[owner]:
                self._found(
                    "owner", f"{row['points']} points are registered for {owner}, who has {self._scored[owner]}"
                )
            if row["grade"] not in self._earned[owner]:
                self._found("owner", f"{row['grade']} is registered for {owner}, who earned {self._earned[owner]}")
        self._seen = len(ledger)

    def standing(self) -> Standing:
        return standing_of(self.play.base.flow_pk)

    def see_sent(self, shown: Mapping[int, str], then: Standing, attempts: Iterable[str]) -> None:
        for item in ExportItem.objects.filter(attempt_id__in=list(attempts)).order_by("pk"):
            who = f"participant {item.participant_id}"
            if shown.get(item.participant_id) != item.grade:
                self._found("seen", f"of {who} {shown.get(item.participant_id)} was shown, and {item.grade} is sent")
            before = ExportItem.objects.filter(participant=item.participant_id, place=item.place, pk__lt=item.pk).last()
            if not then.is_of(item.participant_id, before):
                self._found("seen", f"what was sent of {who} before is not what the page showed")

    def see_changed(self, address: str) -> None:
        self._found("seen", f"{address} did what it showed, after that had changed")

    def _judge_doubts(self) -> None:
        for attempt, people in self.play.sandbox.doubts.items():
            told = self.play.told.get(attempt, 0)
            if told >= 0 and len(people) > told:
                self._found("doubt", f"{len(people)} grades that may be in Ladok were sent again, {told} were told of")

    def _judge_twice(self) -> None:
        humans = self._humans()
        for (owner, code), attempts in self._registering().items():
            if len(attempts) != len(set(attempts)):
                self._found("twice", f"{owner} has two registrations on {code} by one attempt")
            untold = [attempt for attempt in attempts if not self._is_told_of(attempt, owner, humans)]
            if len(untold) > 1:
                self._found("twice", f"{owner} is registered {len(attempts)} times on {code}, and nobody was told")

    def _is_told_of(self, attempt: str, owner: int, humans: Mapping[int, int]) -> bool:
        doubtful = {humans.get(pk) for pk in self.play.sandbox.doubts.get(attempt, ())}
        return owner in doubtful and bool(self.play.told.get(attempt))

    # --- Our rows ------------------------------------------------------------------------------------------------

    def _judge_items(self) -> None:
        humans, registering = self._humans(), self._registering()
        rows = list(ExportItem.objects.select_related("attempt__code").order_by("pk"))
        newest = {(item.participant_id, item.place): item.pk for item in rows}
        registered = {(row.get("owner"), row["code"], row["grade"]) for row in self.ledger()}
        for item in rows:
            human, code, attempt = humans.get(item.participant_id), item.attempt.code.code, str(item.attempt_id)
            is_there = (human, code, item.grade) in registered
            if item.state == State.EXPORTED and not is_there:
                if item.pk not in self.play.vouched:
                    self._found("lost", f"{item.grade} of {human} on {code} shows Exported, and is not in Ladok")
                elif item.unmarked().state == State.UNKNOWN and all(
                    self._is_answered(each) for each in rows if _is_of(item, each)
                ):
                    self._found("overrule", f"{human} is marked as exported, and Ladok has turned the grade down")
            is_newest = newest[item.participant_id, item.place] == item.pk
            if item.state == State.FAILED and is_newest and attempt in registering.get((human, code), ()):
                self._found("denied", f"{item.grade} of {human} on {code} shows Failed, and is in Ladok")

    def _is_answered(self, item: ExportItem) -> bool:
        attempt = item.attempt
        return attempt.state not in ExportAttempt.OPEN and str(attempt.pk) in self.play.sandbox.answered

    def _judge_by_hand(self) -> None:
        row = self.play.row
        for name, value in self.play.by_hand.items():
            now = row["dates"].get(name, row.get(name))
            if now != value:
                self._found("hand", f"{name} was changed to {value!r} in WISEflow, and is {now!r}")
        for number, end in self.play.ends_by_hand.items():
            now = row["participants"].get(str(number), {}).get("end") or row["dates"]["end"]
            if now != end:
                self._found("hand", f"{number} was to end at {end} by somebody's hand in WISEflow, and ends at {now}")
        grades = self.play.grades_now()
        for human, grade in self.play.graded_by_hand.items():
            if grade not in grades.get(human, ()):
                self._found("hand", f"{human} was given {grade} in WISEflow, and has {grades.get(human, 'nothing')}")

    # --- The pages -----------------------------------------------------------------------------------------------

    def see_page(self, page: Page) -> None:
        if page.status >= 500:
            self._found("page", f"{page.address} answers {page.status}")

    def _open(self, address: str) -> Page:
        page = self.play.browser(0).open(address)
        if page.status != 200:
            self._found("page", f"{address} answers {page.status}")
        return page

    def look(self) -> None:
        for base in self.play.flows:
            flow = Flow.objects.get(pk=base.flow_pk)
            self._look_at_flow(flow)
            for attempt in ExportAttempt.objects.filter(flow=flow):
                self._look_at_attempt(attempt)

    def _look_at_flow(self, flow: Flow) -> None:
        pages = [self._open(reverse(f"flows:{name}", args=[flow.pk])) for name in ("detail", "participants", "exports")]
        shown = OF_FLOW.search(pages[0].text)
        state = shown[1].lower() if shown else "nothing"
        listed = self._open(reverse("exports:dashboard") + f"?tab={flow.export_state}&columns=exported")
        home = self._open(reverse("home"))
        if state != flow.export_state or flow.title not in listed.text:
            self._found("page", f"the flow shows {state}, and is {flow.export_state}")
        if flow.export_state == ExportState.EXPORTED:
            self._judge_exported_flow(flow)
        self._judge_figures(flow, pages[2], listed)
        is_to_tell = self._known_twice(flow) and not self.play.has_dealt
        if is_to_tell and not all(SAYS_TWICE.search(page.text) for page in (pages[0], listed, home)):
            self._found(
                "untold", "Ladok has said of grades twice that they are registered: not on flow, dashboard and Home"
            )

    def _judge_exported_flow(self, flow: Flow) -> None:
        humans, missing = self._humans(), self._missing()
        vouched = set(ExportItem.objects.filter(pk__in=self.play.vouched).values_list("participant_id", flat=True))
        for person in Participant.objects.filter(flow=flow, assessment__isnull=False).select_related("assessment"):
            human = humans.get(person.pk)
            if person.assessment.effective_grade and human in missing and person.pk not in vouched:
                self._found("silence", f"the flow shows Exported, and {human} is not in Ladok")

    def _judge_figures(self, flow: Flow, exports: Page, listed: Page) -> None:
        told = Counter(tuple(int(row[column]) for column in COLUMNS) for row in exports.rows if "Sent" in row)
        kept = Counter(ExportAttempt.objects.filter(flow=flow).values_list(*COLUMNS.values()))
        if told != kept:
            self._found("page", f"the flow's attempts show {dict(told)}, and are {dict(kept)}")
        people = (
            ExportItem.objects.filter(participant__flow=flow, state=State.EXPORTED).values("participant").distinct()
        )
        for row in listed.rows:
            if flow.title in row.get("Flow", "") and "Exported" in row:
                shown = int(row["Exported"].split("/")[0])
                if shown > people.count():
                    self._found("page", f"the dashboard shows {shown} exported, and there are {people.count()}")

    def _look_at_attempt(self, attempt: ExportAttempt) -> None:
        page = self._open(reverse("exports:attempt", args=[attempt.pk]))
        if attempt.state in ExportAttempt.OPEN or page.status != 200:
            return
        figures, items = page.figures(), Counter(attempt.items.values_list("state", flat=True))
        shown = {state: figures.get(label) for state, label in FIGURES.items()}
        kept = {state: items[state.value] for state in FIGURES}
        if shown != kept:
            self._found("page", f"the attempt shows {_plain(shown)}, and its grades are {_plain(kept)}")
        total = attempt.exported_count + attempt.failed_count + attempt.unknown_count
        if total != attempt.sent_count:
            self._found("page", f"{attempt.sent_count} sent, and {total} told of")

    def _known_twice(self, flow: Flow) -> bool:
        """Whether Ladok has answered two attempts of the flow that somebody's grade is registered, and both answers have come."""
        keys = (
            ExportAttempt.objects.filter(flow=flow).exclude(state__in=ExportAttempt.OPEN).values_list("pk", flat=True)
        )
        answered = {str(pk) for pk in keys} & self.play.sandbox.answered
        return any(len(answered.intersection(attempts)) > 1 for attempts in self._registering().values())

    # --- E-mails -------------------------------------------------------------------------------------------------

    def see_mails(self, mails: Iterable[str]) -> None:
        """What the managers have been written now, all of it: what has come out since the last time is in it."""
        lines = [line for mail in mails for line in mail.splitlines()]
        for base in self.play.flows:
            flow = Flow.objects.get(pk=base.flow_pk)
            told = [line for line in lines if reverse("exports:findings", args=[flow.pk]) in line]
            new = Finding.objects.open().filter(flow=flow).exclude(pk__in=self._written)
            kinds = set(new.values_list("kind", flat=True))
            if kinds and not told:
                self._found("mail", f"{sorted(kinds)} has come out, and nobody has been written to")
            if Finding.Kind.TWICE in kinds and not any(map(SAYS_TWICE.search, told)):
                self._found("mail", "a grade is there twice, and the e-mail does not say so")
            if self._known_twice(flow) and not self.play.has_dealt and not (self._written or told):
                self._found("mail", "Ladok has said of grades twice that they are registered: in no e-mail")
            self._written |= set(new.values_list("pk", flat=True))

    # --- The end -------------------------------------------------------------------------------------------------

    def settled(self) -> None:
        for attempt in ExportAttempt.objects.filter(state__in=ExportAttempt.OPEN):
            self._found("open", f"an attempt is still {attempt.state}")
        unknown = ExportItem.objects.filter(state=State.UNKNOWN).count()
        if unknown:
            self._found("open", f"{unknown} outcomes are unknown for good")
        if self.play.is_plain:
            self._judge_all_there()

    def _missing(self) -> set[int]:
        """Those on a list of whom the ledger has nothing; nothing under one of their codes, where grades go to each."""
        there: dict[int | None, set[str]] = defaultdict(set)
        for row in self.ledger():
            there[row.get("owner")].add(row["code"])
        goes_to_each = self.play.flow.grade_goes_to == Flow.GradeGoesTo.EACH
        return {
            human
            for human, codes in self.on_list().items()
            if (codes - there[human] if goes_to_each else not there[human])
        }

    def _judge_all_there(self) -> None:
        vouched = set(ExportItem.objects.filter(pk__in=self.play.vouched).values_list("participant_id", flat=True))
        excused = {human for pk, human in self._humans().items() if pk in vouched}
        missing = (set(self.play.grades_now()) & self._missing()) - excused
        if missing:
            shown = Flow.objects.values_list("export_state", "export_message").get(pk=self.play.base.flow_pk)
            self._found("open", f"{len(missing)} grades never came to Ladok; the flow is {shown}")


def _plain(counts: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(state.value): count for state, count in counts.items()}


def _is_of(item: ExportItem, other: ExportItem) -> bool:
    """Whether the other one was sent, and for the same person to the same place."""
    is_sent = other.attempt.sending_at is not None
    return is_sent and (item.participant_id, item.place) == (other.participant_id, other.place)
