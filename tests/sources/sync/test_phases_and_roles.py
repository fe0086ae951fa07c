"""Phase by phase, role by role: what a change in Ladok, or one that somebody makes by hand, leads to in WISEflow.

Every row of the table is played against the sandbox and read off the flow there. Rows of one phase share flows, as far as
they do not touch the same thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import pytest

from sources.models import Source
from tests.sources.sync.phases import (
    PARTICIPANT,
    PHASES,
    STAFF,
    STAFF_CHANGES,
    STRANGERS,
    VALUE_CHANGES,
    VALUES,
    World,
    see_participant,
    see_value,
    tell_participant,
    tell_value,
)

# "staff" stands for each of manager, assessor, reviewer, invigilator and author.
TABLE = """
setup              | participant | comes                                           | added
setup              | participant | goes                                            | removed
setup              | participant | goes and comes back                             | added
setup              | participant | is deactivated by hand                          | left alone
setup              | participant | is deactivated by hand, then goes               | removed
setup              | participant | gets another name                               | changed
setup              | participant | gets another personnummer                       | changed
setup              | participant | gets another exam id                            | changed
setup              | participant | gets longer time                                | changed
setup              | participant | gets longer time, then not                      | changed
setup              | participant | is added by hand                                | left alone
setup              | participant | is added by hand, then comes                    | changed
setup              | participant | is added by hand, comes and goes                | removed
setup              | participant | is removed by hand                              | added
activated          | participant | comes                                           | added
activated          | participant | goes                                            | deactivated
activated          | participant | goes and comes back                             | activated
activated          | participant | is deactivated by hand                          | left alone
activated          | participant | is deactivated by hand, goes and comes back     | activated
activated          | participant | is deactivated by hand, then gets another name  | changed
activated          | participant | goes, and is activated by hand                  | left alone
activated          | participant | gets another exam id                            | changed
activated          | participant | is added by hand                                | left alone
participation      | participant | comes                                           | added
participation      | participant | goes                                            | deactivated
participation      | participant | goes and comes back                             | activated
participation      | participant | is deactivated by hand                          | left alone
participation      | participant | is deactivated by hand, then goes               | left alone
participation      | participant | is deactivated by hand, goes and comes back     | activated
participation      | participant | is deactivated by hand, then gets another name  | changed
participation      | participant | is deactivated and activated by hand, then goes | deactivated
participation      | participant | goes, and is activated by hand                  | left alone
participation      | participant | goes, is activated by hand, comes and goes      | deactivated
participation      | participant | gets another name                               | changed
participation      | participant | gets longer time                                | changed
participation      | participant | is added by hand                                | left alone
participation      | participant | is added by hand, then comes                    | changed
participation      | participant | is added and deactivated by hand, then comes    | changed
participation      | participant | is added by hand, comes and goes                | deactivated
marking            | participant | comes                                           | stays away
marking            | participant | goes                                            | left alone
marking            | participant | goes and comes back                             | left alone
marking            | participant | is deactivated by hand                          | left alone
marking            | participant | gets another name                               | left alone
marking            | participant | gets longer time                                | left alone
marking            | participant | is added by hand                                | left alone
concluding         | participant | comes                                           | stays away
concluding         | participant | goes                                            | left alone
concluding         | participant | goes and comes back                             | left alone
concluding         | participant | gets another name                               | left alone
archived           | participant | comes                                           | stays away
archived           | participant | goes                                            | left alone

oral setup         | participant | comes                                           | added
oral setup         | participant | goes                                            | removed
oral activated     | participant | comes                                           | added
oral activated     | participant | goes                                            | deactivated
oral participation | participant | comes                                           | stays away
oral participation | participant | goes                                            | left alone
oral marking       | participant | comes                                           | stays away
oral marking       | participant | goes                                            | left alone

remarking setup         | participant | comes                                       | added
remarking setup         | participant | goes                                        | removed
remarking activated     | participant | comes                                       | added
remarking participation | participant | comes                                       | added
remarking participation | participant | goes                                        | deactivated
remarking marking       | participant | comes                                       | added
remarking marking       | participant | goes                                        | deactivated
remarking marking       | participant | goes and comes back                         | activated
remarking marking       | participant | is deactivated by hand                      | left alone
remarking marking       | participant | gets another name                           | changed
remarking marking       | participant | gets another exam id                        | changed
remarking marking       | participant | is added by hand                            | left alone
remarking concluding    | participant | comes                                       | stays away
remarking concluding    | participant | goes                                        | left alone
remarking archived      | participant | comes                                       | stays away
remarking archived      | participant | goes                                        | left alone

