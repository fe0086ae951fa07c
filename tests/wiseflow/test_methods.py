"""Every method of the client: the one request it makes, and what it makes of the answer."""

import datetime as dt
import json
import logging

import pytest

from ladokflow.wiseflow import NewParticipant, WiseflowClient, WiseflowError
from ladokflow.wiseflow.connection import Connection
from ladokflow.wiseflow.errors import NoItems
from tests.wiseflow.conftest import Reply, envelope, refusal


def at(hour, minute=0):
    return dt.datetime(2026, 1, 15, hour, minute, tzinfo=dt.UTC)


def unix(hour, minute=0):
    return int(at(hour, minute).timestamp())


WINDOWS = {"participation": {"start": unix(8), "end": unix(13)}, "marking": {"start": unix(14), "end": unix(20)}}
SOURCE = {"id": 9, "reference": "tdde01-a1", "description": "TDDE01/TEN1", "state": "NONE", "lastSync": None}
ROOM = {"id": 3, "name": "TER1", "campus": "Valla", "capacity": 90, "canBeBooked": True}
HOOK = {"id": 4, "title": "LadokFlow", "url": "https://x.example/", "active": True, "events": ["FINAL_GRADE"]}
METADATA = {
    "title": "T",
    "subtitle": None,
    "code": None,
    "term": "HT26",
    "examinationType": "ORDINARY",
    "purpose": "EXAMINATION",
}
SUBJECT = {"userId": 6, "firstName": "Åsa", "lastName": "Öberg"}
SUBMISSION = {
    "id": 77,
    "status": {"handedIn": True, "handedInBlank": False, "handedInDate": unix(12)},
    "similarityReports": [{"percentage": 12.5, "status": "DONE", "provider": "Ouriginal"}],
}
FILE = {"id": 5, "type": "DOCUMENT", "filename": "svar.pdf", "size": 10, "link": "https://files.example/5"}
LOGGED = {"_id": "e1", "sort": [1768467600000], "_source": {"message": "opened"}}
SCORED = {
    "state": "DONE",
    "builtAt": unix(9),
    "items": [
        {
            "itemReference": "I1",
            "questions": [{"questionReference": "Q1", "participants": [{"id": 10, "scores": [1, 2]}]}],
        }
    ],
}
OK = envelope()

