"""Every column that holds, or may hold, something of a person: whose it is, why, and how long.

`docs/record-of-processing.md` is written from this (`make docs`). A test fails while a column of text or a reference to a person stands neither here nor in
`NOT_OF_PEOPLE`: whoever adds one says which it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Whose(StrEnum):
    STUDENT = "student"
    STAFF = "staff"  # assessors, reviewers, invigilators, managers of flows
    USER = "user"  # who signs in here


class Kept(StrEnum):
    """How long. The source's days are `Source.retention_days`."""

    SOURCE = "until the flow is emptied: the source's days after it is concluded and exported"
    ANSWER = "`ANSWER_RETENTION_DAYS`, and no longer than the flow's students"
    RUN = "`SYNC_RUN_RETENTION_DAYS`, and no longer than the flow's students"
    WISEFLOW_LOG = "`LOG_RETENTION_DAYS`, and no longer than the flow's students"
    CALL = "`WEBHOOK_EVENT_RETENTION_DAYS`, and no longer than the flow's students"
    ARCHIVE = "until the archive package is deleted: the source's `archive_days`, or `ARCHIVE_RETENTION_DAYS`"
    ACCESS = "`ACCESS_RETENTION_DAYS`; the student's row is emptied with the flow"
    LOG = "for good: the log of what was done. Students stand in it by their row, which is emptied with the flow"
    MEMBER = "until the account or the membership is deleted"
    FLOW = "as long as the flow: who has worked with it"
    TASK = "7 days: keys of rows, never a person's data"
    SIGN_IN = "until the operator prunes it (`manage.py axes_reset_logs`); tries are forgotten after an hour"
    SESSION = "12 hours after signing in (`clearsessions`)"


@dataclass(frozen=True)
class Held:
    whose: Whose
    what: str
    kept: Kept
    is_encrypted: bool = False


_S, _W, _U = Whose.STUDENT, Whose.STAFF, Whose.USER
_IDENTIFIER = "identifier in Ladok and WISEflow"
_NUMBER = "national id, coordination number or interim number"
_TOLD = "what is told of the student, as a code and its parameters"

