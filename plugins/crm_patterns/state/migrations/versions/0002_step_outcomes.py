"""Outcomes of single steps, for the DAGs whose steps are independent of one another."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TALLY = ("read", "created", "updated", "deleted", "unchanged", "rejected", "deferred")


def upgrade() -> None:
    op.create_table(
        "crm_step_outcomes",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("dag_id", "run_id", "object_name", "step")),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in TALLY),
        *(sa.Column(name, sa.Text(), server_default="", nullable=False) for name in ("note", "problem", "fix")),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("dag_id", "run_id", "object_name", "step"),
        comment="What each step did for each object, in the DAGs whose steps are independent of one another.",
    )