# name of the method, arguments, method and path, body that is sent, what is answered, what of the result to look at, expected
CALLS = [
    ("licence_info", (), {}, "GET /license/info", None,
     {"userDataTypes": [{"id": 1, "name": "National ID"}], "settings": {"requireUniqueEmails": True}, "modules": None},
     lambda r: (r.user_data_types[0].name, r.requires_unique_emails, r.roles), ("National ID", True, ())),
    ("user_data_types", (), {}, "GET /license/user-data-types", None, envelope([{"id": 696, "name": "Student number", "type": "x"}]),
     lambda r: [(t.id, t.name) for t in r], [(696, "Student number")]),
    ("licence_roles", (), {}, "GET /license/roles", None, envelope([{"roleId": 5726, "name": "Participant", "isProtected": False}]),
     lambda r: [(t.id, t.name, t.is_protected) for t in r], [(5726, "Participant", False)]),
    ("flow_types", (), {}, "GET /license/flow-types", None, envelope([{"id": 2, "name": "FLOWassign", "description": ""}]),
     lambda r: [(t.id, t.name) for t in r], [(2, "FLOWassign")]),
    ("grading_scales", (), {}, "GET /license/grading-scales", None,
     envelope([{"id": 1, "name": "U345", "description": None, "input": {"min": None}, "list": {"options": [
         {"grade": "U", "value": "0"}, {"grade": 3, "value": 3}]}},
         {"id": 2, "name": "0-100", "input": {"min": 0, "max": 100, "modifier": 100}, "list": None}]),
     lambda r: [(s.id, s.name, s.grades, s.is_range) for s in r], [(1, "U345", ("U", "3"), False), (2, "0-100", (), True)]),
    ("webhooks", (), {}, "GET /webhooks", None, envelope([HOOK]), lambda r: [h.events for h in r], [("FINAL_GRADE",)]),
    ("create_webhook", (), {"title": "LadokFlow", "url": "https://x.example/", "secret": "s", "events": ["FINAL_GRADE"]},
     "POST /webhooks", {"title": "LadokFlow", "url": "https://x.example/", "secret": "s", "active": True, "events": ["FINAL_GRADE"]},
     Reply(envelope(HOOK), 201), lambda r: r.id, 4),
    ("delete_webhook", (4,), {}, "DELETE /webhooks/4", None, OK, lambda r: r, None),
    ("test_webhook", (4,), {}, "POST /webhooks/4/test", None, OK, lambda r: r, None),
    ("search_users", ([(1, "asaob12"), (1, "asaob12"), (2, "")],), {}, "POST /users/search", {"dataTypes": [{"id": 1, "value": "asaob12"}]},
     envelope([{"id": "6", "firstName": "Åsa", "lastName": None, "emails": ["a@liu.example"], "dataTypes": [
         {"id": 1, "name": "Personal Organisation Id", "value": "asaob12"}], "deactivated": False}]),
     lambda r: [(u.id, u.first_name, u.last_name, u.emails, u.values(1)) for u in r], [(6, "Åsa", "", ("a@liu.example",), ("asaob12",))]),
    ("save_user", (), {"first_name": "Åsa", "last_name": "Öberg", "external_ids": [(1, "asaob12")], "roles": [5726], "emails": ["a@liu.example"]},
     "POST /license/user", {"firstName": "Åsa", "lastName": "Öberg", "externalIds": [{"userDataTypeId": 1, "value": "asaob12"}],
                            "language": "sv", "roles": [5726], "emails": ["a@liu.example"]},
     Reply({"userId": 6}, 201), lambda r: r, 6),
    ("create_flow", (), {"title": "T", "subtitle": "S", "type_id": 2, "manager_ids": [541]}, "POST /license/create/flow",
     {"title": "T", "subTitle": "S", "type": 2, "managers": [541]}, Reply({"flowId": 225}, 201), lambda r: r, 225),
    ("copy_flow", (7,), {"title": "T", "subtitle": "S", "manager_ids": [541]}, "POST /flows/7/copy",
     {"managerUserIds": [541], "title": "T", "subtitle": "S"},
     Reply(envelope([{"flowId": 226, "flowType": "FLOWassign"}]), 201), lambda r: r, 226),
    ("copy_flow", (7,), {"title": "T", "subtitle": "S", "manager_ids": [541]}, "POST /flows/7/copy",
     {"managerUserIds": [541], "title": "T", "subtitle": "S"}, Reply(envelope({"flowId": 227}), 201), lambda r: r, 227),
    ("search_flows", (), {"title": "TDDE01", "external_reference": "tdde01-a1"}, "POST /flows/search",
     {"metadata": {"title": "TDDE01", "externalSourceReference": "tdde01-a1"}},
     envelope([{"flowId": 225, "title": "T", "subtitle": "S", "type": "FLOWassign", "state": "ACTIVATED", "createdAt": unix(8),
                "externalSourceReferences": ["tdde01-a1"]}]),
     lambda r: [(f.id, f.state, f.external_references, f.created_at) for f in r], [(225, 1, ("tdde01-a1",), at(8))]),
    ("flow", (225,), {}, "GET /flow/225", None,
     {"id": 225, "name": "T", "subName": "S", "type": 2, "state": 3, "participantStartDate": unix(8), "assessorEndDate": unix(20) * 1000,
      "participantEndDate": str(unix(13)), "assessorStartDate": None},
     lambda r: (r.title, r.subtitle, r.type_name, r.state, r.participation_start_at, r.participation_end_at, r.marking_start_at, r.marking_end_at),
     ("T", "S", "FLOWassign", 3, at(8), at(13), None, at(20))),
    ("metadata", (225,), {}, "GET /flows/225/metadata", None, envelope(METADATA), lambda r: (r.title, r.subtitle, r.term), ("T", None, "HT26")),
    ("dates", (225,), {}, "GET /flows/225/dates", None, envelope(WINDOWS),
     lambda r: (r.participation_start_at, r.marking_end_at), (at(8), at(20))),
    ("patch_dates", (225,), {"participation": (at(8), at(13)), "marking": (at(14), at(20))}, "PATCH /flows/225/dates", WINDOWS,
     envelope(WINDOWS), lambda r: (r.participation_end_at, r.marking_start_at), (at(13), at(14))),
    ("grading_scale", (225,), {}, "GET /flows/225/grading-scale", None, envelope({"gradingScaleId": 3.0}), lambda r: r, 3),
    ("put_grading_scale", (225, 3), {}, "PUT /flows/225/grading-scale", {"gradingScaleId": 3}, OK, lambda r: r, None),
    ("change_reviewer", (225, 9), {"is_allocated_to_all": True, "has_access_to_assessment_information": True, "can_decide_on_final_grade": False},
     "PATCH /flows/225/reviewers/9", {"isAllocatedToAll": True, "hasAccessToAssessmentInformation": True, "canDecideOnFinalGrade": False}, OK,
     lambda r: r, None),
    ("anonymisation", (225,), {}, "GET /flows/225/anonymisation", None,
     envelope({"enabled": True, "type": {"participantIndex": False, "userDataTypeId": 10, "uniqueExamId": None}}),
     lambda r: (r.is_on, r.by_number, r.by_exam_id, r.by_data_type), (True, False, False, 10)),
    ("anonymisation", (225,), {}, "GET /flows/225/anonymisation", None, envelope({"enabled": False, "type": None}),
     lambda r: (r.is_on, r.by_number, r.by_data_type), (False, False, None)),
    ("put_anonymisation", (225,), {"by": "participantIndex"}, "PUT /flows/225/anonymisation", {"participantIndex": True}, OK, lambda r: r, None),
    ("put_anonymisation", (225,), {"by": 10}, "PUT /flows/225/anonymisation", {"userDataTypeId": 10}, OK, lambda r: r, None),
    ("delete_anonymisation", (225,), {}, "DELETE /flows/225/anonymisation", None, OK, lambda r: r, None),
    ("description", (225,), {}, "GET /flows/225/description", None, envelope({"description": "Skriv tydligt.", "updatedByUserId": None}),
     lambda r: r, "Skriv tydligt."),
    ("description", (225,), {}, "GET /flows/225/description", None, envelope(None), lambda r: r, ""),
    ("put_description", (225, "Skriv."), {}, "PUT /flows/225/description", {"description": "Skriv."}, OK, lambda r: r, None),
    ("time_box", (225,), {}, "GET /flows/225/timebox", None, envelope({"enabled": True, "durationMinutes": 240}),
     lambda r: (r.is_on, r.minutes), (True, 240)),
    ("put_time_box", (225, 240), {}, "PUT /flows/225/timebox", {"enabled": True, "durationMinutes": 240}, OK, lambda r: r, None),
    ("put_time_box", (225, None), {}, "PUT /flows/225/timebox", {"enabled": False, "durationMinutes": None}, OK, lambda r: r, None),
    ("allocation_type", (225,), {}, "GET /flows/225/marking/assessor-allocation-type", None, envelope({"allocationType": "GROUPED"}),
     lambda r: r, "GROUPED"),
    ("put_allocation_type", (225, "GROUPED"), {}, "PUT /flows/225/marking/assessor-allocation-type", {"allocationType": "GROUPED"}, OK,
     lambda r: r, None),
    ("activate", (225,), {}, "PATCH /flows/225/activate", None, OK, lambda r: r, True),
    ("participants", (225,), {}, "GET /flows/225/participants", None,
     envelope([{"participantId": 10, "userId": 6, "number": 1, "activated": False, "uniqueExamId": None, "user": {
         "id": 6, "firstName": "Åsa", "lastName": "Öberg", "externalIds": [{"name": "National ID", "value": 199001012392}]}}]),
     lambda r: [(p.id, p.user_id, p.last_name, p.activated, p.unique_exam_id, p.values("national id")) for p in r],
     [(10, 6, "Öberg", False, "", ("199001012392",))]),
    ("add_participants", (225, [NewParticipant(user_id=6, unique_exam_id="U1"), NewParticipant(user_id=7), NewParticipant(user_id=8)]), {},
     "POST /flows/225/participants", [{"userId": 6, "uniqueExamId": "U1"}, {"userId": 7}, {"userId": 8}],
     envelope([{"participant": {"id": 10, "index": 1, "uniqueExamId": "U1"}, "user": {"id": 6}},
               {"error": "ALREADY_ON_FLOW", "participant": {"id": 11}}, {"error": "USER_NOT_FOUND", "participant": None}]),
     lambda r: [(a.participant_id, a.error, a.is_on_flow) for a in r],
     [(10, None, True), (11, "ALREADY_ON_FLOW", True), (None, "USER_NOT_FOUND", False)]),
    ("remove_participant", (225, 10), {}, "DELETE /flows/225/participants/10", None, OK, lambda r: r, True),
    ("set_activated", (225, 10, False), {}, "PUT /flows/225/participants/10/activated", {"activated": False}, OK, lambda r: r, None),
    ("set_unique_exam_id", (225, 10, "U2"), {}, "PUT /flows/225/participants/10/unique-exam-id", {"uniqueExamId": "U2"},
     envelope({"uniqueExamId": "U2"}), lambda r: r, None),
    ("set_unique_exam_id", (225, 10, ""), {}, "DELETE /flows/225/participants/10/unique-exam-id", None, Reply(status=204), lambda r: r, None),
    ("participant_dates", (225, 10), {}, "GET /flows/225/participants/10/dates", None,
     envelope({"participation": {"start": unix(8), "end": unix(15)}, "marking": {"end": unix(20)}}),
     lambda r: (r.participation_end_at, r.marking_start_at), (at(15), None)),
    ("patch_participant_dates", (225, [(10, None, at(15)), (11, at(9), at(14))]), {}, "PATCH /flows/225/participants/dates",
     {"participants": [{"id": 10, "participation": {"end": unix(15)}}, {"id": 11, "participation": {"start": unix(9), "end": unix(14)}}]},
     envelope({"participants": [], "errors": [{"id": 11, "error": "too early"}]}),
     lambda r: [(e.participant_id, e.error) for e in r], [(11, "too early")]),
    *[
        (f"{role}s", (225,), {}, f"GET /flows/225/{role}s", None, envelope([{f"{role}Id": 1, "user": SUBJECT}]),
         lambda r: [(s.id, s.user_id, s.name) for s in r], [(1, 6, "Åsa Öberg")])
        for role in ("manager", "assessor", "reviewer", "invigilator", "author")
    ],
    ("add_manager", (225, 6), {}, "POST /flows/225/managers", {"userId": 6}, Reply(OK, 201), lambda r: r, True),
    ("add_assessor", (225, 6), {}, "POST /flows/225/assessors", {"userId": 6}, Reply(OK, 201), lambda r: r, True),
    ("add_reviewer", (225, 6), {"can_decide_on_final_grade": True}, "POST /flows/225/reviewers",
     {"userId": 6, "isAllocatedToAll": True, "hasAccessToAssessmentInformation": True, "canDecideOnFinalGrade": True},
     Reply(b"", 201), lambda r: r, True),
    ("add_invigilator", (225, 6), {}, "POST /flows/225/invigilators", {"userId": 6, "isHeadInvigilator": False}, Reply(OK, 201), lambda r: r, True),
    ("add_head_invigilator", (225, 6), {}, "POST /flows/225/invigilators", {"userId": 6, "isHeadInvigilator": True}, Reply(OK, 201), lambda r: r, True),
    ("remove_head_invigilator", (225, 1), {}, "PATCH /flows/225/invigilators/1", {"isHeadInvigilator": False}, OK, lambda r: r, True),
    ("head_invigilators", (225,), {}, "GET /flows/225/invigilators", None,
     envelope([{"invigilatorId": 1, "user": SUBJECT, "isHeadInvigilator": True}, {"invigilatorId": 2, "user": SUBJECT, "isHeadInvigilator": False}]),
     lambda r: [s.id for s in r], [1]),
    ("add_author", (225, 6), {}, "POST /flows/225/authors", {"userId": 6}, Reply(OK, 201), lambda r: r, True),
    *[
        (f"remove_{role}", (225, 1), {}, f"DELETE /flows/225/{role}s/1", None, OK, lambda r: r, True)
        for role in ("manager", "assessor", "reviewer", "invigilator", "author")
    ],
    ("put_credits", (225, "7.5"), {}, "PUT /flows/225/settings", {"settings": [{"name": "ECTS", "value": "7.5"}]}, OK, lambda r: r, None),
    ("put_credits", (225, None), {}, "PUT /flows/225/settings", {"settings": [{"name": "ECTS", "value": None}]}, OK, lambda r: r, None),
    ("assessor_groups", (225,), {}, "GET /flows/225/assessor-groups", None,
     envelope([{"id": 1, "title": "A", "assessorIds": [4], "participantIds": None}]), lambda r: [(g.title, g.assessor_ids, g.participant_ids) for g in r], [("A", (4,), ())]),
    ("add_assessor_group", (225, "A", [4]), {}, "POST /flows/225/assessor-groups", {"title": "A", "assessorIds": [4]}, OK, lambda r: r, None),
    ("change_assessor_group", (225, 1, "A", [4]), {}, "PUT /flows/225/assessor-groups/1", {"title": "A", "assessorIds": [4]}, OK, lambda r: r, None),
    ("remove_assessor_group", (225, 1), {}, "DELETE /flows/225/assessor-groups/1", None, OK, lambda r: r, None),
    ("assessor_allocations", (225, 1), {}, "GET /flows/225/assessors/1/allocations", None, envelope({"participantIds": [10]}),
     lambda r: r, [10]),
    ("deallocate_assessor", (225, 1, 10), {}, "DELETE /flows/225/assessors/1/allocations/participants/10", None, Reply(status=204),
     lambda r: r, None),
    ("rooms", (), {}, "GET /license/rooms", None, envelope([ROOM]), lambda r: [(x.id, x.name, x.campus) for x in r], [(3, "TER1", "Valla")]),
    ("create_room", (), {"name": "TER1", "capacity": 90, "campus": "Valla"}, "POST /license/rooms",
     {"name": "TER1", "capacity": 90, "canBeBooked": True, "identifier": None, "campus": "Valla"}, Reply(ROOM, 201), lambda r: r.id, 3),
    ("room_bookings", (225,), {}, "GET /flows/225/room-bookings", None,
     envelope([{"roomBookingId": 2, "roomId": 3, "from": unix(8), "to": unix(13)}]),
     lambda r: [(b.id, b.room_id, b.start_at, b.end_at) for b in r], [(2, 3, at(8), at(13))]),
    ("book_room", (225, 3, at(8), at(13)), {}, "POST /flows/225/room-bookings", {"roomId": 3, "from": unix(8), "to": unix(13)},
     Reply(envelope({"roomBookingId": 2, "roomId": 3, "from": unix(8), "to": unix(13)}), 201), lambda r: r.id, 2),
    ("delete_booking", (225, 2), {}, "DELETE /flows/225/room-bookings/2", None, Reply(status=204), lambda r: r, True),
    ("booking_participants", (225, 2), {}, "GET /flows/225/room-bookings/2/participants", None, envelope([10, "11"]), lambda r: r, [10, 11]),
    ("put_booking_participants", (225, 2, [10, 11]), {}, "PUT /flows/225/room-bookings/2/participants", {"participantIds": [10, 11]},
     Reply(OK, 201), lambda r: r, None),
    ("external_sources", (225,), {}, "GET /flows/225/external-sources", None, envelope([SOURCE]),
     lambda r: [(s.id, s.reference, s.state, s.last_synced_at) for s in r], [(9, "tdde01-a1", "NONE", None)]),
    ("add_external_source", (225, "tdde01-a1", "TDDE01/TEN1"), {}, "POST /flows/225/external-sources",
     {"reference": "tdde01-a1", "description": "TDDE01/TEN1"}, envelope(SOURCE), lambda r: r, 9),
    ("delete_external_source", (225, 9), {}, "DELETE /flows/225/external-sources/9", None, OK, lambda r: r, True),
    ("sync_done", (225, "tdde01-a1"), {}, "POST /flows/225/external-sources/tdde01-a1/sync/done", None, OK, lambda r: r, None),
    ("sync_fail", (225, "tdde01-a1"), {}, "POST /flows/225/external-sources/tdde01-a1/sync/fail", None, OK, lambda r: r, None),
    ("allocate_to_source", (225, 9, [10, 11]), {}, "POST /flows/225/external-sources/9/allocations/participants",
     {"participantIds": [10, 11]}, OK, lambda r: r, None),
    ("deallocate_from_source", (225, 9, 10), {}, "DELETE /flows/225/external-sources/9/allocations/participants/10", None, OK,
     lambda r: r, True),
    ("source_allocations", (225, 10), {}, "GET /flows/225/external-sources/participants/10", None, envelope([SOURCE]),
     lambda r: [s.id for s in r], [9]),
    ("assessments", (225,), {}, "GET /flow/225/assessments", None,
     [{"id": 991, "participantId": 10, "grade": " VG ", "date": unix(15), "adminGrade": None, "adminGradeDate": None, "exportState": 0},
      {"id": None, "participantId": "11", "grade": None, "adminGrade": "F", "adminGradeDate": unix(16)}, {"participantId": 12, "grade": 4.0}],
     lambda r: [(a.participant_id, a.grade, a.grade_at, a.alternative_grade, a.alternative_grade_at) for a in r],
     [(10, "VG", at(15), "", None), (11, "", None, "F", at(16)), (12, "4", None, "", None)]),
    ("former_exports", (225,), {}, "GET /flow/225/assessments", None,
     [{"participantId": 10, "grade": "5", "exportState": 2, "exportDate": unix(15)}, {"participantId": 11, "adminGrade": "F", "exportState": 1},
      {"participantId": 12, "exportState": 3}, {"participantId": 13, "grade": None, "exportState": "EXPORTED"}],
     lambda r: [(row.participant_id, row.was_sent, row.at, row.has_grade) for row in r],
     [(10, True, at(15), True), (11, True, None, True), (12, False, None, False), (13, True, None, False)]),
    ("list_flows", (), {"title": "TDDE", "offset": 25, "limit": 25}, "POST /flows/search", {"metadata": {"title": "TDDE"}},
     envelope([{"flowId": 5, "title": "TDDE01", "state": "CONCLUDED"}]) | {"pagination": {"offset": 25, "limit": 25, "total": 26}},
     lambda r: ([row.id for row in r[0]], r[1]), ([5], 26)),
    ("delete_flow", (225,), {}, "DELETE /flows/225", None, OK, lambda r: r, True),
    ("item_marks", (225, 10), {}, "GET /flows/225/participants/10/item-based-marks", None,
     envelope([{"reference": "Q1", "score": 1.1, "deactivated": False, "isAutoScored": True},
               {"reference": "Q2", "score": 2.2, "deactivated": False}, {"reference": "Q3", "score": None, "deactivated": True}]),
     lambda r: [(mark.reference, mark.score, mark.deactivated) for mark in r], [("Q1", 1.1, False), ("Q2", 2.2, False), ("Q3", None, True)]),
    ("marking_events", (225, 10), {}, "GET /flows/225/participants/10/marking-audit-trail", None,
     envelope({"auditEvents": [{"type": "reviewer.audit.log.finalized.grade"}, {"type": "assessor.audit.log.submitted.grade"}]}),
     lambda r: [event.kind for event in r], ["reviewer.audit.log.finalized.grade", "assessor.audit.log.submitted.grade"]),
    ("trail", (225, 10), {}, "GET /flows/225/participants/10/marking-audit-trail", None,
     envelope({"auditEvents": [{"type": "reviewer.audit.log.finalized.grade", "newKey": 1}]}),
     lambda r: r, [{"type": "reviewer.audit.log.finalized.grade", "newKey": 1}]),
    ("submissions", (225,), {}, "GET /flows/225/submissions", None,
     envelope([SUBMISSION, {"id": 78, "status": None, "similarityReports": None}]),
     lambda r: [(s.id, s.status.handed_in, s.status.is_blank, s.status.at, [t.percentage for t in s.similarity]) for s in r],
     [(77, True, False, at(12), [12.5]), (78, None, False, None, [])]),
    ("submission", (225, 77), {}, "GET /flows/225/submissions/77", None, envelope(SUBMISSION), lambda r: r.status.at, at(12)),
    ("files", (225, 77), {}, "GET /flows/225/submissions/77/files", None, envelope([FILE]),
     lambda r: [(f.id, f.kind, f.name, f.size, f.link) for f in r], [(5, "DOCUMENT", "svar.pdf", 10, "https://files.example/5")]),
    ("file", (225, 77, 5), {}, "GET /flows/225/submissions/77/files/5", None, envelope(FILE), lambda r: r.link, "https://files.example/5"),
    ("responses", (225, 77), {}, "GET /flows/225/submissions/77/responses", None, envelope([{"any": ["thing"]}]), lambda r: r, [{"any": ["thing"]}]),
    ("assignments", (225,), {}, "GET /flow/225/assignments", None,
     [{"id": 1, "publishedReference": "a/b", "assignment": {"name": "tes.pdf", "size": 9, "content-type": "application/pdf", "url": "https://x.example/1"},
       "appendices": None}],
     lambda r: [(a.id, a.reference, a.paper.name, a.paper.link, a.appendices) for a in r], [(1, "a/b", "tes.pdf", "https://x.example/1", ())]),
    ("assignment_links", (225, "ab-1"), {}, "GET /flows/225/assignments/ab-1", None,
     envelope({"validatedPDFUrl": "https://x.example/1", "nonValidatedPDFUrl": None}),
     lambda r: (r.validated, r.not_validated), ("https://x.example/1", "")),
    ("licence_logs", (), {"offset": 1768467600000}, "GET /license/logs", None, envelope([LOGGED]),
     lambda r: [(e.id, e.sort, e.at, e.content) for e in r], [("e1", 1768467600000, at(9), {"message": "opened"})]),
    ("flow_logs", (225,), {"limit": 10}, "GET /flows/225/logs", None, envelope([LOGGED | {"_source": '{"message": "opened"}'}]),
     lambda r: [(e.id, e.at, e.content) for e in r], [("e1", at(9), {"message": "opened"})]),
    ("item_scores", (225,), {}, "GET /flows/225/marking-stats/scores", None,
     envelope([SCORED | {"builtAt": unix(8), "items": None}, SCORED, SCORED | {"state": "PENDING", "builtAt": unix(15)}]),
     lambda r: [(q.reference, q.participants[0].scores) for q in r.items[0].questions], [("Q1", (1.0, 2.0))]),
    ("assessor_scores", (225, 6), {}, "GET /flows/225/marking-stats/assessors/6/scores", None, envelope([SCORED]),
     lambda r: r.items[0].questions[0].participants[0].id, 10),
    ("item_responses", (225,), {}, "GET /flows/225/marking-stats/responses", None,
     envelope([SCORED | {"items": [{"itemReference": "I1", "questions": [{"questionReference": "Q1", "numberOfUnattempted": 3,
        "responses": [{"validationType": "MANUAL", "participantIds": [10]}]}]}]}]),
     lambda r: [(q.unattempted, q.responses[0].participant_ids) for q in r.items[0].questions], [(3, (10,))]),
]  # fmt: skip
# Several requests each: they have tests of their own below.
IN_SEVERAL = {"put_metadata", "allocate_assessor"}
NAMES = [f"{number}-{call[0]}" for number, call in enumerate(CALLS)]


