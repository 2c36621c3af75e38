"""The drift audit's passage over each object, and what differed."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text

from crm_patterns.state.tables.columns import key, metadata, number, text, time

audit_cycles = Table(
    "crm_audit_cycles",
    metadata,
    key("source"),
    key("object_name"),
    time("started_at"),
    text("boundaries"),
    number("proven", nullable=False),
    comment="The passage of the drift audit over each object's keys, and how many slices of it are done.",
)

audit_shares = Table(
    "crm_audit_shares",
    metadata,
    key("dag_id"),
    key("run_id"),
    key("source"),
    key("object_name"),
    time("cycle_started_at"),
    number("first", nullable=False),
    number("end", nullable=False),
    text("first_key"),
    text("end_key"),
    time("cutoff"),
    comment="The share of each object that each run audits, fixed by the first proposal.",
)

drift_findings = Table(
    "crm_drift_findings",
    metadata,
    key("dag_id"),
    key("run_id"),
    key("object_name"),
    key("record_key"),
    key("column_name"),
    text("kind"),
    text("bucket"),
    Column("warehouse_value", Text, nullable=True),
    Column("source_value", Text, nullable=True),
    text("settlement"),
    time("found_at"),
    time("settled_at", nullable=True),
    comment="Values that differ between source and warehouse, and what became of them.",
)

silent_changes = Table(
    "crm_silent_changes",
    metadata,
    key("dag_id"),
    key("run_id"),
    key("object_name"),
    key("column_name"),
    text("field_name"),
    number("changed_rows", nullable=False),
    time("found_at"),
    comment="Columns whose values changed in a run although the stamps of their records did not.",
)
