"""Known schemas of objects, what runs plan to leave as known, and the changes that were found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "crm_known_schemas",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), server_default="", nullable=False),
        sa.Column("learned_by_dag_id", sa.Text(), server_default="", nullable=False),
        sa.Column("learned_by_run_id", sa.Text(), server_default="", nullable=False),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "object_name"),
        comment="The fields of each object and their columns, as the last proven run left them.",
    )
    op.create_table(
        "crm_schema_plans",
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("dag_id", "run_id", "source", "object_name"),
        comment="What each run will leave as known of an object's fields once it is proven.",
    )
    op.create_table(
        "crm_schema_changes",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("change_id", sa.Text(), nullable=False),
        sa.Column("dag_id", sa.Text(), server_default="", nullable=False),
        sa.Column("run_id", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("severity", sa.Text(), server_default="", nullable=False),
        sa.Column("field_name", sa.Text(), server_default="", nullable=False),
        sa.Column("column_name", sa.Text(), server_default="", nullable=False),
        sa.Column("before_value", sa.Text(), server_default="", nullable=False),
        sa.Column("after_value", sa.Text(), server_default="", nullable=False),
        sa.Column("action", sa.Text(), server_default="", nullable=False),
        sa.Column("sentence", sa.Text(), server_default="", nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("source", "object_name", "change_id"),
        comment="Differences between what was known of an object's fields and what its source said, each once.",
    )
    op.create_index("crm_schema_changes_run", "crm_schema_changes", ["dag_id", "run_id"])
