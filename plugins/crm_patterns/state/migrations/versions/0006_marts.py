"""What became of the marts, and which inputs they were made from."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "crm_mart_builds",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("dag_id", "run_id", "mart")),
        *(sa.Column(name, sa.Text(), server_default="", nullable=False) for name in ("state", "reason")),
        sa.Column("row_count", sa.BigInteger(), nullable=True),
        *(sa.Column(name, sa.Text(), server_default="", nullable=False) for name in ("versions", "docs_url")),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("dag_id", "run_id", "mart"),
        comment="What became of each mart in each run, and which inputs it was made from.",
    )
    op.create_index("crm_mart_builds_newest", "crm_mart_builds", ["mart", "state", "finished_at"])
