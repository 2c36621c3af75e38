"""The fields of the objects: what is known of them, what a run will leave as known, and what changed."""

from __future__ import annotations

from sqlalchemy import Index, Table

from crm_patterns.state.tables.columns import key, metadata, number, text, time

known_schemas = Table(
    "crm_known_schemas",
    metadata,
    key("source"),
    key("object_name"),
    number("version", nullable=False),
    text("document"),
    text("learned_by_dag_id"),
    text("learned_by_run_id"),
    time("learned_at"),
    comment="The fields of each object and their columns, as the last proven run left them.",
)

schema_plans = Table(
    "crm_schema_plans",
    metadata,
    key("dag_id"),
    key("run_id"),
    key("source"),
    key("object_name"),
    text("document"),
    comment="What each run will leave as known of an object's fields once it is proven.",
)

schema_changes = Table(
    "crm_schema_changes",
    metadata,
    key("source"),
    key("object_name"),
    key("change_id"),
    text("dag_id"),
    text("run_id"),
    text("kind"),
    text("severity"),
    text("field_name"),
    text("column_name"),
    text("before_value"),
    text("after_value"),
    text("action"),
    text("sentence"),
    time("found_at"),
    time("announced_at", nullable=True),
    comment="Differences between what was known of an object's fields and what its source said, each once.",
)
Index("crm_schema_changes_run", schema_changes.c.dag_id, schema_changes.c.run_id)
