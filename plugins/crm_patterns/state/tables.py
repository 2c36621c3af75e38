"""
The tables of the operational state, all named `crm_…` so that they can live beside others in one database.

Every claim is a primary key: whoever inserts first has it. Times are UTC. What a table holds is said by its comment.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import BigInteger, Column, DateTime, Index, MetaData, Table, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """Takes and gives aware times; kept as UTC. A naive time is a mistake of the caller: ValueError."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"The time {value.isoformat()} carries no time zone.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, default="", server_default="")


def _number(name: str, *, nullable: bool = True) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, UtcDateTime, nullable=nullable)


TALLY_COLUMNS = ("read", "created", "updated", "deleted", "unchanged", "rejected", "deferred")

watermarks = Table(
    "crm_watermarks",
    metadata,
    _key("source"),
    _key("object_name"),
    _time("watermark"),
    _text("moved_by_dag_id"),
    _text("moved_by_run_id"),
    comment="Up to where each object is loaded and proven.",
)

window_claims = Table(
    "crm_window_claims",
    metadata,
    _key("dag_id"),
    _key("run_id"),
    _key("source"),
    _key("object_name"),
    _time("window_start", nullable=True),
    _time("window_end"),
    _text("window_kind"),
    comment="The window each run reads of each object, fixed by the first proposal.",
)

source_jobs = Table(
    "crm_source_jobs",
    metadata,
    _key("dag_id"),
    _key("run_id"),
    _key("source"),
    _key("object_name"),
    _text("job_id"),
    _text("request"),
    _text("contract"),
    _number("source_count", nullable=False),
    _time("submitted_at"),
    comment="Jobs that run at a source, with what is needed to go on reading them after a kill.",
)

attempt_tables = Table(
    "crm_attempt_tables",
    metadata,
    _key("table_schema"),
    _key("table_name"),
    _text("dag_id"),
    _text("run_id"),
    _text("object_name"),
    _time("remembered_at"),
    comment="Warehouse tables of single attempts that are not dropped yet.",
)

publish_plans = Table(
    "crm_publish_plans",
    metadata,
    _key("dag_id"),
    _key("run_id"),
    _key("object_name"),
    _key("attempt_id"),
    *(_number(name, nullable=False) for name in TALLY_COLUMNS),
    comment="What each attempt foresaw before its first MERGE.",
)

deletion_marks = Table(
    "crm_deletion_marks",
    metadata,
    _key("source"),
    _key("object_name"),
    _time("covered_until", nullable=True),
    _time("compared_at", nullable=True),
    _text("gap"),
    _text("moved_by_dag_id"),
    _text("moved_by_run_id"),
    comment="Up to where the source's log of deletions is followed, and when ids were last compared.",
)

runs = Table(
    "crm_runs",
    metadata,
    _key("dag_id"),
    _key("run_id"),
    _text("source"),
    _text("run_type"),
    _text("state"),
    _time("started_at"),
    _time("finished_at", nullable=True),
    comment="The ledger of runs.",
)

outcomes = Table(
    "crm_outcomes",
    metadata,
    _key("dag_id"),
    _key("run_id"),
    _key("object_name"),
    _text("state"),
    *(_number(name, nullable=False) for name in TALLY_COLUMNS),
    _time("window_start", nullable=True),
    _time("window_end", nullable=True),
    Column("window_kind", Text, nullable=True),
    _number("source_count"),
    _number("server_rows"),
    _number("staged_rows"),
    _number("published_rows"),
    _text("method"),
    _text("method_reason"),
    _text("problem"),
    _text("fix"),
    _text("failed_step"),
    _number("calls", nullable=False),
    _time("started_at", nullable=True),
    _time("finished_at", nullable=True),
    comment="What became of each object in each run.",
)

