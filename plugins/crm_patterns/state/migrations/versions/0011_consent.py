"""The ledger of restrictions."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    keys = ("email", "restriction", "system", "record_id", "field_name")
    op.create_table(
        "crm_consent",
        *(sa.Column(name, sa.Text(), nullable=False) for name in keys),
        *(sa.Column(n, sa.Text(), server_default="", nullable=False) for n in ("object_name", "dag_id", "run_id")),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(*keys),
        comment="Which record of which system restricts the contact with a mail address, and when that was first seen.",
    )
    op.create_index("crm_consent_noted", "crm_consent", ["noted_at"])
    op.create_index("crm_consent_record", "crm_consent", ["system", "record_id"])
