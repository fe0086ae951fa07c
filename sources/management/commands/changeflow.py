"""manage.py changeflow --flow ID --by EMAIL [--instant-export yes ...] [--add ROLE=WHO] [--remove ROLE=WHO] [--preview | --seen FINGERPRINT]
[--json]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from ladokflow.fingerprints import NotAsShown
from ladokflow.identifiers import normal
from ladokflow.messages import Refused, message
from ladokflow.wiseflow.words import Role
from sources.command import PlainCommand, add_seen, find_flow, find_member
from sources.flows.change import Change, Standing, change_flow, lines_of, standing_of
from sources.flows.settings import BY_NAME, SETTINGS, Setting
from sources.flows.settings_in_wiseflow import Value
from sources.flows.staff import questions_about
from sources.models import Flow
from sources.pages.setting_fields import AS_IT_IS, chosen, optional_field_of
from sources.pages.settings_form import members_of
from sources.sync.staff import named
from sources.universities.members import may_export

NOTHING = "none"  # empties a text or a number


class Command(PlainCommand):
    help = "Change a flow that is there: its settings, and those who work with it. What is not named stays as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--flow", type=int, required=True, metavar="ID")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="The manager who does it.")
        for setting in SETTINGS:
            values = [value for value, _word in _choices(setting)]
            parser.add_argument(
                f"--{setting.name.replace('_', '-')}",
                dest=setting.name,
                choices=values or None,
                metavar=None if values else "VALUE",
                help=f"{setting.label}." if values else f"{setting.label}; “{NOTHING}” empties it.",
            )
        for option, done in (("--add", "comes onto"), ("--remove", "is taken off")):
            parser.add_argument(
                option,
                action="append",
                default=[],
                metavar="ROLE=WHO",
                help=f"Who {done} the flow: {', '.join(Role)}, and an organisation id or a member's e-mail address. May be repeated.",
            )
        add_seen(parser, "Change nothing: print what it would change, and the fingerprint of how the flow stands.")
        self.add_json(parser)

    def work(self, **options: Any) -> None:
        flow = find_flow(options["flow"])
        user = find_member(flow.source, options["by"], self.needed)
        change = Change(
            _values(options), _people(flow, options["add"]), named(flow.source, _people(flow, options["remove"]))
        )
        unknown = questions_about(flow.source, named(flow.source, change.added))
        if unknown:
            people = ", ".join(one.organisation_id for one in unknown)
            raise Refused(message("sources.settings.people_unknown", people=people))
        standing = standing_of(flow, change.names)
        if standing.failure is not None:
            raise Refused(standing.failure)
        if options["preview"]:
            for refusal in change.news(standing).refusals(standing, may_export=may_export(flow.source, user)):
                raise Refused(refusal)
            self.show(flow, change, standing, as_json=options["json"])
            return
        try:
            done = change_flow(flow=flow, change=change, by=user, names=change.names, seen=options["seen"])
        except NotAsShown:
            self.show(flow, change, standing_of(flow, change.names), as_json=options["json"])
            raise
        self.show(flow, done, standing, as_json=options["json"], is_done=True)

    def show(self, flow: Flow, change: Change, standing: Standing, *, as_json: bool, is_done: bool = False) -> None:
        lines = lines_of(change.news(standing), standing)
        if as_json:
            seen = {} if is_done else {"fingerprint": standing.fingerprint.whole}
            self.print_json({"flow": flow.pk, "changes": lines, **seen})
            return
        for line in lines or ["Nothing is to be changed."]:
            self.stdout.write(f"  {line}")
        if not is_done:
            self.stdout.write(f"Fingerprint: {standing.fingerprint.whole}")


def _choices(setting: Setting) -> Sequence[tuple[str, Any]]:
    field: Any = optional_field_of(setting, AS_IT_IS)
    return [choice for choice in getattr(field, "choices", ()) if choice[0]]


def _values(options: Mapping[str, Any]) -> dict[str, Value]:
    given = {name: options[name] for name in BY_NAME if options[name] is not None}
    empty: dict[str, Value] = {name: _clean(BY_NAME[name], "") for name in given if given[name] == NOTHING}
    cleaned = {name: _clean(BY_NAME[name], value) for name, value in given.items() if name not in empty}
    return chosen(SETTINGS, cleaned) | empty


def _clean(setting: Setting, text: str) -> Value:
    try:
        value: Value = optional_field_of(setting, AS_IT_IS).clean(text)
    except ValidationError as error:
        reason = message(
            "sources.settings.not_possible", setting=setting.told.to_json(), reason=" ".join(error.messages)
        )
        raise Refused(reason) from error
    return value


def _people(flow: Flow, given: Sequence[str]) -> list[dict[str, str]]:
    members = members_of(flow.source)
    people = []
    for entry in given:
        role, _, who = entry.partition("=")
        key = "email" if normal(who) in members else "organisation_id"
        people.append({"role": role.strip(), key: who.strip()})
    return people