quarantine = Table(
    "crm_quarantine",
    metadata,
    _key("dag_id"),
    _key("run_id"),
    _key("source"),
    _key("object_name"),
    _key("record_key"),
    _key("rule"),
    _key("field_name"),
    _text("rejection"),
    _text("reason"),
    _text("payload"),
    _text("stage_uri"),
    _time("quarantined_at"),
    _time("released_at", nullable=True),
    Column("released_by_dag_id", Text, nullable=True),
    Column("released_by_run_id", Text, nullable=True),
    comment="Records set aside, once per run and broken rule, with the reason.",
)
Index("crm_quarantine_record", quarantine.c.source, quarantine.c.object_name, quarantine.c.record_key)
Index("crm_quarantine_released_by", quarantine.c.released_by_dag_id, quarantine.c.released_by_run_id)

calls = Table(
    "crm_calls",
    metadata,
    _key("dag_id"),
    _key("run_id"),
    _key("source"),
    _key("object_name"),
    _key("step"),
    _number("calls_made", nullable=False),
    _number("used"),
    _number("allowed"),
    _time("reported_at"),
    comment="Calls made at a source, added up over all tries of a step.",
)

allowances = Table(
    "crm_allowances",
    metadata,
    _key("dag_id"),
    _key("run_id"),
    _key("source"),
    *(_number(f"{name}_{what}") for name in ("calls", "jobs", "job_mb") for what in ("left", "allowed")),
    _time("read_at"),
    comment="What a source still granted when a run asked it.",
)

incidents = Table(
    "crm_incidents",
    metadata,
    _key("dag_id"),
    _key("run_id"),
    _text("problem"),
    _time("opened_at"),
    _time("closed_at", nullable=True),
    comment="Failed runs that were announced, until a later run is green.",
)
Index("crm_incidents_open", incidents.c.dag_id, incidents.c.closed_at)

approvals = Table(
    "crm_approvals",
    metadata,
    _key("dag_id"),
    _key("run_id"),
    _key("object_name"),
    _key("step"),
    _number("rows_approved", nullable=False),
    _text("approved_by"),
    _time("approved_at"),
    comment="What people have approved and is not done yet, with how many rows may go.",
)

step_outcomes = Table(
    "crm_step_outcomes",
    metadata,
    _key("dag_id"),
    _key("run_id"),
    _key("object_name"),
    _key("step"),
    _text("state"),
    *(_number(name, nullable=False) for name in TALLY_COLUMNS),
    _text("note"),
    _text("problem"),
    _text("fix"),
    _number("calls", nullable=False),
    _time("finished_at", nullable=True),
    comment="What each step did for each object, in the DAGs whose steps are independent of one another.",
)

known_schemas = Table(
    "crm_known_schemas",
    metadata,
    _key("source"),
    _key("object_name"),
    _number("version", nullable=False),
    _text("document"),
    _text("learned_by_dag_id"),
    _text("learned_by_run_id"),
    _time("learned_at"),
    comment="The fields of each object and their columns, as the last proven run left them.",
)

schema_plans = Table(
    "crm_schema_plans",
    metadata,
    _key("dag_id"),
    _key("run_id"),
    _key("source"),
    _key("object_name"),
    _text("document"),
    comment="What each run will leave as known of an object's fields once it is proven.",
)

schema_changes = Table(
    "crm_schema_changes",
    metadata,
    _key("source"),
    _key("object_name"),
    _key("change_id"),
    _text("dag_id"),
    _text("run_id"),
    _text("kind"),
    _text("severity"),
    _text("field_name"),
    _text("column_name"),
    _text("before_value"),
    _text("after_value"),
    _text("action"),
    _text("sentence"),
    _time("found_at"),
    _time("announced_at", nullable=True),
    comment="Differences between what was known of an object's fields and what its source said, each once.",
)
Index("crm_schema_changes_run", schema_changes.c.dag_id, schema_changes.c.run_id)

mart_builds = Table(
    "crm_mart_builds",
    metadata,
    _key("dag_id"),
    _key("run_id"),
    _key("mart"),
    _text("state"),
    _text("reason"),
    _number("row_count"),
    _text("versions"),
    _text("docs_url"),
    _time("started_at", nullable=True),
    _time("finished_at", nullable=True),
    comment="What became of each mart in each run, and which inputs it was made from.",
)
Index("crm_mart_builds_newest", mart_builds.c.mart, mart_builds.c.state, mart_builds.c.finished_at)

