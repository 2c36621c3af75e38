"""The inbox of events, and the counts of what was refused at its door."""

from __future__ import annotations

from sqlalchemy import Index, Table

from crm_patterns.state.tables.columns import key, metadata, number, text, time

inbox = Table(
    "crm_inbox",
    metadata,
    key("event_id"),
    text("system"),
    text("object_name"),
    text("record_id"),
    text("kind"),
    time("occurred_at", nullable=True),
    time("received_at"),
    time("announced_at", nullable=True),
    number("announcements", nullable=False),
    text("dag_id"),
    text("run_id"),
    time("claimed_at", nullable=True),
    time("settled_at", nullable=True),
    comment="Events that other systems sent, once each: when they came, were announced, and which run took them.",
)
Index("crm_inbox_open", inbox.c.system, inbox.c.settled_at)
Index("crm_inbox_run", inbox.c.dag_id, inbox.c.run_id)

inbox_refusals = Table(
    "crm_inbox_refusals",
    metadata,
    key("day"),
    key("endpoint"),
    key("reason"),
    number("refused", nullable=False),
    time("last_at"),
    comment="How often an endpoint refused or left aside something, by reason and UTC day.",
)