@pytest.mark.parametrize(
    ("name", "args", "options", "request_line", "body", "reply", "seen", "expected"), CALLS, ids=NAMES
)
def test_method_makes_its_request_and_reads_the_answer(
    peer, wiseflow, name, args, options, request_line, body, reply, seen, expected
):
    method, path = request_line.split(" ")
    peer.answer(method, path, reply)
    assert seen(getattr(wiseflow, name)(*args, **options)) == expected
    (asked,) = peer.asked(method, path)
    assert (json.loads(asked["body"]) if asked["body"] else None) == body
    assert ("content-type" in asked["headers"]) == (body is not None)


@pytest.mark.parametrize(
    ("name", "args", "options", "request_line", "body", "reply", "seen", "expected"), CALLS, ids=NAMES
)
def test_request_is_valid_against_wiseflows_own_document(
    openapi_path, peer, wiseflow, name, args, options, request_line, body, reply, seen, expected
):
    from tests.openapi import check_requests

    peer.answer(*request_line.split(" "), reply)
    getattr(wiseflow, name)(*args, **options)
    assert check_requests(peer.requests) == []


def test_requests_of_methods_that_make_several_are_valid_too(openapi_path, peer, wiseflow):
    from tests.openapi import check_requests

    allocations = "/flows/5/assessors/1/allocations"
    peer.answer("GET", "/flows/5/metadata", envelope(METADATA))
    peer.answer("PUT", "/flows/5/metadata", envelope(METADATA))
    peer.answer("GET", allocations, envelope({"participantIds": []}), envelope({"participantIds": [10]}))
    peer.answer("POST", allocations, Reply(status=204))
    peer.answer("POST", f"{allocations}/participants/11", Reply(status=204))
    wiseflow.put_metadata(5, wiseflow.metadata(5).changed(subtitle="S"))
    wiseflow.allocate_assessor(5, 1, [10])
    wiseflow.allocate_assessor(5, 1, [10, 11])
    assert len(peer.requests) == 7
    assert check_requests(peer.requests) == []


