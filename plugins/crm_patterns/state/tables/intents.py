"""Changes noted before they are written outside, and the plans they came from."""

from __future__ import annotations

from sqlalchemy import Index, Table

from crm_patterns.state.tables.columns import key, metadata, number, text, time

intents = Table(
    "crm_intents",
    metadata,
    key("change_id"),
    text("system"),
    text("object_name"),
    text("record_key"),
    text("action"),
    text("dag_id"),
    text("run_id"),
    time("written_at"),
    number("tries", nullable=False),
    time("settled_at", nullable=True),
    text("fate"),
    text("record_id"),
    text("reason"),
    text("rule"),
    text("field_name"),
    text("allowed"),
    comment="Changes noted before they are written outside, and what became of them; open ones may have been written.",
)
Index("crm_intents_run", intents.c.dag_id, intents.c.run_id)

plans = Table(
    "crm_plans",
    metadata,
    key("dag_id"),
    key("run_id"),
    key("name"),
    text("plan"),
    comment="Where the change sets are that each run applied.",
)