setup              | staff       | comes                                           | added
setup              | staff       | goes                                            | removed
setup              | staff       | is added by hand                                | left alone
setup              | staff       | is removed by hand                              | stays away
activated          | staff       | comes                                           | added
activated          | staff       | goes                                            | left alone
participation      | staff       | comes                                           | added
participation      | staff       | goes                                            | left alone
participation      | staff       | is removed by hand                              | stays away
marking            | staff       | comes                                           | added
marking            | staff       | goes                                            | left alone
concluding         | staff       | comes                                           | stays away
concluding         | staff       | goes                                            | left alone
archived           | staff       | comes                                           | stays away
archived           | staff       | goes                                            | left alone
oral participation | staff       | comes                                           | added
oral participation | staff       | goes                                            | left alone

remarking setup         | assessor    | comes                                       | added
remarking setup         | assessor    | goes                                        | removed
remarking setup         | reviewer    | comes                                       | stays away
remarking participation | assessor    | comes                                       | added
remarking participation | manager     | comes                                       | stays away
remarking participation | invigilator | comes                                       | stays away
remarking participation | author      | comes                                       | stays away
remarking marking       | assessor    | comes                                       | added
remarking marking       | assessor    | goes                                        | left alone
remarking marking       | reviewer    | comes                                       | stays away
remarking marking       | manager     | comes                                       | stays away
remarking concluding    | assessor    | comes                                       | stays away
remarking archived      | assessor    | comes                                       | stays away

