"""How far each object is, and what a run needs to go on after a kill."""

from __future__ import annotations

from sqlalchemy import Table

from crm_patterns.state.tables.columns import TALLY_COLUMNS, key, metadata, number, text, time

watermarks = Table(
    "crm_watermarks",
    metadata,
    key("source"),
    key("object_name"),
    time("watermark"),
    text("moved_by_dag_id"),
    text("moved_by_run_id"),
    comment="Up to where each object is loaded and proven.",
)

window_claims = Table(
    "crm_window_claims",
    metadata,
    key("dag_id"),
    key("run_id"),
    key("source"),
    key("object_name"),
    time("window_start", nullable=True),
    time("window_end"),
    text("window_kind"),
    comment="The window each run reads of each object, fixed by the first proposal.",
)

source_jobs = Table(
    "crm_source_jobs",
    metadata,
    key("dag_id"),
    key("run_id"),
    key("source"),
    key("object_name"),
    text("job_id"),
    text("request"),
    text("contract"),
    number("source_count", nullable=False),
    time("submitted_at"),
    comment="Jobs that run at a source, with what is needed to go on reading them after a kill.",
)

attempt_tables = Table(
    "crm_attempt_tables",
    metadata,
    key("table_schema"),
    key("table_name"),
    text("dag_id"),
    text("run_id"),
    text("object_name"),
    time("remembered_at"),
    comment="Warehouse tables of single attempts that are not dropped yet.",
)

publish_plans = Table(
    "crm_publish_plans",
    metadata,
    key("dag_id"),
    key("run_id"),
    key("object_name"),
    key("attempt_id"),
    *(number(name, nullable=False) for name in TALLY_COLUMNS),
    text("stage_ref"),
    comment="What each attempt foresaw before its first MERGE.",
)

deletion_marks = Table(
    "crm_deletion_marks",
    metadata,
    key("source"),
    key("object_name"),
    time("covered_until", nullable=True),
    time("compared_at", nullable=True),
    text("gap"),
    text("moved_by_dag_id"),
    text("moved_by_run_id"),
    comment="Up to where the source's log of deletions is followed, and when ids were last compared.",
)
