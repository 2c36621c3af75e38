"""The first tables: progress, ledger, quarantine, calls, incidents."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "crm_attempt_tables",
        sa.Column("table_schema", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("dag_id", sa.Text(), server_default="", nullable=False),
        sa.Column("run_id", sa.Text(), server_default="", nullable=False),
        sa.Column("object_name", sa.Text(), server_default="", nullable=False),
        sa.Column("remembered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("table_schema", "table_name"),
        comment="Warehouse tables of single attempts that are not dropped yet.",
    )
    op.create_table(
        "crm_calls",
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("calls_made", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.Column("allowed", sa.BigInteger(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dag_id", "run_id", "source", "object_name", "step"),
        comment="Calls made at a source, added up over all tries of a step.",
    )
    op.create_table(
        "crm_incidents",
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("dag_id", "run_id"),
        comment="Failed runs that were announced, until a later run is green.",
    )
    op.create_index("crm_incidents_open", "crm_incidents", ["dag_id", "closed_at"])

    op.create_table(
        "crm_outcomes",
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("read", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.BigInteger(), nullable=False),
        sa.Column("unchanged", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("deferred", sa.BigInteger(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("window_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("window_kind", sa.Text(), nullable=True),
        sa.Column("source_count", sa.BigInteger(), nullable=True),
        sa.Column("server_rows", sa.BigInteger(), nullable=True),
        sa.Column("staged_rows", sa.BigInteger(), nullable=True),
        sa.Column("published_rows", sa.BigInteger(), nullable=True),
        sa.Column("method", sa.Text(), server_default="", nullable=False),
        sa.Column("method_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.Column("fix", sa.Text(), server_default="", nullable=False),
        sa.Column("failed_step", sa.Text(), server_default="", nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("dag_id", "run_id", "object_name"),
        comment="What became of each object in each run.",
    )
    op.create_table(
        "crm_publish_plans",
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("read", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.BigInteger(), nullable=False),
        sa.Column("unchanged", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("deferred", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("dag_id", "run_id", "object_name", "attempt_id"),
        comment="What each attempt foresaw before its first MERGE.",
    )
    op.create_table(
        "crm_quarantine",
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("record_key", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("field_name", sa.Text(), nullable=False),
        sa.Column("rejection", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("payload", sa.Text(), server_default="", nullable=False),
        sa.Column("stage_uri", sa.Text(), server_default="", nullable=False),
        sa.Column("quarantined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by_dag_id", sa.Text(), nullable=True),
        sa.Column("released_by_run_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("dag_id", "run_id", "source", "object_name", "record_key", "rule", "field_name"),
        comment="Records set aside, once per run and broken rule, with the reason.",
    )
    op.create_index("crm_quarantine_record", "crm_quarantine", ["source", "object_name", "record_key"])
    op.create_index("crm_quarantine_released_by", "crm_quarantine", ["released_by_dag_id", "released_by_run_id"])

    op.create_table(
        "crm_runs",
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("run_type", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("dag_id", "run_id"),
        comment="The ledger of runs.",
    )
    op.create_table(
        "crm_source_jobs",
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), server_default="", nullable=False),
        sa.Column("request", sa.Text(), server_default="", nullable=False),
        sa.Column("contract", sa.Text(), server_default="", nullable=False),
        sa.Column("source_count", sa.BigInteger(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dag_id", "run_id", "source", "object_name"),
        comment="Jobs that run at a source, with what is needed to go on reading them after a kill.",
    )
    op.create_table(
        "crm_watermarks",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("watermark", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_by_dag_id", sa.Text(), server_default="", nullable=False),
        sa.Column("moved_by_run_id", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("source", "object_name"),
        comment="Up to where each object is loaded and proven.",
    )
    op.create_table(
        "crm_window_claims",
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("window_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_kind", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("dag_id", "run_id", "source", "object_name"),
        comment="The window each run reads of each object, fixed by the first proposal.",
    )