OF_PEOPLE: Mapping[str, Held] = {
    "sources.Participant.organisation_id": Held(_S, _IDENTIFIER, Kept.SOURCE),
    "sources.Participant.national_id": Held(_S, _NUMBER, Kept.SOURCE, True),
    "sources.Participant.first_name": Held(_S, "first name", Kept.SOURCE),
    "sources.Participant.last_name": Held(_S, "last name", Kept.SOURCE),
    "sources.Participant.email": Held(_S, "e-mail address", Kept.SOURCE),
    "sources.Participant.external_user_id": Held(_S, _IDENTIFIER, Kept.SOURCE),
    "sources.Participant.unique_exam_id": Held(_S, _IDENTIFIER, Kept.SOURCE),
    "sources.Participant.room": Held(_S, "room of the exam", Kept.SOURCE),
    "sources.Participant.export_message": Held(_S, _TOLD, Kept.SOURCE),
    "sources.Paper.participant": Held(_S, "who has handed in, and when", Kept.SOURCE),
    "sources.Paper.accepted_grade": Held(_S, "grade that is right without a paper", Kept.SOURCE),
    "sources.Paper.accepted_by": Held(_U, "who has said so", Kept.SOURCE),
    "sources.Registration.participant": Held(_S, "whose it is", Kept.SOURCE),
    "sources.Registration.organisation_id": Held(_S, _IDENTIFIER, Kept.SOURCE),
    "sources.Registration.national_id": Held(_S, _NUMBER, Kept.SOURCE, True),
    "sources.Registration.external_user_id": Held(_S, _IDENTIFIER, Kept.SOURCE),
    "sources.Registration.unique_exam_id": Held(_S, _IDENTIFIER, Kept.SOURCE),
    "sources.Registration.doubt": Held(_S, _TOLD, Kept.SOURCE),
    "sources.Registration.claim": Held(_S, "who it may be, as Ladok says", Kept.SOURCE, True),
    "sources.IdentityAnswer.said_of": Held(_S, "who it may be, as Ladok said", Kept.SOURCE, True),
    "sources.IdentityAnswer.known_as": Held(_S, "who it was before", Kept.SOURCE, True),
    "sources.Credential.owner": Held(_U, "who looks after a credential", Kept.MEMBER),
    "sources.IdentityAnswer.by": Held(_U, "who has answered", Kept.SOURCE),
    "sources.AllocationLine.organisation_id": Held(_S, "whom an assessor assesses", Kept.SOURCE),
    "sources.AllocationLine.assessor": Held(_W, "who assesses", Kept.SOURCE),
    "exports.Assessment.participant": Held(_S, "whose it is", Kept.SOURCE),
    "exports.Assessment.grade": Held(_S, "grade", Kept.SOURCE),
    "exports.Assessment.alternative_grade": Held(_S, "alternative grade", Kept.SOURCE),
    "exports.ExportItem.participant": Held(_S, "whose it is", Kept.SOURCE),
    "exports.ExportItem.organisation_id": Held(_S, _IDENTIFIER, Kept.SOURCE),
    "exports.ExportItem.unique_exam_id": Held(_S, _IDENTIFIER, Kept.SOURCE),
    "exports.ExportItem.external_user_id": Held(_S, _IDENTIFIER, Kept.SOURCE),
    "exports.ExportItem.national_id": Held(_S, _NUMBER, Kept.SOURCE, True),
    "exports.ExportItem.grade": Held(_S, "grade that was sent", Kept.SOURCE),
    "exports.ExportItem.mark": Held(_S, "assessor's grade", Kept.SOURCE),
    "exports.ExportItem.message": Held(_S, "what Ladok said of it, national ids hidden", Kept.SOURCE),
    "exports.ExportItem.before_mark": Held(_S, _TOLD, Kept.SOURCE),
    "exports.ExportItem.settled_by": Held(_U, "who has said what Ladok has", Kept.FLOW),
    "exports.ExportAttempt.answer": Held(_S, "Ladok's answer", Kept.ANSWER, True),
    "exports.ExportAttempt.order": Held(_S, "whose grades were asked to be sent", Kept.SOURCE),
    "exports.ExportAttempt.message": Held(_S, _TOLD, Kept.SOURCE),
    "exports.ExportAttempt.managers": Held(_W, "identifier of who sends, for Ladok", Kept.FLOW),
    "exports.ExportAttempt.requested_by": Held(_U, "who has sent", Kept.FLOW),
    "exports.Finding.message": Held(_S, _TOLD, Kept.SOURCE),
    "exports.Finding.reason": Held(_S, "what a manager has written", Kept.SOURCE),
    "exports.Finding.handled_by": Held(_U, "who has dealt with it", Kept.FLOW),
    "exports.Package.requested_by": Held(_U, "who has asked for an archive package", Kept.FLOW),
    "exports.PackagePerson.participant": Held(_S, "who is in an archive package", Kept.ARCHIVE),
    "exports.PackagePerson.folder": Held(
        _S, "identifier, as a folder's name; in the package itself the papers", Kept.ARCHIVE
    ),
    "exports.PackageFile.path": Held(_S, "whose file it is, and what it was called", Kept.ARCHIVE),
    "exports.DigestReader.user": Held(_U, "who gets e-mail", Kept.MEMBER),
    "exports.DigestEntry.user": Held(_U, "who has been told of what", Kept.RUN),
    "sources.SyncRun.would_go": Held(_S, "who would have gone, by row", Kept.RUN),
    "sources.SyncRun.message": Held(_S, _TOLD, Kept.RUN),
    "sources.SyncRun.changes": Held(_S, "who was added, changed or taken away", Kept.RUN),
    "sources.SyncRun.problems": Held(_S, _TOLD, Kept.RUN),
    "sources.SyncRun.requested_by": Held(_U, "who has asked for it", Kept.RUN),
    "sources.WebhookEvent.payload": Held(_S, "what WISEflow has sent", Kept.CALL, True),
    "sources.WebhookEvent.outcome": Held(_S, _TOLD, Kept.CALL),
    "sources.LogEntry.action": Held(_S, "what was done, in WISEflow's word", Kept.WISEFLOW_LOG),
    "sources.LogEntry.context": Held(_S, "as what it was done", Kept.WISEFLOW_LOG),
    "sources.LogEntry.detail": Held(_S, "what else WISEflow has logged of it, names left out", Kept.WISEFLOW_LOG, True),
    "sources.AccessEntry.user": Held(_U, "who has looked", Kept.ACCESS),
    "sources.AccessEntry.participant": Held(_S, "at whom, by row", Kept.ACCESS),
    "sources.AccessEntry.address": Held(_U, "from where", Kept.ACCESS),
    "sources.AuditEntry.actor": Held(_U, "who has done it", Kept.LOG),
    "sources.AuditEntry.address": Held(_U, "from where", Kept.LOG),
    "sources.AuditEntry.message": Held(_S, "what was done, and to whom by row; a manager's own words", Kept.LOG),
    "sources.Flow.asked": Held(_S, _TOLD, Kept.SOURCE),
    "sources.Flow.warnings": Held(_S, _TOLD, Kept.SOURCE),
    "sources.Flow.warnings_seen": Held(_S, _TOLD, Kept.SOURCE),
    "sources.Flow.sync_message": Held(_S, _TOLD, Kept.SOURCE),
    "sources.Flow.export_message": Held(_S, _TOLD, Kept.SOURCE),
    "sources.Flow.scale_witnesses": Held(_S, "some grades, of nobody by name", Kept.SOURCE),
    "sources.Flow.staff": Held(_W, "who works with the flow: role, e-mail address, identifier", Kept.FLOW),
    "sources.Flow.created_by": Held(_U, "who has made it", Kept.FLOW),
    "sources.Flow.said_by": Held(_U, "who has said how grades are sent", Kept.FLOW),
    "sources.StaffAccount.organisation_id": Held(_W, _IDENTIFIER, Kept.FLOW),
    "sources.StaffAccount.name": Held(_W, "name", Kept.FLOW),
    "sources.StaffAccount.confirmed_by": Held(_U, "who has looked", Kept.FLOW),
    "sources.FlowBatch.requested_by": Held(_U, "who has asked for it", Kept.RUN),
    "sources.FlowBatch.choices": Held(_W, "who works with the flows", Kept.RUN),
    "sources.BatchExam.staff": Held(_W, "who works with the flow", Kept.RUN),
    "sources.BatchExam.message": Held(_W, "what is told of those who work with it", Kept.RUN),
    "sources.FlowPreset.staff": Held(_W, "who works with flows made so", Kept.MEMBER),
    "sources.FlowRule.manager": Held(_U, "whose flows they become", Kept.MEMBER),
    "sources.FlowRule.told": Held(_W, "what the rule asks", Kept.MEMBER),
    "sources.Membership.user": Held(_U, "who is a member", Kept.MEMBER),
    "sources.Membership.organisation_id": Held(_U, _IDENTIFIER, Kept.MEMBER),
    "sources.Invitation.invited_by": Held(_U, "who has invited", Kept.MEMBER),
    "sources.FederatedIdentity.user": Held(_U, "who signs in at a university", Kept.MEMBER),
    "sources.FederatedIdentity.subject": Held(_U, "identifier there", Kept.MEMBER),
    "sources.FederatedIdentity.principal_name": Held(_U, "eduPersonPrincipalName", Kept.MEMBER),
    "sources.FederatedIdentity.local_id": Held(_U, "norEduPersonLIN", Kept.MEMBER),
    "sources.FederatedIdentity.assurance": Held(_U, "how sure the university is of them", Kept.MEMBER),
    "sources.SecondFactor.user": Held(_U, "whose second factor", Kept.MEMBER),
    "sources.SecondFactor.name": Held(_U, "what they call it", Kept.MEMBER),
    "sources.SecondFactor.secret": Held(_U, "secret of an app with codes", Kept.MEMBER, True),
    "sources.SecondFactor.credential_id": Held(_U, "security key", Kept.MEMBER),
    "sources.SecondFactor.public_key": Held(_U, "its public key", Kept.MEMBER),
    "sources.RecoveryCode.user": Held(_U, "whose recovery codes", Kept.MEMBER),
    "sources.RecoveryCode.digest": Held(_U, "digest of a code", Kept.MEMBER),
    "sources.Preference.user": Held(_U, "whose settings", Kept.MEMBER),
    "sources.Preference.lists": Held(_U, "how lists are opened", Kept.MEMBER),
    "auth.User.username": Held(_U, "user name", Kept.MEMBER),
    "auth.User.first_name": Held(_U, "first name", Kept.MEMBER),
    "auth.User.last_name": Held(_U, "last name", Kept.MEMBER),
    "auth.User.email": Held(_U, "e-mail address", Kept.MEMBER),
    "auth.User.password": Held(_U, "hash of the password", Kept.MEMBER),
    "admin.LogEntry.user": Held(_U, "who has changed a setting", Kept.LOG),
    "admin.LogEntry.object_repr": Held(_U, "which one", Kept.LOG),
    "admin.LogEntry.change_message": Held(_U, "which fields", Kept.LOG),
    "sessions.Session.session_data": Held(_U, "who is signed in, signed", Kept.SESSION),
    "axes.AccessAttempt.username": Held(_U, "name that was tried", Kept.SIGN_IN),
    "axes.AccessAttempt.ip_address": Held(_U, "from where", Kept.SIGN_IN),
    "axes.AccessAttempt.user_agent": Held(_U, "with which browser", Kept.SIGN_IN),
    "axes.AccessLog.username": Held(_U, "who has signed in", Kept.SIGN_IN),
    "axes.AccessLog.ip_address": Held(_U, "from where", Kept.SIGN_IN),
    "axes.AccessLog.user_agent": Held(_U, "with which browser", Kept.SIGN_IN),
    "axes.AccessLog.session_hash": Held(_U, "of which session", Kept.SIGN_IN),
    "axes.AccessFailureLog.username": Held(_U, "name that was tried", Kept.SIGN_IN),
    "axes.AccessFailureLog.ip_address": Held(_U, "from where", Kept.SIGN_IN),
    "axes.AccessFailureLog.user_agent": Held(_U, "with which browser", Kept.SIGN_IN),
}

