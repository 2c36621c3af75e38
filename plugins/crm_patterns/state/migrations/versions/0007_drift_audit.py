"""Cycles and shares of the drift audit, its findings, and values that changed without a stamp."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _time(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _filled(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), server_default="", nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "crm_audit_cycles",
        *_texts("source", "object_name"),
        _time("started_at"),
        *_filled("boundaries"),
        sa.Column("proven", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "object_name"),
        comment="The passage of the drift audit over each object's keys, and how many slices of it are done.",
    )
    op.create_table(
        "crm_audit_shares",
        *_texts("dag_id", "run_id", "source", "object_name"),
        _time("cycle_started_at"),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        *_filled("first_key", "end_key"),
        _time("cutoff"),
        sa.PrimaryKeyConstraint("dag_id", "run_id", "source", "object_name"),
        comment="The share of each object that each run audits, fixed by the first proposal.",
    )
    op.create_table(
        "crm_drift_findings",
        *_texts("dag_id", "run_id", "object_name", "record_key", "column_name"),
        *_filled("kind", "bucket"),
        *_texts("warehouse_value", "source_value", nullable=True),
        *_filled("settlement"),
        _time("found_at"),
        _time("settled_at", nullable=True),
        sa.PrimaryKeyConstraint("dag_id", "run_id", "object_name", "record_key", "column_name"),
        comment="Values that differ between source and warehouse, and what became of them.",
    )
    op.create_table(
        "crm_silent_changes",
        *_texts("dag_id", "run_id", "object_name", "column_name"),
        *_filled("field_name"),
        sa.Column("changed_rows", sa.BigInteger(), nullable=False),
        _time("found_at"),
        sa.PrimaryKeyConstraint("dag_id", "run_id", "object_name", "column_name"),
        comment="Columns whose values changed in a run although the stamps of their records did not.",
    )
