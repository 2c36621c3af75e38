"""
The tables of the operational state, all named `crm_…` so that they can live beside others in one database.

Every claim is a primary key: whoever inserts first has it. Times are UTC. What a table holds is said by its comment.
"""

from crm_patterns.state.tables.approvals import approvals
from crm_patterns.state.tables.columns import TALLY_COLUMNS, metadata
from crm_patterns.state.tables.consent import consent
from crm_patterns.state.tables.drift import audit_cycles, audit_shares, drift_findings, silent_changes
from crm_patterns.state.tables.inbox import inbox, inbox_refusals
from crm_patterns.state.tables.incidents import incidents
from crm_patterns.state.tables.intents import intents, plans
from crm_patterns.state.tables.ledger import allowances, calls, mart_builds, outcomes, runs, step_outcomes
from crm_patterns.state.tables.links import LINK_COLUMNS, agreements, link_moves, links
from crm_patterns.state.tables.progress import (
    attempt_tables,
    deletion_marks,
    publish_plans,
    source_jobs,
    watermarks,
    window_claims,
)
from crm_patterns.state.tables.quarantine import quarantine
from crm_patterns.state.tables.reviews import reviews
from crm_patterns.state.tables.schemas import known_schemas, schema_changes, schema_plans

__all__ = [
    "LINK_COLUMNS",
    "TALLY_COLUMNS",
    "agreements",
    "allowances",
    "approvals",
    "attempt_tables",
    "audit_cycles",
    "audit_shares",
    "calls",
    "consent",
    "deletion_marks",
    "drift_findings",
    "inbox",
    "inbox_refusals",
    "incidents",
    "intents",
    "known_schemas",
    "link_moves",
    "links",
    "mart_builds",
    "metadata",
    "outcomes",
    "plans",
    "publish_plans",
    "quarantine",
    "reviews",
    "runs",
    "schema_changes",
    "schema_plans",
    "silent_changes",
    "source_jobs",
    "step_outcomes",
    "watermarks",
    "window_claims",
]
