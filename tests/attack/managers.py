"""What managers do: at pages that they open, and press at once or much later, and with commands."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.management import CommandError, call_command
from django.urls import reverse

from exports.grades.collect import collect_grades
from exports.models import ExportAttempt, ExportItem
from sources.flows.create import create_flow
from sources.flows.release import Way, release
from sources.flows.request import request_flow
from sources.models import Flow, FlowSource, Participant
from tests.attack import answers
from tests.attack.base import another_manager, finish
from tests.attack.judge import AttackJudge
from tests.attack.pages import Browser, Form, Page
from tests.attack.standing import Standing
from tests.attack.world import World
from tests.owner.base import Base
from tests.owner.people import Humans
from tests.owner.play import Void

MAY_BE_THERE = re.compile(r"(\d+) of these grades may be in Ladok already")


@dataclass
class Tab:
    """A page that somebody has open: its form, who is shown on it, of how many it says that they may be in Ladok, and how all
    stood when it was opened."""

    form: Form
    who: int
    state: Standing
    shown: dict[int, str] | None = None
    told: int = 0


@dataclass
class Typed:
    """What a command has printed of what it would do, with the fingerprint that makes it binding."""

    name: str
    fingerprint: str
    state: Standing
    shown: dict[int, str]
    told: int


class Managers(World):
    """`told`: by attempt, of how many grades a manager had been told that they may be in Ladok already; -1 is of all.

    `vouched`: items that a manager has marked without having seen them in Ladok. `flows`: all there have been, the last is at work.
    `is_crowded`: others are at work at the same time.
    """

    judge: AttackJudge

    def __init__(self, base: Base, humans: Humans, accounts: dict[int, int]) -> None:
        super().__init__(base, humans, accounts)
        self.flows = [base]
        self.tabs: dict[int, Tab] = {}
        self.marks: dict[int, tuple[Form, Standing]] = {}
        self.typed: dict[int, Typed] = {}
        self.told: dict[str, int] = {}
        self.vouched: set[int] = set()
        self.has_dealt = False
        self.is_crowded = False
        self._browsers: dict[int, Browser] = {}
        self._others: list[Any] = []

    def do_clock(self, hours: float) -> None:
        super().do_clock(hours)
        self._browsers.clear()  # a session may be over by that clock

    def browser(self, who: int) -> Browser:
        if who not in self._browsers:
            if who and not self._others:
                self._others.append(another_manager(self.base))
            self._browsers[who] = Browser(self._others[0] if who else self.flow.created_by)
        return self._browsers[who]

    def do_preview(self, tab: int, asking: str = "first", who: int = 0) -> None:
        """*Export* or *Retry*: the page that shows who would be sent."""
        address = reverse("exports:preview", args=[self.base.flow_pk]) + f"?asking={asking}"
        page = self.browser(who).open(address)
        if asking == "retry" and page.form_to("/send/") is None:
            # What may be there already goes only when it is chosen.
            unknown = ExportItem.objects.filter(attempt__flow=self.base.flow_pk, state="unknown")
            people = [("person", pk) for pk in unknown.order_by("pk").values_list("participant", flat=True)]
            page = self.browser(who).open(f"{address}&{urlencode(people)}")
        self._keep(page, tab, who)

    def do_list(self, tab: int, state: str, who: int = 0) -> None:
        """The same from the dashboard, where the flow is ticked."""
        browser = self.browser(who)
        form = browser.open(reverse("exports:dashboard") + f"?tab={state}").form_to("/preview/")
        box, asking = ("flow", str(self.base.flow_pk)), "retry" if state == "failed" else "first"
        if form is None or box not in form.boxes:
            raise Void
        self._keep(browser.press(form, box, ("asking", asking)), tab, who)

    def _keep(self, page: Page, tab: int, who: int) -> None:
        form = page.form_to("/send/")
        if form is None:
            raise Void
        keys = self._keys()
        shown = {
            keys[row["Organisation id"]]: row["Grade"].split()[0]
            for row in page.rows
            if "Why not" not in row and row.get("Organisation id") in keys
        }
        told = MAY_BE_THERE.search(page.text)
        self.tabs[tab] = Tab(form, who, self.judge.standing(), shown, int(told[1]) if told else 0)

    def do_press(self, tab: int) -> None:
        """The form of the page as it was opened, however long ago."""
        if tab not in self.tabs:
            raise Void
        opened = self.tabs[tab]
        before, state = self.attempts(), self.judge.standing()
        page = self.browser(opened.who).press(opened.form)
        self.judge.see_page(page)
        new = self.attempts(self.browser(opened.who).user) - before - set(self.told)
        self.told |= dict.fromkeys(new, opened.told)
        if self.is_crowded:
            return  # how all stood when it was pressed, nobody can tell
        if opened.shown is not None:
            self.judge.see_sent(opened.shown, opened.state, new)
        elif (new and state != opened.state) or (
            self.judge.standing().codes != state.codes and state.items != opened.state.items
        ):
            self.judge.see_changed(opened.form.address)

    def attempts(self, by: Any = None) -> set[str]:
        asked = ExportAttempt.objects.filter(requested_by=by) if by is not None else ExportAttempt.objects.all()
        return {str(pk) for pk in asked.values_list("pk", flat=True)}

    def do_retry_all(self) -> None:
        """The second manager retries what there is."""
        self.do_preview(91, "retry", 1)
        self.do_press(91)

    def do_let_go(self) -> None:
        """The flow is let go here, and stays in WISEflow."""
        flow = self.flow
        if not self._tried(lambda: release(flow=flow, way=Way.KEPT, by=flow.created_by)):
            raise Void

    def do_command(self, name: str, trick: answers.Trick = ()) -> None:
        """`manage.py export` or `retry`: who types it has asked for it whatever may be there."""
        if not self._command(name, -1 if name == "retry" else 0):
            raise Void
        self.do_work(trick)

    def do_type(self, tab: int, name: str) -> None:
        """The command's preview."""
        out = io.StringIO()
        try:
            self._call(name, preview=True, json=True, stdout=out)
        except CommandError as refused:
            raise Void from refused
        document, keys = json.loads(out.getvalue()), self._keys()
        shown = {keys[person["organisationId"]]: person["grade"] for person in document["send"]}
        told = sum(person["mayBeInLadok"] for person in document["send"])
        self.typed[tab] = Typed(name, document["fingerprint"], self.judge.standing(), shown, told)

    def do_enter(self, tab: int) -> None:
        """The command with the fingerprint of what it printed, however long ago."""
        if tab not in self.typed:
            raise Void
        typed = self.typed[tab]
        self.judge.see_sent(typed.shown, typed.state, self._command(typed.name, typed.told, seen=typed.fingerprint))

    def _command(self, name: str, told: int, **options: Any) -> set[str]:
        """The attempts that came of it; none where it refused."""
        before = self.attempts()
        with contextlib.suppress(CommandError):
            self._call(name, stdout=io.StringIO(), **options)
        new = self.attempts() - before - set(self.told)
        self.told |= dict.fromkeys(new, told)
        return new

    def _call(self, name: str, **options: Any) -> None:
        by = self.flow.created_by.email
        call_command(name, flow=self.base.flow_pk, by=by, stderr=io.StringIO(), **options)

    def _keys(self) -> dict[str, int]:
        people = Participant.objects.filter(flow_id=self.base.flow_pk)
        return dict(people.values_list("organisation_id", "pk"))

    def do_mark_page(self, tab: int, is_true: int = 1) -> None:
        """*Mark as exported* of those whom somebody sees in Ladok; or, not `is_true`, of all without a look."""
        newest = ExportAttempt.objects.filter(flow_id=self.base.flow_pk).order_by("-created_at").first()
        if newest is None:
            raise Void
        page = self.browser(0).open(reverse("exports:attempt", args=[newest.pk]))
        form = page.form_to("/choose/")
        boxes = [box for box in (form.boxes if form else []) if box[0] == "item"]
        items = ExportItem.objects.select_related("participant", "attempt__code").in_bulk(
            [int(value) for _, value in boxes]
        )
        chosen = [pk for pk, item in items.items() if not is_true or self.judge.is_registered(item)]
        if form is None or not chosen:
            raise Void
        page = self.browser(0).press(form, *(("item", str(pk)) for pk in chosen), ("mark", "yes"))
        mark = page.form_to("/mark/")
        if mark is None:
            raise Void
        if not is_true:
            self.vouched.update(pk for pk in chosen if not self.judge.is_registered(items[pk]))
        self.marks[tab] = mark, self.judge.standing()

    def do_say(self) -> None:
        """Of each unknown outcome of each flow, what somebody sees who looks in Ladok: that the grade is there, or that it is not."""
        for base in self.flows:
            for word, is_there in (("there", True), ("absent", False)):
                self._say(base.flow_pk, word, is_there=is_there)

    def _say(self, flow_pk: int, word: str, *, is_there: bool) -> None:
        items = ExportItem.objects.filter(attempt__flow=flow_pk, state=ExportItem.State.UNKNOWN)
        seen = [str(item.pk) for item in items if self.judge.is_registered(item) == is_there]
        address = reverse("exports:mark", args=[flow_pk])
        page = self.browser(0).open(f"{address}?{urlencode([('item', key) for key in seen])}")
        form = page.form_to("/mark/")
        if seen and form is not None:
            answered = (("reason", "Tittat i Ladok."), ("word", word))
            self.judge.see_page(self.browser(0).press(form, *answered, without=("reason",)))

    def do_mark_press(self, tab: int) -> None:
        if tab not in self.marks:
            raise Void
        (form, opened), before = self.marks[tab], self.judge.standing()
        page = self.browser(0).press(form, ("reason", "Syns i Ladok."), without=("reason",))
        self.judge.see_page(page)
        if self.judge.standing() != before and not self.is_crowded:
            self.counts["marks made or taken back"] += 1
            ticked = {int(value.partition(":")[0]) for name, value in form.fields if name == "item"}
            if opened.of_items(ticked) != before.of_items(ticked):
                self.judge.see_changed(form.address)

    def do_take_back_page(self, tab: int) -> None:
        """The page on which all marks can be taken back; `mark_press` does it."""
        form = self.browser(0).open(reverse("exports:mark", args=[self.base.flow_pk])).form_to("/take-back/")
        if form is None:
            raise Void
        self.marks[tab] = form.ticked("item"), self.judge.standing()

    def do_deal(self) -> None:
        """All that has come out meanwhile has been put right in Ladok, says a manager."""
        page = self.browser(0).open(reverse("exports:findings", args=[self.base.flow_pk]))
        forms = [form for form in page.forms if form.is_post and form.address.endswith("/findings/")]
        if not forms:
            raise Void
        for form in forms:
            self.judge.see_page(self.browser(0).press(form, ("reason", "Rättat i Ladok."), without=("reason",)))
        self.has_dealt = True

    def do_check(self, who: int = 0) -> None:
        """*Check with Ladok*, for each flow there is."""
        for base in self.flows:
            self._post(who, "exports:check", base.flow_pk)

    def _post(self, who: int, name: str, *args: Any) -> None:
        self.judge.see_page(self.browser(who).press(Form(reverse(name, args=args))))

    def do_code_page(self, tab: int) -> None:
        """The page that lets a code go."""
        code = FlowSource.objects.filter(flow_id=self.base.flow_pk, removed_at=None).first()
        if code is None:
            raise Void
        page = self.browser(0).open(reverse("flows:code_remove", args=[self.base.flow_pk, code.pk]))
        form = page.form_to("/remove/")
        if form is None:
            raise Void
        self.tabs[tab] = Tab(form, 0, self.judge.standing())

    def do_second_flow(self) -> None:
        """Another flow of the same exam, its people graded as in the first one."""
        flow = self.flow
        made: list[Flow] = []

        def make() -> None:
            asked = request_flow(
                source=flow.source, codes=self.base.codes[:1], requested_by=flow.created_by, enqueue=False
            )
            made.append(create_flow(asked.pk))

        if not self._tried(make) or made[0].wiseflow_id is None:
            raise Void
        self.base = dataclasses.replace(self.base, flow_pk=made[0].pk, wiseflow_id=made[0].wiseflow_id)
        self.flows.append(self.base)
        finish(self.sandbox, self.base)
        collect_grades(self.flow)