def test_every_method_of_the_client_is_tested_here():
    public = {name for name in dir(WiseflowClient) if not name.startswith("_")} - set(dir(Connection))
    assert public == {call[0] for call in CALLS} | IN_SEVERAL


# --- What takes several requests, or an answer that is no success ---------------------------------------------------


def test_metadata_goes_back_whole_with_keys_we_do_not_know(peer, wiseflow):
    peer.answer("GET", "/flows/5/metadata", envelope(METADATA | {"newKey": {"a": [1]}}))
    peer.answer("PUT", "/flows/5/metadata", envelope(METADATA | {"title": "Ny"}))
    put = wiseflow.put_metadata(5, wiseflow.metadata(5).changed(title="Ny", subtitle="Salstenta"))
    assert peer.bodies("PUT", "/flows/5/metadata") == [
        METADATA | {"title": "Ny", "subtitle": "Salstenta", "newKey": {"a": [1]}}
    ]
    assert put.title == "Ny"


def test_activating_an_active_flow_says_so_and_is_no_error(peer, wiseflow):
    peer.answer("PATCH", "/flows/5/activate", refusal(403, "Only inactive flows can be activated"))
    peer.answer("GET", "/flow/5", {"id": 5, "state": 2})
    assert wiseflow.activate(5) is False


