"""The HTML of the sandbox's own pages: one for all, and one for each flow."""

from __future__ import annotations

import datetime as dt
import html
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ladokflow.sandbox import causes, hands
from ladokflow.sandbox.causes import CAUSES, OF_A_PERSON, OF_AN_EXAM, REASONS, WISEFLOW
from ladokflow.sandbox.universities import UNIVERSITIES, University
from ladokflow.sandbox.wiseflow.base import ARCHIVED, CONCLUDED, ENDED, NOT_ACTIVATED, NOT_STARTED, STARTED

if TYPE_CHECKING:
    from ladokflow.sandbox.server import Sandbox

LIFE = {
    "activate": "Activate",
    "end_participation": "Let the students write",
    "grade": "Grade everybody",
    "end_marking": "End marking",
    "request_sync": "Synchronise",
}
# Which of them there are in which state of a flow, the next step first.
FITTING = {
    NOT_ACTIVATED: ("activate", "request_sync"),
    NOT_STARTED: ("end_participation", "request_sync"),
    STARTED: ("end_participation", "request_sync"),
    ENDED: ("grade", "end_marking", "request_sync"),
}
PHASES = {
    NOT_ACTIVATED: "Not activated",
    NOT_STARTED: "Activated",
    STARTED: "Students write",
    ENDED: "Marking",
    CONCLUDED: "Marking has ended",
    ARCHIVED: "Archived",
}


def esc(value: Any) -> str:
    return html.escape(str(value), quote=True)


def day_of(moment: dt.datetime) -> str:
    return f"{moment.day} {moment:%b %Y, %H:%M}"


# --- Pages -----------------------------------------------------------------------------------------------------------


def front_page(sandbox: Sandbox) -> str:
    flows = [flow for flow in reversed(hands.flows(sandbox)) if flow["participants"] or flow["state"] != NOT_ACTIVATED]
    return _whole(
        "Sandbox",
        "The other side of LadokFlow: Ladok at three universities and a WISEflow, all invented. Be the students, the examiners and the "
        f"machines here, and see in LadokFlow what it makes of it. The time here is {day_of(sandbox.state.moment())}.",
        _caused(sandbox, ""),
        _card(
            "Flows in WISEflow",
            _table(
                ("Flow", "Phase", "People", "Graded", "Next"),
                [_flow_row(flow) for flow in flows],
            )
            if flows
            else "<p class='empty muted'>Nobody has made a flow yet.</p>",
            "A flow is activated, the students write, the examiners grade, and marking ends: then LadokFlow sends the grades. Open a flow to "
            "see its people, and to let something go wrong.",
        ),
        _card(
            "Ladok and WISEflow",
            _table(("System", "Exams", "Grades registered", "Address", "Let it go wrong"), _system_rows(sandbox)),
        ),
    )


def flow_page(sandbox: Sandbox, flow_id: str) -> str:
    """ValueError where there is no such flow."""
    flow = hands.flow(sandbox, int(flow_id) if flow_id.isdecimal() else 0)
    exams = list(causes.exams_of(sandbox, flow["id"]))
    graded = {
        person["organisationId"]: (person["assessment"] or {}).get("grade") or "–" for person in flow["participants"]
    }
    parts = [_exam_card(sandbox, flow["id"], *exam, graded) for exam in exams]
    return _whole(
        flow["title"],
        f"{UNIVERSITIES[flow['licence']].name} · {PHASES[flow['state']]} · {len(flow['participants'])} people in WISEflow",
        f"<div class='cluster'>{_life(flow, flow['id'])}</div>" if FITTING.get(flow["state"]) else "",
        _caused(sandbox, str(flow["id"])),
        *(parts or ["<p>The flow comes from no exam in Ladok: nothing can go wrong between the two.</p>"]),
        crumb="<p class='small'><a href='/'>Sandbox</a> /</p>",
    )


def refusal_page(text: str) -> str:
    return _whole("That could not be done", f"{text}.", "<p><a href='/'>Back to the sandbox</a></p>")


# --- Parts -----------------------------------------------------------------------------------------------------------


def _whole(title: str, lead: str, *parts: str, crumb: str = "") -> str:
    pages = os.environ.get("PUBLIC_URL", "")
    leads_there = f"<a href='{esc(pages)}'>LadokFlow</a>" if pages else ""
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'><meta name='color-scheme' content='light dark'>"
        f"<title>{esc(title)} · LadokFlow sandbox</title><link rel='icon' href='/mark.svg'><link rel='stylesheet' href='/style.css'></head><body>"
        "<a class='skip-link' href='#main'>Skip to the content</a>"
        "<header class='bar'><div class='wrap bar__inner'><a class='brand' href='/'>LadokFlow sandbox</a>"
        f"<div class='bar__side'>{leads_there}</div></div></header>"
        f"<main id='main' class='wrap content' tabindex='-1'>{crumb}<div class='page-header'><div class='page-header__text'>"
        f"<h1>{esc(title)}</h1><p class='page-header__lead'>{esc(lead)}</p></div></div>{''.join(parts)}</main></body></html>"
    )


def _card(title: str, body: str, lead: str = "", head: str = "") -> str:
    told = f"<p class='small muted'>{esc(lead)}</p>" if lead else ""
    return f"<section class='card card--flush'><div class='card__head'><div><h2>{esc(title)}</h2>{told}</div>{head}</div>{body}</section>"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """The first cell of a row is its head; on a phone the others say their column's name."""
    names = list(heads)
    top = "".join(f"<th scope='col'>{esc(name)}</th>" for name in names)
    body = "".join(
        f"<tr><th class='cell--person' scope='row'>{first}</th>"
        + "".join(
            f"<td data-label='{esc(name)}'><div>{cell}</div></td>" for name, cell in zip(names[1:], rest, strict=True)
        )
        + "</tr>"
        for first, *rest in rows
    )
    return f"<table class='table table--stack'><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _form(action: str, fields: Mapping[str, Any], inside: str) -> str:
    hidden = "".join(f"<input type='hidden' name='{esc(name)}' value='{esc(value)}'>" for name, value in fields.items())
    return f"<form method='post' action='{action}'>{hidden}{inside}</form>"


