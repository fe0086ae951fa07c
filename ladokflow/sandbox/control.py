"""The client of the sandbox's control: how tests and the demo play the people behind Ladok and WISEflow.

Works over HTTP, so also against a sandbox in another process: `Control("http://127.0.0.1:8099")`.
Universities and licences are "liu", "oru", "boras". Fields of exams and people are in Ladok's own words.
"""

from __future__ import annotations

import json
from typing import Any

import httpx

from ladokflow.http import tls_context


class ControlError(ValueError):
    """The sandbox could not do what it was told."""


class Control:
    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._client = httpx.Client(base_url=self.url, timeout=120, trust_env=False, verify=tls_context())

    def close(self) -> None:
        self._client.close()

    def call(self, name: str, **arguments: Any) -> Any:
        body = json.dumps(arguments).encode()
        answer = self._client.post(f"/control/{name}", content=body, headers={"Content-Type": "application/json"})
        if answer.status_code != 200:
            raise ControlError(answer.json()["message"])
        return answer.json()

    # --- The sandbox itself -------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Everything as new."""
        self.call("reset")

    def received(self, system: str) -> list[dict[str, Any]]:
        """Requests to a university, "wiseflow", or the "storage" of its files, in order.

        `{system, method, path, query, headers, body, at, status, answer, answer_headers, answer_kind}`: the path is the whole
        path as sent, header names are lower-case, bodies are text; status is 0 where no answer was sent.
        """
        return list(self.call("received", system=system))

    def clear_received(self) -> None:
        self.call("clear_received")

    def fault(
        self, system: str, path_pattern: str, kind: str, times: int = 1, *, method: str = "", **options: Any
    ) -> int:
        """Let the next calls that fit go wrong; the kinds and their options stand in `faults.py`.

        The pattern is a shell pattern for the decoded path within the system ("/exams/*/grades"); `times` -1 lasts until cleared.
        """
        return int(
            self.call(
                "fault",
                system=system,
                path_pattern=path_pattern,
                kind=kind,
                times=times,
                method=method,
                options=options,
            )
        )

    def faults(self) -> list[dict[str, Any]]:
        """The faults on order, with `used`: how many calls each has met."""
        return list(self.call("faults"))

    def clear_faults(self) -> None:
        self.call("clear_faults")

    def delay(self, seconds: float) -> None:
        """Add so much to every answer."""
        self.call("delay", seconds=seconds)

    def clock(self) -> str:
        """The sandbox's time, ISO 8601."""
        return str(self.call("clock"))

    def advance(self, seconds: float) -> str:
        return str(self.call("advance", seconds=seconds))

    def set_clock(self, iso: str) -> str:
        """Time goes on from here; without an offset it is Swedish time."""
        return str(self.call("set_clock", iso=iso))

    # --- The Ladok sides ----------------------------------------------------------------------------------------

    def exams(self, university: str) -> list[dict[str, Any]]:
        return list(self.call("exams", university=university))

    def exam(self, university: str, code: str) -> dict[str, Any]:
        """As Fetch answers it, with the people."""
        return dict(self.call("exam", university=university, code=code))

    def students(self, university: str) -> list[dict[str, Any]]:
        return list(self.call("students", university=university))

    def add_exam(
        self, university: str, people: int | list[dict[str, Any]] = 30, *, exact: bool = False, **fields: Any
    ) -> str:
        """Gives the code. Missing fields and people's missing values are invented; not the people's if `exact`."""
        return str(self.call("add_exam", university=university, people=people, exact=exact, fields=fields))

    def change_exam(self, university: str, code: str, *, remove: list[str] | None = None, **fields: Any) -> None:
        self.call("change_exam", university=university, code=code, remove=remove, fields=fields)

    def move_exam(self, university: str, code: str, days: int) -> None:
        """To so many days from today, or the Friday before; its last day of marking goes with it."""
        self.call("move_exam", university=university, code=code, days=days)

    def remove_exam(self, university: str, code: str) -> None:
        """Ladok knows it no more: Fetch answers 404."""
        self.call("remove_exam", university=university, code=code)

    def change_people(
        self,
        university: str,
        code: str,
        *,
        add: int | list[dict[str, Any]] = 0,
        remove: int | list[str] | None = None,
        change: dict[str, dict[str, Any]] | None = None,
        exact: bool = False,
    ) -> list[dict[str, Any]]:
        """People by organisation id; a count adds invented ones or removes from the end. Gives all of them afterwards."""
        return list(
            self.call(
                "change_people", university=university, code=code, add=add, remove=remove, change=change, exact=exact
            )
        )

    def set_people(self, university: str, code: str, people: list[dict[str, Any]]) -> None:
        """All the rows of an exam. `_owner` in a row says whose it is: no answer holds it, the registrations do as `owner`."""
        self.call("set_people", university=university, code=code, people=people)

    def set_students(self, university: str, students: list[dict[str, Any]]) -> None:
        """All the students of a university, as `students` gives them; `_owner` marks them as it does rows."""
        self.call("set_students", university=university, students=students)

    def grades(self, university: str, code: str | None = None) -> list[dict[str, Any]]:
        """The ledger, a row for each grade of each person on each exam.

        `{code, identifier, kind, organisationId, grade, points, idempotencyKey, at, managers, times}`; `kind` is the name of the
        field that held the identifier, `times` how often this grade was registered.
        """
        return list(self.call("grades", university=university, code=code))

    def registrations(self, university: str, code: str | None = None) -> list[dict[str, Any]]:
        """Every registration in order, also the same again, with `sent`: the person's part of the body."""
        return list(self.call("registrations", university=university, code=code))

    def clear_grades(self, university: str) -> None:
        self.call("clear_grades", university=university)

    def reject(
        self, university: str, identifier: str, error_info: str | None = "Studenten är inte registrerad på momentet."
    ) -> None:
        """Refuse this identifier's grades with these words; None takes them again."""
        self.call("reject", university=university, identifier=identifier, error_info=error_info)

    def clear_rejections(self, university: str) -> None:
        self.call("clear_rejections", university=university)

    def set_idempotency(self, university: str, honoured: bool) -> None:
        self.call("set_idempotency", university=university, honoured=honoured)

    def set_read_back(self, university: str, on: bool) -> None:
        self.call("set_read_back", university=university, on=on)

    def set_exporters(self, university: str, identities: list[str]) -> None:
        """Who may be named in Borås's `managers`; from the start bodil@ and birgit@boras.example."""
        self.call("set_exporters", university=university, identities=identities)

    # --- WISEflow: people at work -------------------------------------------------------------------------------

    def flows(self, licence: str | None = None) -> list[dict[str, Any]]:
        return list(self.call("flows", licence=licence))

    def flow(self, flow_id: int) -> dict[str, Any]:
        return dict(self.call("flow", flow_id=flow_id))

    def activate(self, flow_id: int) -> int:
        """This and the next four give the flow's state afterwards."""
        return int(self.call("activate", flow_id=flow_id))

    def start_participation(self, flow_id: int) -> int:
        return int(self.call("start_participation", flow_id=flow_id))

    def end_participation(self, flow_id: int) -> int:
        return int(self.call("end_participation", flow_id=flow_id))

    def end_marking(self, flow_id: int) -> int:
        """Concluded. Activates the flow where nobody has; moves no dates."""
        return int(self.call("end_marking", flow_id=flow_id))

    def archive(self, flow_id: int) -> int:
        return int(self.call("archive", flow_id=flow_id))

    def delete_flow(self, flow_id: int) -> None:
        self.call("delete_flow", flow_id=flow_id)

    def grade(
        self,
        flow_id: int,
        grades: dict[int, str | None] | str | None = None,
        *,
        alternative: dict[int, str | None] | None = None,
        points: dict[int, float | None] | str | None = None,
        force: bool = False,
        seed: int = 1,
        by: str = "",
        by_items: bool = True,
    ) -> int:
        """Grades, alternative grades and points by participant id, None to take one away; "random" for everybody active.

        On a flow whose reviewer decides, a grade `by` "assessor" is a draft. Without `by`, whoever decides has given it. Points make
        a flow one that is marked item by item, unless `by_items` is False: then they stand in the audit trail.
        """
        given = {"grades": grades, "alternative": alternative, "points": points}
        return int(self.call("grade", flow_id=flow_id, force=force, seed=seed, by=by, by_items=by_items, **given))

    def hand_in(self, flow_id: int, ways: dict[int, str]) -> None:
        """How participants hand in, by id: "paper", "late", "blank", "opened" (nothing, in a submission that is there), "nothing", or
        "group:ID", with that participant. Who is said nothing of hands in a paper before the end."""
        self.call("hand_in", flow_id=flow_id, ways={str(key): way for key, way in ways.items()})

    def publish_assignment(self, flow_id: int, lines: list[str]) -> None:
        """The question paper, of these lines."""
        self.call("publish_assignment", flow_id=flow_id, lines=lines)

    def set_links(self, seconds: float) -> None:
        """How long links to files are good for; as new 25 hours."""
        self.call("set_links", seconds=seconds)

    def set_papers(self, flow_id: int, *, padding: int = 0, quarantined: list[int] | None = None) -> None:
        """Every paper is so many bytes larger; those of these participants are in quarantine."""
        self.call("set_papers", flow_id=flow_id, padding=padding, quarantined=quarantined or [])

    def write_exam(self, flow_id: int) -> None:
        """Everybody active has opened the exam, written and handed in: WISEflow's log has it."""
        self.call("write_exam", flow_id=flow_id)

    def add_logs(self, entries: list[dict[str, Any]], *, licence: str = "", flow_id: int | None = None) -> None:
        """Entries of WISEflow's log, of a flow or of the licence: `{source, at, late, context, key}`, times in unix seconds."""
        self.call("add_logs", entries=entries, licence=licence, flow_id=flow_id)

    def set_log_pages(self, most: int = 10_000, *, leaves_offset_out: bool = False) -> None:
        """How many entries a page of the logs has, and whether the moment that is asked for is among them."""
        self.call("set_log_pages", most=most, leaves_offset_out=leaves_offset_out)

    def logs_of(self, licence: str) -> list[dict[str, Any]]:
        """All entries that there ever were: `{_id, _source, sort, flow, context, from}`."""
        return list(self.call("logs_of", licence=licence))

    def set_shows_drafts(self, shows: bool) -> None:
        """Whether the assessments hold grades that no reviewer has approved yet; as new they do."""
        self.call("set_shows_drafts", shows=shows)

    def set_gives_stored(self, licence: str, gives: bool = True) -> None:
        """Let the licence give out grades as they are stored, not as they are shown."""
        self.call("set_gives_stored", licence=licence, gives=gives)

    def set_scale_by_hand(self, flow_id: int, scale: str, *, keeps_grades: bool = False) -> None:
        """A manager gives the flow another grading scale, by name. As by the API every grade goes with it, unless it is to stay."""
        self.call("set_scale_by_hand", flow_id=flow_id, scale=scale, keeps_grades=keeps_grades)

    def add_participant_by_hand(
        self,
        flow_id: int,
        organisation_id: str,
        *,
        first_name: str = "Hanna",
        last_name: str = "Handlagd",
        unique_exam_id: str | None = None,
        is_another: bool = False,
        national_id: str = "",
    ) -> int:
        """Gives the participant's id. `is_another`: with a new account, though somebody has this organisation id."""
        return int(
            self.call(
                "add_participant_by_hand",
                flow_id=flow_id,
                organisation_id=organisation_id,
                first_name=first_name,
                last_name=last_name,
                unique_exam_id=unique_exam_id,
                is_another=is_another,
                national_id=national_id,
            )
        )

    def remove_participant_by_hand(self, flow_id: int, participant_id: int) -> None:
        self.call("remove_participant_by_hand", flow_id=flow_id, participant_id=participant_id)

    def set_activated_by_hand(self, flow_id: int, participant_id: int, activated: bool) -> None:
        self.call("set_activated_by_hand", flow_id=flow_id, participant_id=participant_id, activated=activated)

    def set_metadata_by_hand(self, flow_id: int, **fields: Any) -> None:
        """title, subtitle, code, term, examinationType, purpose."""
        self.call("set_metadata_by_hand", flow_id=flow_id, fields=fields)

    def set_settings_by_hand(self, flow_id: int, **fields: Any) -> None:
        """anonymisation, description, timebox, allocationType, assessorGroups: as the sandbox keeps them."""
        self.call("set_settings_by_hand", flow_id=flow_id, fields=fields)

    def set_dates_by_hand(self, flow_id: int, **fields: int) -> None:
        """start, end, marking_start, marking_end in unix seconds."""
        self.call("set_dates_by_hand", flow_id=flow_id, fields=fields)

    def set_end_by_hand(self, flow_id: int, participant_id: int, end: int) -> None:
        """One person's end, in unix seconds."""
        self.call("set_end_by_hand", flow_id=flow_id, participant_id=participant_id, end=end)

    def set_former_client(self, flow_id: int, code: str = "", *, exported: dict[int, int] | None = None) -> None:
        """UNIwise's own integration client: its code on the flow, empty for none any more, and `exportState` by participant id."""
        self.call("set_former_client", flow_id=flow_id, code=code, exported=exported)

    def request_sync(self, flow_id: int, reference: str | None = None) -> str:
        """A manager presses Synchronise in WISEflow: the webhook FLOW_EXTERNAL_SOURCE is fired. Gives the request's id."""
        return str(self.call("request_sync", flow_id=flow_id, reference=reference))

    # --- WISEflow: the licence ----------------------------------------------------------------------------------

    def users(self, licence: str) -> list[dict[str, Any]]:
        return list(self.call("users", licence=licence))

    def add_user(
        self,
        licence: str,
        ids: dict[str, str],
        *,
        first_name: str = "Ny",
        last_name: str = "Användare",
        email: str | None = None,
    ) -> int:
        """`ids` by organisation_id, national_id, external_user_id. Gives the user's id."""
        return int(
            self.call("add_user", licence=licence, ids=ids, first_name=first_name, last_name=last_name, email=email)
        )

    def add_users_of(self, university: str, code: str) -> int:
        """Make users in WISEflow of everybody on an exam, so that nobody has to be created one by one. Gives how many."""
        return int(self.call("add_users_of", university=university, code=code))

    def rooms(self, licence: str) -> list[dict[str, Any]]:
        return list(self.call("rooms", licence=licence))

    def webhooks(self, licence: str | None = None) -> list[dict[str, Any]]:
        return list(self.call("webhooks", licence=licence))

    def deliveries(self) -> list[dict[str, Any]]:
        """Webhook calls: `{id, webhookId, url, body, calls: [{at, callId, status, answer}], next_at}`."""
        return list(self.call("deliveries"))

    def redeliver(self, delivery_id: int) -> None:
        self.call("redeliver", delivery_id=delivery_id)

    def expire_tokens(self) -> int:
        return int(self.call("expire_tokens"))

    def enable_credential(self, licence: str, kind: str, enabled: bool) -> None:
        """`kind` is "oauth_client" or "api_key"."""
        self.call("enable_credential", licence=licence, kind=kind, enabled=enabled)

    def set_rate_limit(self, second: int = 200, minute: int = 5000) -> None:
        self.call("set_rate_limit", second=second, minute=minute)

    def set_nulls(self, on: bool) -> None:
        """Whether WISEflow says null where its description has none, as its published examples do. Off from the start."""
        self.call("set_nulls", on=on)

    def set_already_assessor_status(self, status: int) -> None:
        self.call("set_already_assessor_status", status=status)

    def set_webhook_signature(
        self, header: str = "X-Wiseflow-Signature", encoding: str = "hex", prefix: str = ""
    ) -> None:
        self.call("set_webhook_signature", header=header, encoding=encoding, prefix=prefix)

    def save(self) -> None:
        """Write the state file now, where there is one."""
        self.call("save")