def test_activating_a_flow_that_may_not_be_activated_is_an_error(peer, wiseflow):
    peer.answer("PATCH", "/flows/5/activate", refusal(403, "No participants"))
    peer.answer("GET", "/flow/5", {"id": 5, "state": 0})
    with pytest.raises(WiseflowError, match="No participants"):
        wiseflow.activate(5)


@pytest.mark.parametrize("status", [400, 403, 409])
@pytest.mark.parametrize("role", ["manager", "assessor", "reviewer", "invigilator", "author"])
def test_adding_somebody_who_has_the_role_already_says_so(peer, wiseflow, role, status):
    peer.answer("POST", f"/flows/5/{role}s", refusal(status, "already"))
    peer.answer("GET", f"/flows/5/{role}s", envelope([{f"{role}Id": 1, "user": SUBJECT}]))
    assert getattr(wiseflow, f"add_{role}")(5, 6) is False
    with pytest.raises(WiseflowError):
        getattr(wiseflow, f"add_{role}")(5, 7)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("remove_participant", "/flows/5/participants/9"),
        ("remove_manager", "/flows/5/managers/9"),
        ("delete_booking", "/flows/5/room-bookings/9"),
        ("delete_external_source", "/flows/5/external-sources/9"),
    ],
)
def test_removing_what_is_gone_says_so_and_is_no_error(peer, wiseflow, name, path):
    assert getattr(wiseflow, name)(5, 9) is False
    peer.answer("DELETE", path, refusal(403, "Flow is archived"))
    with pytest.raises(WiseflowError, match="archived"):
        getattr(wiseflow, name)(5, 9)


