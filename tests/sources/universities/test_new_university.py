"""A university nobody has heard of, in a module that lies beside the others, from its file to the answer to its export."""

from __future__ import annotations

import io
import json
import sys
import textwrap
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client

from ladokflow import ladok
from ladokflow.sandbox.server import Sandbox
from sources.models import Source
from sources.models.source import university_choices

pytestmark = pytest.mark.django_db

MODULE = """
from ladokflow.ladok.base import Row
from ladokflow.ladok.university import University

university = University(
    slug="pahitt",
    name="Påhittade högskolan",
    list_path="/prov",
    list_parameter="kurs",
    fetch_path="/prov/{code}",
    export_path="/prov/{code}/omdomen",
    code_key="provkod",
    people_key="studenter",
    assessment=(
        Row("title", ("kurs", "benämning")),
        Row("subtitle", ("provnamn",)),
        Row("participantStartDate", ("dag", "börjar")),
        Row("participantEndDate", ("dag", "slutar")),
        Row("gradeType", ("skala",)),
    ),
    person=(
        Row("organisationId", ("konto",)),
        Row("nationalId", ("pnr",)),
        Row("firstName", ("förnamn",)),
        Row("lastName", ("efternamn",)),
        Row("emails", ("mejl",)),
    ),
    export=(
        Row("gradeExports"),
        Row("organisationId", ("konto",)),
        Row("grade"),
        Row("grade", ("omdöme",)),
        Row("points", ("poäng",)),
    ),
    takes_hand_added=True,
    example_course="PH1001",
)
"""
CODE = "PH1001 Å/1"
PEOPLE = [
    {"konto": f"stud{n}@pahitt.example", "pnr": f"2001010{n}-000{n}", "förnamn": "Åsa", "efternamn": f"Öst{n}"}
    for n in range(1, 4)
]
EXAM = {
    "provkod": CODE,
    "kurs": "PH1001",
    "benämning": "Påhittighet",
    "provnamn": "Salstentamen",
    "dag": "2027-02-01",
    "börjar": "08:00",
    "slutar": "13:00",
    "skala": "U345",
}
FILE = """
[[source]]
slug = "ph"
name = "Påhittade högskolan"
university = "pahitt"
ladok_url = "{ladok}"
wiseflow_url = "{wiseflow}"

[[source.credential]]
system = "ladok"
kind = "bearer"
label = "test"
secret = "pahitt-token"

[[source.credential]]
system = "wiseflow"
kind = "oauth_client"
label = "test"
client_id = "liu"
secret = "liu-secret"

[[source.member]]
email = "anna@liu.example"
role = "manager"
can_export = true
organisation_id = "annan12@liu.example"
"""


class Service(BaseHTTPRequestHandler):
    """The made-up university's service before Ladok; it does not know the last of its students."""

    protocol_version = "HTTP/1.1"
    exported: list[dict[str, Any]] = []

    def log_message(self, *args: Any) -> None:
        pass

    def _reply(self, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/prov":
            self._reply([EXAM] if parse_qs(address.query) == {"kurs": ["PH1001"]} else [])
        else:
            assert unquote(address.path) == f"/prov/{CODE}"
            self._reply(EXAM | {"studenter": PEOPLE})

    def do_POST(self) -> None:
        assert unquote(self.path) == f"/prov/{CODE}/omdomen"
        assert self.headers["Authorization"] == "Bearer pahitt-token"
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.exported.append(body)
        unknown = PEOPLE[-1]["konto"]
        self._reply(
            {
                "numberOfSuccess": len(body["gradeExports"]) - 1,
                "numberOfErrors": 1,
                "errors": [{"userId": unknown, "errorInfo": "Inte registrerad: 20010103-0003"}],
            }
        )


@pytest.fixture
def service() -> Iterator[str]:
    Service.exported.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The one new module, as if it lay in `ladokflow/ladok/` when the process began."""
    (tmp_path / "pahitt.py").write_text(textwrap.dedent(MODULE), encoding="utf-8")
    before = dict(ladok.UNIVERSITIES)
    monkeypatch.setattr(ladok, "__path__", [*ladok.__path__, str(tmp_path)])
    ladok.UNIVERSITIES.update(ladok.find_universities())
    yield
    ladok.UNIVERSITIES.clear()
    ladok.UNIVERSITIES.update(before)
    sys.modules.pop("ladokflow.ladok.pahitt", None)


def run(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command(*arguments, "--json", stdout=out)
    return dict(json.loads(out.getvalue()))


@pytest.mark.usefixtures("_module")
def test_a_new_university_is_one_module(service: str, sandbox: Sandbox, tmp_path: Path, client: Client) -> None:
    assert ("pahitt", "Påhittade högskolan") in university_choices()
    file = tmp_path / "sources.toml"
    file.write_text(FILE.format(ladok=service, wiseflow=f"{sandbox.url}/wiseflow/v1"), encoding="utf-8")
    call_command("loadsources", str(file), stdout=io.StringIO())
    source = Source.objects.get()
    assert source.accepts_manual_participants
    assert source.get_university_display() == "Påhittade högskolan"

    # The wizard: the list, and the source data.
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    client.force_login(get_user_model().objects.get(email="anna@liu.example"))
    page = client.get("/flows/new/ph/list/", {"course": "PH1001"}).content.decode()
    assert "For example PH1001;" in page
    assert CODE in page
    page = client.get("/flows/new/ph/preview/", {"code": CODE}).content.decode()
    assert "PH1001 Påhittighet" in page
    assert "3 students come" in page
    assert "20010101-****" in page

    # A flow, written and graded.
    made = run("createflow", "--source", "ph", "--code", CODE, "--manager", "anna@liu.example")
    control, flow = sandbox.control, made["wiseflowFlow"]
    control.activate(flow)
    control.start_participation(flow)
    control.end_participation(flow)
    control.grade(flow, grades="random", points="random")
    control.end_marking(flow)

    # The export, in the university's own words, and its answer.
    run("collect", "--flow", str(made["flow"]))
    with pytest.raises(CommandError):
        run("export", "--flow", str(made["flow"]), "--by", "anna@liu.example", "--wait")
    (body,) = Service.exported
    assert {line["konto"] for line in body["gradeExports"]} == {person["konto"] for person in PEOPLE}
    assert all(set(line) == {"konto", "grade"} for line in body["gradeExports"])
    assert all(set(line["grade"]) == {"omdöme", "poäng"} for line in body["gradeExports"])
    status = run("flowstatus", "--flow", str(made["flow"]))
    states = {person["organisationId"]: person["state"] for person in status["participants"]}
    assert states == {PEOPLE[0]["konto"]: "exported", PEOPLE[1]["konto"]: "exported", PEOPLE[2]["konto"]: "failed"}
    assert "20010103-****" in json.dumps(status)
