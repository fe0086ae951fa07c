"""What an export or a retry would do, as its preview shows it: of one flow, or of each of several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from django.contrib.auth.models import AbstractBaseUser
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from exports.attempts.start import HeldBack, Preview, PreviewLine, preview_export, suggested_codes
from exports.rules import rules
from exports.rules.facts import source_facts
from exports.rules.values import Asking
from ladokflow.messages import Text, Trait
from sources.models import Flow, FlowSource

MOST_NAMED = 100  # people of one flow in a preview of several: all of them stand in its own


# What the button that leads here says, and the page itself
WORDS: dict[Asking, Text] = {
    Asking.FIRST: pgettext_lazy("button", "Export"),
    Asking.RETRY: _("Retry"),
    Asking.OVERWRITE: _("Send changed grades again"),
}


@dataclass(frozen=True)
class Reason:
    """Why people are held back, and how many of them."""

    text: str
    count: int


@dataclass(frozen=True)
class Question:
    """What has to be said of a flow before any of its grades go with those of other flows, and where it is said."""

    words: Text
    address: str


@dataclass(frozen=True)
class Look:
    """The preview of one flow. `only`: the people who were chosen, none for all; `again`: what was sent elsewhere goes, too; `to`: the
    codes that are suggested."""

    preview: Preview
    asking: Asking
    only: Collection[int]
    again: bool
    to: dict[int, int]
    may_settle: bool  # who looks may say of a grade what Ladok has
    may_change: bool  # who looks may do anything but read

    @property
    def flow(self) -> Flow:
        return self.preview.flow

    @property
    def address(self) -> str:
        return address_of_preview(self.flow.pk, self.asking)

    @property
    def to_send(self) -> list[PreviewLine]:
        return self.preview.to_send

    @cached_property
    def held_back(self) -> list[HeldBack]:
        """Whom the export is about, and who stays all the same."""
        return [line for line in self.preview.held_back if not line.message.has(Trait.NOT_ASKED_FOR)]

    @property
    def others_count(self) -> int:
        return len(self.preview.held_back) - len(self.held_back)

    @property
    def reasons(self) -> list[Reason]:
        """The commonest first."""
        counts = Counter(line.message.what for line in self.held_back)
        return [Reason(text, count) for text, count in counts.most_common()]

    @property
    def grades(self) -> list[tuple[str, int]]:
        """How many would get each grade, in the order of the scale."""
        counts = Counter(line.grade for line in self.to_send)
        scale = [*self.flow.grades, *sorted(counts)]
        return sorted(counts.items(), key=lambda each: scale.index(each[0]))

    @property
    def unknown_count(self) -> int:
        """Of those who would be sent, how many may be in Ladok already."""
        return sum(line.is_unknown for line in self.to_send)

    @property
    def left_unknown_count(self) -> int:
        """Of those who would not, how many may be: they are looked for there first."""
        return sum(line.message.has(Trait.OUTCOME_UNKNOWN) for line in self.held_back)

    @property
    def there_count(self) -> int:
        return sum(line.is_there for line in self.to_send)

    @property
    def to_mark_count(self) -> int:
        return sum(line.message.has(Trait.ALREADY_IN_LADOK) for line in self.held_back)

    @property
    def again_count(self) -> int:
        return sum(line.elsewhere is not None for line in self.to_send)

    @property
    def elsewhere_count(self) -> int:
        return sum(line.message.has(Trait.SENT_ELSEWHERE) for line in self.held_back)

    @property
    def without_paper_count(self) -> int:
        """Of those who would not, whose passing grade waits for a word because nothing was handed in."""
        return sum(line.message.has(Trait.WITHOUT_PAPER) for line in self.held_back)

    @property
    def unread(self) -> list[FlowSource]:
        return self.preview.unread

    @property
    def codes(self) -> list[str]:
        return sorted({line.code.code for line in self.to_send})

    @property
    def has_choices(self) -> bool:
        return self.asking is Asking.RETRY and any(line.choices for line in self.to_send)

    @cached_property
    def without_points(self) -> list[PreviewLine]:
        """Whose grade would go without points to a university that takes them."""
        takes_points = self.flow.source.rules.sends_points
        return [line for line in self.to_send if takes_points and line.line.points is None]

    @property
    def can_be_sent(self) -> bool:
        return bool(self.to_send) and self.preview.refusal is None

    # --- Beside others

    @property
    def question(self) -> Question | None:
        flow, refusal = self.flow, self.preview.refusal
        if flow.is_adoption_unsaid:
            return Question(_("Say what was exported before"), reverse("exports:adoption", args=[flow.pk]))
        if refusal is not None and refusal == self.preview.doubt:
            return Question(_("How are the grades to be sent?"), f"{self.address}#word")
        if not self.can_be_sent:
            return None
        if self.unread:
            return Question(_("Ladok's list could not be read: send all the same?"), self.address)
        return Question(_("Which Ladok code are they sent to?"), self.address) if self.to else None

    @property
    def goes(self) -> bool:
        """Whether its grades go with those of the others."""
        return self.can_be_sent and self.question is None

    @property
    def named(self) -> list[PreviewLine]:
        return self.to_send[:MOST_NAMED]

    @property
    def named_held_back(self) -> list[HeldBack]:
        return self.held_back[:MOST_NAMED]

    @property
    def has_more(self) -> bool:
        return max(len(self.to_send), len(self.held_back)) > MOST_NAMED


def look_at(
    flow: Flow, user: AbstractBaseUser, asking: Asking, *, only: Collection[int] = (), again: bool = False
) -> Look:
    """What a button on a page would send. What may be in Ladok already is left, but of people who were chosen one by one."""
    to = suggested_codes(flow) if asking is Asking.RETRY else {}
    preview = preview_export(
        flow=flow, user=user, asking=asking, only=only or None, to=to, send_again=again, leaves_unknown=not only
    )
    may_settle = rules.has_export_right(source_facts(flow.source), preview.sender) is None
    may_change = preview.sender is not None and preview.sender.may_change
    return Look(preview, asking, only, again, to, may_settle=may_settle, may_change=may_change)


@dataclass(frozen=True)
class Looks:
    """Of several flows: those that wait for an answer first, those that are sent, and those of which nothing is."""

    all: list[Look]

    @property
    def asking(self) -> list[Look]:
        return [look for look in self.all if look.question or (not look.goes and look.left_unknown_count)]

    @property
    def going(self) -> list[Look]:
        return sorted((look for look in self.all if look.goes), key=lambda look: not look.left_unknown_count)

    @property
    def staying(self) -> list[Look]:
        asking = self.asking
        return [look for look in self.all if not look.goes and look not in asking]

    @property
    def send_count(self) -> int:
        return sum(len(look.to_send) for look in self.going)

    @property
    def held_count(self) -> int:
        return sum(len(look.held_back) for look in self.going)


def address_of_preview(flow: int, asking: Asking) -> str:
    address = reverse("exports:preview", args=[flow])
    return address if asking is Asking.FIRST else f"{address}?asking={asking.value}"


def left_of(flow: Flow, sent: int) -> int:
    """How many people of the flow are neither in Ladok nor, now that `sent` grades are, on their way there."""
    return max(0, flow.participant_count - flow.exported_count - sent)