def test_external_source_that_is_there_already_is_found(peer, wiseflow):
    peer.answer("POST", "/flows/5/external-sources", refusal(409, "exists"))
    peer.answer("GET", "/flows/5/external-sources", envelope([SOURCE | {"id": 1, "reference": "other"}, SOURCE]))
    assert wiseflow.add_external_source(5, "tdde01-a1") == 9


def test_assessor_without_allocations_gets_them_in_one_call(peer, wiseflow):
    path = "/flows/5/assessors/1/allocations"
    peer.answer("GET", path, envelope({"participantIds": []}))
    peer.answer("POST", path, Reply(status=204))
    assert wiseflow.allocate_assessor(5, 1, [10, 11, 10]) == 2
    assert peer.bodies("POST", path) == [{"participantIds": [10, 11]}]


def test_assessor_with_allocations_gets_the_missing_ones_one_by_one(peer, wiseflow):
    path = "/flows/5/assessors/1/allocations"
    peer.answer("GET", path, envelope({"participantIds": [10]}))
    peer.answer("POST", f"{path}/participants/11", Reply(status=204))
    assert wiseflow.allocate_assessor(5, 1, [10, 11]) == 1
    assert wiseflow.allocate_assessor(5, 1, [10]) == 0
    assert len(peer.asked("POST", f"{path}/participants/11")) == 1


