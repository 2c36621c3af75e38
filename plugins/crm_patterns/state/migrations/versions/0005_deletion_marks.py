"""Marks on the source's log of deletions."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "crm_deletion_marks",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("covered_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gap", sa.Text(), server_default="", nullable=False),
        sa.Column("moved_by_dag_id", sa.Text(), server_default="", nullable=False),
        sa.Column("moved_by_run_id", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("source", "object_name"),
        comment="Up to where the source's log of deletions is followed, and when ids were last compared.",
    )
