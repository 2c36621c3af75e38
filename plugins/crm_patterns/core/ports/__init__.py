"""
What the steps may ask of the world. Clients, warehouse and state implement these; steps see nothing else of them.

Every method may raise the errors of `crm_patterns.core.errors`, and no others on purpose.
"""

from crm_patterns.core.ports.allowances import AllowanceStore
from crm_patterns.core.ports.approvals import ApprovalStore
from crm_patterns.core.ports.consent import ConsentStore, Lifted, Restriction
from crm_patterns.core.ports.deletions import DeletionProgress, DeletionStore
from crm_patterns.core.ports.drift import DriftStore
from crm_patterns.core.ports.grants import Allowance, Grant
from crm_patterns.core.ports.inbox import InboxEvent, InboxLevel, InboxLimits, InboxStore, RefusalCount
from crm_patterns.core.ports.intents import Intent, IntentStore, Settlement
from crm_patterns.core.ports.links import LinkStore
from crm_patterns.core.ports.marts import MartStore
from crm_patterns.core.ports.responses import CampaignResponse, ResponseSource
from crm_patterns.core.ports.retention import RetentionStore
from crm_patterns.core.ports.reviews import ReviewStore
from crm_patterns.core.ports.runs import (
    ObjectOutcome,
    PlannedPublish,
    RememberedJob,
    RunKey,
    RunSummary,
    Slice,
    StepOutcome,
    combined,
)
from crm_patterns.core.ports.schemas import SchemaStore
from crm_patterns.core.ports.sink import Answer, Sink, WriteAnswer
from crm_patterns.core.ports.source import (
    BulkRefused,
    Deletions,
    JobState,
    JobStatus,
    KeyRange,
    Look,
    LookRequest,
    ReadRequest,
    Source,
    Usage,
)
from crm_patterns.core.ports.stage import Stage, StageWriter
from crm_patterns.core.ports.state import LedgerStore, ProgressStore, QuarantineStore, State
from crm_patterns.core.ports.step_outcomes import StepOutcomeStore
from crm_patterns.core.ports.warehouse import Quality, QualityReport, RowQuality, RuleResult, Table, Warehouse

__all__ = [
    "Allowance",
    "AllowanceStore",
    "Answer",
    "ApprovalStore",
    "BulkRefused",
    "CampaignResponse",
    "ConsentStore",
    "DeletionProgress",
    "DeletionStore",
    "Deletions",
    "DriftStore",
    "Grant",
    "InboxEvent",
    "InboxLevel",
    "InboxLimits",
    "InboxStore",
    "Intent",
    "IntentStore",
    "JobState",
    "JobStatus",
    "KeyRange",
    "LedgerStore",
    "Lifted",
    "LinkStore",
    "Look",
    "LookRequest",
    "MartStore",
    "ObjectOutcome",
    "PlannedPublish",
    "ProgressStore",
    "Quality",
    "QualityReport",
    "QuarantineStore",
    "ReadRequest",
    "RefusalCount",
    "RememberedJob",
    "ResponseSource",
    "Restriction",
    "RetentionStore",
    "ReviewStore",
    "RowQuality",
    "RuleResult",
    "RunKey",
    "RunSummary",
    "SchemaStore",
    "Settlement",
    "Sink",
    "Slice",
    "Source",
    "Stage",
    "StageWriter",
    "State",
    "StepOutcome",
    "StepOutcomeStore",
    "Table",
    "Usage",
    "Warehouse",
    "WriteAnswer",
    "combined",
]
