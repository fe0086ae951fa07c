from sources.models.audit import AuditEntry
from sources.models.flow import Flow, FlowSource, Participant
from sources.models.preset import FlowPreset
from sources.models.run import SyncRun
from sources.models.source import Credential, Membership, Source
from sources.models.summary import NightSummary
from sources.models.webhook import Webhook, WebhookEvent

__all__ = [
    "AuditEntry",
    "Credential",
    "Flow",
    "FlowPreset",
    "FlowSource",
    "Membership",
    "NightSummary",
    "Participant",
    "Source",
    "SyncRun",
    "Webhook",
    "WebhookEvent",
]