# Columns of text that hold nothing of a person: settings, codes, states and keys; table -> columns, or "*" for all of it.
NOT_OF_PEOPLE: Mapping[str, str] = {
    "sources.Source": "*",
    "sources.Credential": "label client_id secret former_host tested_address test_told",
    "sources.Flow": (
        "title subtitle flow_type wiseflow_settings setup_step setup_mark setup_message adoption_seen former_host grading_scale grades "
        "scale_definition scale_choices followed unfollowed settled_basis scale_message said_of papers_message"
    ),
    "sources.FlowSource": "*",
    "sources.AccessEntry": "key",
    "sources.BatchExam": "code",
    "sources.ExamReading": "*",
    "sources.ComingExam": "*",
    "sources.FlowPreset": "name flow_type wiseflow_settings",
    "sources.RoomTurn": "*",
    "sources.LogEntry": "key",
    "sources.LogReading": "*",
    "sources.LogGap": "*",
    "sources.FlowRule": "name courses words",
    "sources.RuleExam": "*",
    "sources.Invitation": "digest",
    "sources.FederatedIdentity": "issuer",
    "sources.SeenAssertion": "*",
    "sources.SignInScope": "*",
    "sources.MembershipRule": "*",
    "sources.Webhook": "*",
    "sources.WebhookEvent": "call_id event",
    "exports.ExportAttempt": "method url idempotency_key body_sha256",
    "exports.Package": "message place manifest_sha256",
    "exports.PackageFile": "kind sha256 missing",
    "exports.Heartbeat": "*",
    "exports.Tally": "*",
    "exports.FlowSummary": "*",
    "exports.Figure": "*",
    "exports.QuestionFigure": "*",
    "admin.LogEntry": "object_id",
    "auth.Permission": "*",
    "auth.Group": "*",
    "sessions.Session": "session_key",
    "django_q.Task": "*",
    "django_q.Success": "*",
    "django_q.Failure": "*",
    "django_q.Schedule": "*",
    "django_q.OrmQ": "*",
    "axes.AccessAttempt": "http_accept path_info get_data post_data",
    "axes.AccessLog": "http_accept path_info",
    "axes.AccessFailureLog": "http_accept path_info",
    "contenttypes.ContentType": "*",
}
