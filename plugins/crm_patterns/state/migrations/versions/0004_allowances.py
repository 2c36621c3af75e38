"""What a source still grants, noted once per run."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

GRANTS = ("calls", "jobs", "job_mb")


def upgrade() -> None:
    op.create_table(
        "crm_allowances",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("dag_id", "run_id", "source")),
        *(sa.Column(f"{name}_{what}", sa.BigInteger()) for name in GRANTS for what in ("left", "allowed")),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dag_id", "run_id", "source"),
        comment="What a source still granted when a run asked it.",
    )