audit_cycles = Table(
    "crm_audit_cycles",
    metadata,
    _key("source"),
    _key("object_name"),
    _time("started_at"),
    _text("boundaries"),
    _number("proven", nullable=False),
    comment="The passage of the drift audit over each object's keys, and how many slices of it are done.",
)

audit_shares = Table(
    "crm_audit_shares",
    metadata,
    _key("dag_id"),
    _key("run_id"),
    _key("source"),
    _key("object_name"),
    _time("cycle_started_at"),
    _number("first", nullable=False),
    _number("end", nullable=False),
    _text("first_key"),
    _text("end_key"),
    _time("cutoff"),
    comment="The share of each object that each run audits, fixed by the first proposal.",
)

drift_findings = Table(
    "crm_drift_findings",
    metadata,
    _key("dag_id"),
    _key("run_id"),
    _key("object_name"),
    _key("record_key"),
    _key("column_name"),
    _text("kind"),
    _text("bucket"),
    Column("warehouse_value", Text, nullable=True),
    Column("source_value", Text, nullable=True),
    _text("settlement"),
    _time("found_at"),
    _time("settled_at", nullable=True),
    comment="Values that differ between source and warehouse, and what became of them.",
)

silent_changes = Table(
    "crm_silent_changes",
    metadata,
    _key("dag_id"),
    _key("run_id"),
    _key("object_name"),
    _key("column_name"),
    _text("field_name"),
    _number("changed_rows", nullable=False),
    _time("found_at"),
    comment="Columns whose values changed in a run although the stamps of their records did not.",
)

LINK_COLUMNS = ("link_id", "pairing", "left_object", "left_id", "right_object", "right_id")

links = Table(
    "crm_links",
    metadata,
    _key("link_id"),
    *(_text(name) for name in LINK_COLUMNS[1:]),
    _text("dag_id"),
    _text("run_id"),
    _time("linked_at"),
    comment="Records of two systems that belong together, one to one within a pairing.",
)
Index("crm_links_left", links.c.pairing, links.c.left_id, unique=True)
Index("crm_links_right", links.c.pairing, links.c.right_id, unique=True)

link_moves = Table(
    "crm_link_moves",
    metadata,
    _key("link_id"),
    _key("reason"),
    *(_text(name) for name in LINK_COLUMNS[1:]),
    _text("dag_id"),
    _text("run_id"),
    _time("moved_at"),
    comment="Links as they were before they ended or an end of theirs got another id.",
)

agreements = Table(
    "crm_agreements",
    metadata,
    _key("link_id"),
    _key("name"),
    _text("left_print"),
    _text("right_print"),
    _text("dag_id"),
    _text("run_id"),
    _time("agreed_at"),
    comment="What both sides of a link held of each field when they last agreed, as SHA-256 of the value.",
)

intents = Table(
    "crm_intents",
    metadata,
    _key("change_id"),
    _text("system"),
    _text("object_name"),
    _text("record_key"),
    _text("action"),
    _text("dag_id"),
    _text("run_id"),
    _time("written_at"),
    _number("tries", nullable=False),
    _time("settled_at", nullable=True),
    _text("fate"),
    _text("record_id"),
    _text("reason"),
    _text("rule"),
    _text("field_name"),
    _text("allowed"),
    comment="Changes noted before they are written outside, and what became of them; open ones may have been written.",
)
Index("crm_intents_run", intents.c.dag_id, intents.c.run_id)

plans = Table(
    "crm_plans",
    metadata,
    _key("dag_id"),
    _key("run_id"),
    _key("name"),
    _text("plan"),
    comment="Where the change sets are that each run applied.",
)

reviews = Table(
    "crm_reviews",
    metadata,
    _key("review_id"),
    _text("pairing"),
    _text("link_id"),
    _text("field_name"),
    Column("left_value", Text, nullable=True),
    Column("right_value", Text, nullable=True),
    _text("reason"),
    _text("dag_id"),
    _text("run_id"),
    _time("asked_at"),
    _text("choice"),
    _text("chosen_by"),
    _time("chosen_at", nullable=True),
    _time("closed_at", nullable=True),
    comment="Fields that no rule decides, and what a person said.",
)
Index("crm_reviews_open", reviews.c.pairing, reviews.c.closed_at)
