"""Where the rows of a planned publish are staged, so that a later try can finish it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("crm_publish_plans", sa.Column("stage_ref", sa.Text(), server_default="", nullable=False))
