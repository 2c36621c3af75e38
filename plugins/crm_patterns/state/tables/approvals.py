"""What people have approved."""

from __future__ import annotations

from sqlalchemy import Table

from crm_patterns.state.tables.columns import key, metadata, number, text, time

approvals = Table(
    "crm_approvals",
    metadata,
    key("dag_id"),
    key("run_id"),
    key("object_name"),
    key("step"),
    number("rows_approved", nullable=False),
    text("approved_by"),
    time("approved_at"),
    comment="What people have approved and is not done yet, with how many rows may go.",
)