setup              | title       | changes in Ladok                                | follows
setup              | title       | is changed by hand                              | left alone
setup              | title       | is changed by hand, then in Ladok               | left alone
setup              | title       | is changed by hand and back, then in Ladok      | follows
setup              | subtitle    | changes in Ladok                                | follows
setup              | subtitle    | is changed by hand, then in Ladok               | left alone
setup              | subtitle    | is changed by hand and back, then in Ladok      | follows
setup              | code        | is changed by hand                              | left alone
participation      | code        | is changed by hand                              | left alone
marking            | code        | is changed by hand                              | left alone
concluding         | code        | is changed by hand                              | left alone
setup              | start       | changes in Ladok                                | follows
setup              | start       | is changed by hand, then in Ladok               | left alone
setup              | start       | is changed by hand and back, then in Ladok      | follows
setup              | end         | changes in Ladok                                | follows
setup              | end         | is changed by hand, then in Ladok               | left alone
setup              | end         | is changed by hand and back, then in Ladok      | follows
setup              | marking end | changes in Ladok                                | follows
setup              | marking end | is changed by hand, then in Ladok               | left alone
setup              | scale       | changes in Ladok                                | follows
setup              | scale       | is changed by hand, then in Ladok               | left alone
setup              | scale       | changes in Ladok once somebody is graded        | left alone
activated          | title       | changes in Ladok                                | follows
activated          | start       | changes in Ladok                                | follows
activated          | scale       | changes in Ladok                                | follows
participation      | title       | changes in Ladok                                | follows
participation      | title       | is changed by hand, then in Ladok               | left alone
participation      | title       | is changed by hand and back, then in Ladok      | follows
participation      | end         | changes in Ladok                                | follows
participation      | end         | is changed by hand, then in Ladok               | left alone
participation      | end         | is changed by hand and back, then in Ladok      | follows
participation      | scale       | changes in Ladok                                | follows
participation      | scale       | changes in Ladok once somebody is graded        | left alone
marking            | title       | changes in Ladok                                | follows
marking            | subtitle    | is changed by hand, then in Ladok               | left alone
marking            | marking end | changes in Ladok                                | follows
marking            | scale       | changes in Ladok                                | left alone
marking            | scale       | changes in Ladok once somebody is graded        | left alone
concluding         | title       | changes in Ladok                                | left alone
concluding         | subtitle    | changes in Ladok                                | left alone
concluding         | start       | changes in Ladok                                | left alone
concluding         | end         | changes in Ladok                                | left alone
concluding         | marking end | changes in Ladok                                | left alone
concluding         | scale       | changes in Ladok                                | left alone
archived           | title       | changes in Ladok                                | left alone
archived           | marking end | changes in Ladok                                | left alone
archived           | scale       | changes in Ladok                                | left alone
oral setup         | title       | changes in Ladok                                | follows
oral setup         | end         | changes in Ladok                                | left alone
oral marking       | title       | changes in Ladok                                | follows
oral marking       | marking end | changes in Ladok                                | left alone
remarking setup         | title  | changes in Ladok                                 | follows
remarking marking       | title  | changes in Ladok                                 | follows
remarking concluding    | title  | changes in Ladok                                 | left alone
"""


class Row(NamedTuple):
    phase: str
    role: str
    change: str
    effect: str

    def __str__(self) -> str:
        return " | ".join(self)


def read_table() -> Iterator[Row]:
    for line in filter(None, map(str.strip, TABLE.splitlines())):
        phase, role, change, effect = (part.strip() for part in line.split("|"))
        for one in STAFF if role == "staff" else (role,):
            yield Row(phase, one, change, effect)


ROWS = list(read_table())


def on_flows() -> dict[str, list[Row]]:
    """The rows by flow: one flow has one row about each value, and as many about people as there are."""
    flows: dict[str, list[Row]] = {}
    for row in ROWS:
        number = 1 + sum(row.role in VALUES and (row.phase, row.role) == other[:2] for other in _before(row))
        flows.setdefault(f"{row.phase} {number}", []).append(row)
    return flows


def _before(row: Row) -> list[Row]:
    return ROWS[: ROWS.index(row)]


class Player:
    """One row on one flow: its steps, and what is seen of it before and after the last synchronisation."""

    def __init__(self, row: Row, world: World, number: int) -> None:
        self.row, self.world = row, world
        steps: Sequence[Callable[..., None]]
        about: list[str]
        if row.role == "participant":
            who = f"komma{number:02}@liu.example" if row.change in STRANGERS else next(world.untouched)
            steps, about = PARTICIPANT[row.change], [who]
            self.see = partial(see_participant, world, who)
        elif row.role in STAFF:
            about = [f"stab{number:02}@liu.example", row.role]
            steps = STAFF_CHANGES[row.change]
            self.see = partial(world.member, *about)
        else:
            steps, about = VALUE_CHANGES[row.change], [row.role]
            self.see = partial(see_value, world, row.role)
        self.steps = [partial(step, world, *about) for step in steps]

    def effect(self, before: Any, after: Any) -> str:
        if self.row.role == "participant":
            return tell_participant(before, after)
        if self.row.role in STAFF:
            if (before is None) == (after is None):
                return "stays away" if after is None else "left alone"
            return "added" if before is None else "removed"
        return tell_value(self.world, self.row.role, before, after)


def play(world: World, rows: list[Row], phase: str) -> list[str]:
    """What did not go as the rows say."""
    players = [Player(row, world, number) for number, row in enumerate(rows)]
    most = max(len(player.steps) for player in players)
    # What happens before the last step happens while people can still come and go.
    world.enter(PHASES[min(PHASES.index(phase), PHASES.index("participation"))])
    for left in range(most, 0, -1):
        if left == 1:
            world.enter(phase)
        for player in players:
            if len(player.steps) >= left:
                player.steps[-left]()
        before = [player.see() for player in players]
        run = world.sync()
        assert run.state == "success", run.reason
    found = [player.effect(was, player.see()) for player, was in zip(players, before, strict=True)]
    return [
        f"{player.row}, but: {effect}"
        for player, effect in zip(players, found, strict=True)
        if effect != player.row.effect
    ]


@pytest.mark.parametrize("name", on_flows())
def test_each_change_has_the_effect_its_phase_and_role_ask_for(name, sandbox, liu, anna):
    kind, _, phase = name.rpartition(" ")[0].rpartition(" ")
    Source.objects.filter(pk=liu.pk).update(brake_people=100)  # the rows go together on few flows
    world = World(sandbox.control, liu, anna, flow_type="FLOWoral" if kind == "oral" else "FLOWassign")
    if kind == "remarking":
        sandbox.control.set_metadata_by_hand(world.id, examinationType="REMARKING")
    assert play(world, on_flows()[name], phase) == []
    # What has been done is done: the next run finds nothing more.
    again = world.sync()
    assert (again.state, [str(told) for told in again.change_messages]) == ("success", [])


def test_the_table_has_every_role_in_every_phase():
    assert len(ROWS) == len(set(ROWS)) >= 60
    people = {(row.phase, row.role) for row in ROWS}
    assert people >= {(phase, role) for phase in PHASES for role in ("participant", *STAFF)}
    remarked = {row.phase for row in ROWS if row.phase.startswith("remarking ") and row.role == "participant"}
    assert remarked == {f"remarking {phase}" for phase in PHASES}
    values = {row.role for row in ROWS}
    assert values >= set(VALUES)
