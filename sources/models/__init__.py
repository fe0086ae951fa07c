from sources.models.access import AccessEntry
from sources.models.account import StaffAccount
from sources.models.audit import AuditEntry
from sources.models.batch import BatchExam, FlowBatch
from sources.models.coming import ComingExam, ExamReading
from sources.models.flow import NAMELESS, AllocationLine, Flow, FlowSource, Participant
from sources.models.identity import (
    FederatedIdentity,
    GivenMembership,
    Invitation,
    MembershipRule,
    RecoveryCode,
    SecondFactor,
    SeenAssertion,
    SignInScope,
)
from sources.models.log import LogEntry, LogGap, LogReading
from sources.models.paper import Paper
from sources.models.preference import Preference
from sources.models.preset import FlowPreset
from sources.models.registration import IdentityAnswer, Registration
from sources.models.room import RoomTurn
from sources.models.rule import FlowRule, RuleExam
from sources.models.run import SyncRun
from sources.models.source import Credential, Membership, Source
from sources.models.webhook import Webhook, WebhookEvent

__all__ = [
    "NAMELESS",
    "AccessEntry",
    "AllocationLine",
    "AuditEntry",
    "BatchExam",
    "ComingExam",
    "Credential",
    "ExamReading",
    "FederatedIdentity",
    "Flow",
    "FlowBatch",
    "FlowPreset",
    "FlowRule",
    "FlowSource",
    "GivenMembership",
    "IdentityAnswer",
    "Invitation",
    "LogEntry",
    "LogGap",
    "LogReading",
    "Membership",
    "MembershipRule",
    "Paper",
    "Participant",
    "Preference",
    "RecoveryCode",
    "Registration",
    "RoomTurn",
    "RuleExam",
    "SecondFactor",
    "SeenAssertion",
    "SignInScope",
    "Source",
    "StaffAccount",
    "SyncRun",
    "Webhook",
    "WebhookEvent",
]