def _button(text: str, name: str = "", value: str = "", style: str = "button--secondary") -> str:
    sends = f" name='{esc(name)}' value='{esc(value)}'" if name else ""
    return f"<button class='button button--small {style}'{sends}>{esc(text)}</button>"


def _caused(sandbox: Sandbox, back: str) -> str:
    """Everything that is caused now, each with what to do about it in LadokFlow, and the way to end it."""
    rows = causes.now(sandbox)
    if not rows:
        return ""
    items = "".join(
        f"<li class='stack stack--tight'><strong>{esc(CAUSES[row['kind']].what.format_map(row))}</strong>"
        f"<span>{esc(CAUSES[row['kind']].see.format_map(row))}</span>"
        + _form("/end", {"id": row["id"], "back": back}, _button(CAUSES[row["kind"]].end))
        + "</li>"
        for row in rows
    )
    return (
        "<section class='box box--warn' id='caused' aria-labelledby='caused-title'><div class='box__body stack'>"
        f"<h2 id='caused-title' class='box__title'>What goes wrong now</h2><ul class='plain stack'>{items}</ul></div></section>"
    )


def _flow_row(flow: dict[str, Any]) -> Iterable[str]:
    under = " · ".join(filter(None, (flow["subtitle"], UNIVERSITIES[flow["licence"]].name)))
    return (
        f"<a href='/flows/{flow['id']}/'>{esc(flow['title'])}</a><span class='table__sub'>{esc(under)}</span>",
        f"<span class='nowrap'>{PHASES[flow['state']]}</span>",
        str(flow["participants"]),
        str(flow["graded"]),
        f"<div class='cluster'>{_life(flow)}</div>",
    )


def _life(flow: Mapping[str, Any], back: int | str = "") -> str:
    """Buttons for what people would do next with the flow."""
    names = FITTING.get(flow["state"], ())
    fields = {"flow": flow["id"], "back": back}
    return "".join(_form("/do", fields, _button(LIFE[name], "action", name)) for name in names)


def _system_rows(sandbox: Sandbox) -> Iterable[Iterable[str]]:
    down = {row["university"] for row in causes.now(sandbox) if row["kind"] == "down"}
    for slug, side in sandbox.state.data["ladok"].items():
        yield (
            f"Ladok at {esc(UNIVERSITIES[slug].name)}",
            str(len(side["exams"])),
            str(len(side["registrations"])),
            f"<code>{sandbox.url}/{slug}</code>",
            _down(slug, slug in down),
        )
    yield "WISEflow", "–", "–", f"<code>{sandbox.url}/wiseflow/v1</code>", _down(WISEFLOW, WISEFLOW in down)


def _down(system: str, is_down: bool) -> str:
    if is_down:
        return "Down: see above"
    return _form("/cause", {"kind": "down", "system": system}, _button(CAUSES["down"].button))


def _exam_card(
    sandbox: Sandbox,
    flow_id: int,
    university: University,
    code: str,
    people: list[dict[str, Any]],
    graded: Mapping[str, str],
) -> str:
    registered: dict[str, list[str]] = {}
    for row in sandbox.state.ledgers[university.slug].rows():
        if row["code"] == code:
            times = f" ({row['times']} times)" if row["times"] > 1 else ""
            registered.setdefault(row["organisationId"], []).append(f"{row['grade']}{times}")
    fields = {"university": university.slug, "code": code, "back": flow_id}
    buttons = "".join(_form("/cause", fields, _button(CAUSES[kind].button, "kind", kind)) for kind in OF_AN_EXAM)
    rows = [_person_row(university, person, fields, graded, registered) for person in people]
    return _card(
        f"{code} in Ladok: {len(people)} people",
        _table(("Person", "Known as", "Grade in WISEflow", "Grade in Ladok", "Let it go wrong"), rows),
        head=f"<div class='cluster'>{buttons}</div>",
    )


def _person_row(
    university: University,
    person: dict[str, Any],
    fields: Mapping[str, Any],
    graded: Mapping[str, str],
    registered: Mapping[str, list[str]],
) -> Iterable[str]:
    key = str(person.get(university.organisation_id) or "")
    name = causes.name_of(university, person)
    return (
        esc(name),
        f"{esc(key or '–')}<span class='table__sub'>{esc(person.get(university.fields['national_id']) or '–')}</span>",
        esc(graded.get(key, "–")),
        esc(", ".join(registered.get(key, ["–"]))),
        _of_person(name, {**fields, "person": key}) if key else "–",
    )


def _of_person(name: str, fields: Mapping[str, Any]) -> str:
    options = "".join(f"<option lang='sv'>{esc(reason)}</option>" for reason in REASONS)
    reason = f"<label class='small'>Ladok says <select name='reason'>{options}</select></label>"
    first, *others = OF_A_PERSON
    forms = [
        _form("/cause", fields, f"<div class='cluster'>{reason}{_button(CAUSES[first].button, 'kind', first)}</div>")
    ]
    forms.append(
        _form(
            "/cause",
            fields,
            f"<div class='cluster'>{''.join(_button(CAUSES[kind].button, 'kind', kind) for kind in others)}</div>",
        )
    )
    return (
        f"<details><summary>Choose<span class='visually-hidden'> for {esc(name)}</span></summary>"
        f"<div class='stack stack--tight'>{''.join(forms)}</div></details>"
    )
