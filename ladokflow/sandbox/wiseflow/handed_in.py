"""What students hand in, and the files of it.

Nothing is kept of a paper but how it was handed in: its files are made of that whenever somebody asks. Who is active has handed in once
participation has ended, or a grade has been given, unless somebody has said otherwise (`ladokflow/sandbox/papers.py`).
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from typing import Any

from ladokflow.sandbox.answers import Call
from ladokflow.sandbox.pdf import pdf
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.base import ATTEND, ENDED, ORAL, iso, state_of

STORAGE = "/storage"
MULTI = 8
LINK_SECONDS = 25 * 3600
FIRST_SUBMISSION = 3_000_000
IP = "192.0.2.38"


def hands_in(flow: dict[str, Any]) -> bool:
    return flow["type"] not in (ORAL, ATTEND)


def way_of(state: State, flow: dict[str, Any], person: dict[str, Any]) -> str:
    if not hands_in(flow):
        return "nothing"
    if paper := person.get("paper"):
        return str(paper["way"])
    is_over = state_of(flow, state.now()) >= ENDED
    is_graded = bool(person["assessment"] or person.get("draft") or person["alternative"])
    return "paper" if person["is_activated"] and (is_over or is_graded) else "nothing"


def _first_of_group(person: dict[str, Any]) -> str:
    """The id of whom somebody has handed in together with; "" for who has done so alone."""
    way = str((person.get("paper") or {}).get("way", ""))
    return way.removeprefix("group:") if way.startswith("group:") else ""


def author_of(flow: dict[str, Any], person: dict[str, Any]) -> dict[str, Any]:
    """Who handed in what is the person's, too: of a group one for all."""
    first = _first_of_group(person)
    return author_of(flow, flow["participants"][first]) if first else person


def submission_of(state: State, flow: dict[str, Any], person: dict[str, Any]) -> int | None:
    author = author_of(flow, person)
    return None if way_of(state, flow, author) == "nothing" else FIRST_SUBMISSION + int(author["id"])


def is_handed_in(state: State, flow: dict[str, Any], person: dict[str, Any]) -> bool:
    return way_of(state, flow, author_of(flow, person)) not in ("opened", "nothing")


def handed_in_at(flow: dict[str, Any], person: dict[str, Any]) -> int:
    """Within the last half hour, or after the end; where participation was ended by hand or the grade given before it, before that."""
    author = author_of(flow, person)
    end = author["end"] or flow["dates"]["end"]
    if (author.get("paper") or {}).get("way") == "late":
        return int(end + 600)
    latest = min(end, flow.get("ended_at", end), author.get("graded_at", end))
    return int(latest - 60 * (1 + author["number"] % 30))


def authors(state: State, flow: dict[str, Any]) -> dict[int, list[dict[str, Any]]]:
    """Submission id -> those whose it is, the one who handed it in first."""
    found: dict[int, list[dict[str, Any]]] = {}
    for person in flow["participants"].values():
        number = submission_of(state, flow, person)
        if number is not None:
            found.setdefault(number, []).append(person)
    for number, people in found.items():
        people.sort(key=lambda each: FIRST_SUBMISSION + each["id"] != number)
    return found


def authors_of(state: State, flow: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """As `authors`, of one submission: each of thousands is asked for by itself. Nobody where it is none."""
    first = flow["participants"].get(str(number - FIRST_SUBMISSION))
    if first is None or submission_of(state, flow, first) != number:
        return []
    members = [each for each in flow["participants"].values() if "paper" in each and _first_of_group(each)]
    return [first, *(each for each in members if author_of(flow, each) is first)]


# --- Files --------------------------------------------------------------------------------------------------------


def files_of(state: State, flow: dict[str, Any], person: dict[str, Any]) -> list[dict[str, Any]]:
    """Without their links. Every third paper has an appendix."""
    if not is_handed_in(state, flow, person) or way_of(state, flow, person) == "blank":
        return []
    kinds = [("DOCUMENT", "svar.pdf")] + ([("ADDENDUM", "bilaga.pdf")] if person["number"] % 3 == 0 else [])
    rows = []
    for number, (kind, name) in enumerate(kinds):
        row = {
            "id": int(person["id"]) * 10 + number,
            "type": kind,
            "filename": name,
            "contentType": "application/pdf",
            "size": len(paper_of(flow, person, number)),
            "createdAt": iso(handed_in_at(flow, person)),
        }
        if person["id"] in flow.get("quarantined", ()):
            row["quarantine"] = {"reason": "File is infected", "by": "WISEFLOW", "createdAt": row["createdAt"]}
        rows.append(row)
    return rows


def paper_of(flow: dict[str, Any], person: dict[str, Any], number: int) -> bytes:
    what = "Bilaga" if number else "Svar"
    lines = [flow["title"], "", f"{what} av deltagare {person['number']}", ""]
    lines += [f"Uppgift {task}: mitt svar är {person['id'] * task % 97} (räknat på två sätt)." for task in range(1, 9)]
    return pdf(lines, padding=int(flow.get("paper_padding", 0)))


def question_of(flow: dict[str, Any], number: int = 0) -> bytes:
    if number:
        return pdf([flow["title"], "", "Formelsamling", "a + b = b + a"])
    tasks = flow.get("question") or [f"Uppgift {task}: räkna ut {task} gånger {task}." for task in range(1, 9)]
    return pdf([flow["title"], flow["subtitle"], "", *tasks])


def link(state: State, call: Call, flow: dict[str, Any], *what: Any) -> str:
    """Where a file is, for whoever has the link, and for as long as it says. `what` are the rest of its path."""
    seconds = float(state.data["wiseflow"].get("link_seconds", LINK_SECONDS))
    path = f"{STORAGE}/{flow['id']}/" + "/".join(map(str, what))
    ends = int(state.now() + seconds)
    return (
        f"http://{call.headers.get('host', '127.0.0.1')}{path}?expires={ends}&signature={signature(state, path, ends)}"
    )


def signature(state: State, path: str, ends: int) -> str:
    return hmac.new(str(state.seed).encode(), f"{path} {ends}".encode(), hashlib.sha256).hexdigest()


def reference_of(flow: dict[str, Any]) -> str:
    """Of the published assignment of a flow that is marked item by item."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"assignment {flow['id']}"))