def test_people_are_added_and_searched_a_hundred_at_a_time(peer, wiseflow):
    def rows(count):
        return envelope([{"participant": {"id": n}} for n in range(count)])

    peer.answer("POST", "/flows/5/participants", rows(100), rows(100), rows(5))
    assert len(wiseflow.add_participants(5, [NewParticipant(user_id=n) for n in range(205)])) == 205
    assert [len(body) for body in peer.bodies("POST", "/flows/5/participants")] == [100, 100, 5]
    peer.answer("POST", "/users/search", envelope([{"id": 1}]))
    assert len(wiseflow.search_users([(1, str(n)) for n in range(150)])) == 1
    # Searches are asked beside each other, so they come in any order.
    assert sorted(len(body["dataTypes"]) for body in peer.bodies("POST", "/users/search")) == [50, 100]


def test_search_for_nobody_asks_nothing(peer, wiseflow):
    assert wiseflow.search_users([(1, "")]) == []
    assert wiseflow.add_participants(5, []) == []
    assert wiseflow.patch_participant_dates(5, []) == []
    assert peer.requests == []


def test_results_that_are_not_as_many_as_the_rows_sent_are_an_error(peer, wiseflow):
    peer.answer("POST", "/flows/5/participants", envelope([]))
    with pytest.raises(WiseflowError) as caught:
        wiseflow.add_participants(5, [NewParticipant(user_id=6)])
    assert caught.value.message.params["detail"] == "0 of 1 rows"


