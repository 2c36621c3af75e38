"""What became of the runs, of each object, step and mart in them, and what they cost."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text

from crm_patterns.state.tables.columns import TALLY_COLUMNS, key, metadata, number, text, time

runs = Table(
    "crm_runs",
    metadata,
    key("dag_id"),
    key("run_id"),
    text("source"),
    text("run_type"),
    text("state"),
    time("started_at"),
    time("finished_at", nullable=True),
    comment="The ledger of runs.",
)

outcomes = Table(
    "crm_outcomes",
    metadata,
    key("dag_id"),
    key("run_id"),
    key("object_name"),
    text("state"),
    *(number(name, nullable=False) for name in TALLY_COLUMNS),
    time("window_start", nullable=True),
    time("window_end", nullable=True),
    Column("window_kind", Text, nullable=True),
    number("source_count"),
    number("server_rows"),
    number("staged_rows"),
    number("published_rows"),
    text("method"),
    text("method_reason"),
    text("problem"),
    text("fix"),
    text("failed_step"),
    number("calls", nullable=False),
    time("started_at", nullable=True),
    time("finished_at", nullable=True),
    comment="What became of each object in each run.",
)

step_outcomes = Table(
    "crm_step_outcomes",
    metadata,
    key("dag_id"),
    key("run_id"),
    key("object_name"),
    key("step"),
    text("state"),
    *(number(name, nullable=False) for name in TALLY_COLUMNS),
    text("note"),
    text("problem"),
    text("fix"),
    number("calls", nullable=False),
    time("finished_at", nullable=True),
    comment="What each step did for each object, in the DAGs whose steps are independent of one another.",
)

mart_builds = Table(
    "crm_mart_builds",
    metadata,
    key("dag_id"),
    key("run_id"),
    key("mart"),
    text("state"),
    text("reason"),
    number("row_count"),
    text("versions"),
    text("docs_url"),
    time("started_at", nullable=True),
    time("finished_at", nullable=True),
    comment="What became of each mart in each run, and which inputs it was made from.",
)
Index("crm_mart_builds_newest", mart_builds.c.mart, mart_builds.c.state, mart_builds.c.finished_at)

calls = Table(
    "crm_calls",
    metadata,
    key("dag_id"),
    key("run_id"),
    key("source"),
    key("object_name"),
    key("step"),
    number("calls_made", nullable=False),
    number("used"),
    number("allowed"),
    time("reported_at"),
    comment="Calls made at a source, added up over all tries of a step.",
)

allowances = Table(
    "crm_allowances",
    metadata,
    key("dag_id"),
    key("run_id"),
    key("source"),
    *(number(f"{name}_{what}") for name in ("calls", "jobs", "job_mb") for what in ("left", "allowed")),
    time("read_at"),
    comment="What a source still granted when a run asked it.",
)
