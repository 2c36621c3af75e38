"""Failures that people were told of."""

from __future__ import annotations

from sqlalchemy import Index, Table

from crm_patterns.state.tables.columns import key, metadata, text, time

incidents = Table(
    "crm_incidents",
    metadata,
    key("dag_id"),
    key("run_id"),
    text("problem"),
    time("opened_at"),
    time("closed_at", nullable=True),
    comment="Failed runs that were announced, until a later run is green.",
)
Index("crm_incidents_open", incidents.c.dag_id, incidents.c.closed_at)