def test_moment_without_a_time_zone_is_a_mistake_of_the_caller(wiseflow):
    naive = dt.datetime(2026, 1, 15, 8)
    with pytest.raises(ValueError, match="time zone"):
        wiseflow.book_room(5, 3, naive, naive)


# --- Grades --------------------------------------------------------------------------------------------------------


def test_two_different_grades_for_one_participant_are_an_error_and_equal_ones_count_once(peer, wiseflow):
    path = "/flow/5/assessments"
    peer.answer("GET", path, [{"participantId": 10, "grade": "VG"}, {"participantId": 10, "grade": "VG"}])
    assert [row.grade for row in wiseflow.assessments(5)] == ["VG"]
    peer.answer("GET", path, [{"participantId": 10, "grade": "VG"}, {"participantId": 10, "grade": "U"}])
    with pytest.raises(WiseflowError) as caught:
        wiseflow.assessments(5)
    assert caught.value.message.code == "wiseflow.two_grades"


@pytest.mark.parametrize(
    "row",
    [
        {"grade": "VG"},
        {"participantId": None, "grade": "VG"},
        {"participantId": True, "grade": "VG"},
        {"participantId": 10.5, "grade": "VG"},
        {"participantId": 10, "grade": True},
        {"participantId": 10, "grade": {"grade": "VG"}},
        {"participantId": 10, "grade": "VG", "adminGrade": ["F"]},
        "VG",
        None,
    ],
)
def test_grade_that_cannot_be_understood_is_never_left_out_in_silence(peer, wiseflow, row):
    peer.answer("GET", "/flow/5/assessments", [{"participantId": 9, "grade": "G"}, row])
    with pytest.raises(WiseflowError) as caught:
        wiseflow.assessments(5)
    assert caught.value.message.code == "wiseflow.unexpected"


@pytest.mark.parametrize("answer", [{"id": 1}, None, "none", {"success": True, "error": None}])
def test_assessments_that_are_no_list_are_an_error_and_not_an_empty_one(peer, wiseflow, answer):
    peer.answer("GET", "/flow/5/assessments", answer)
    with pytest.raises(WiseflowError):
        wiseflow.assessments(5)


@pytest.mark.parametrize("state", [6, -1, None, "GONE", True])
def test_phase_that_is_unknown_is_an_error(peer, wiseflow, state):
    peer.answer("GET", "/flow/5", {"id": 5, "state": state})
    with pytest.raises(WiseflowError):
        wiseflow.flow(5)


def test_flow_that_is_not_marked_item_by_item_says_so_and_is_no_fault(peer, wiseflow, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("ladokflow"), "propagate", True)
    peer.answer("GET", "/flows/5/participants/10/item-based-marks", refusal(403, "Invalid license"))
    with caplog.at_level(logging.DEBUG), pytest.raises(NoItems):
        wiseflow.item_marks(5, 10)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
