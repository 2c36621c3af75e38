"""Records set aside."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text

from crm_patterns.state.tables.columns import key, metadata, text, time

quarantine = Table(
    "crm_quarantine",
    metadata,
    key("dag_id"),
    key("run_id"),
    key("source"),
    key("object_name"),
    key("record_key"),
    key("rule"),
    key("field_name"),
    text("rejection"),
    text("reason"),
    text("payload"),
    text("stage_uri"),
    time("quarantined_at"),
    time("released_at", nullable=True),
    Column("released_by_dag_id", Text, nullable=True),
    Column("released_by_run_id", Text, nullable=True),
    comment="Records set aside, once per run and broken rule, with the reason.",
)
Index("crm_quarantine_record", quarantine.c.source, quarantine.c.object_name, quarantine.c.record_key)
Index("crm_quarantine_released_by", quarantine.c.released_by_dag_id, quarantine.c.released_by_run_id)
