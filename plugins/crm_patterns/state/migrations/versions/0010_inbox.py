"""The inbox of events and the counts of refusals."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _keys(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _filled(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), server_default="", nullable=False) for name in names]


def _time(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "crm_inbox",
        *_keys("event_id"),
        *_filled("system", "object_name", "record_id", "kind"),
        _time("occurred_at", nullable=True),
        _time("received_at"),
        _time("announced_at", nullable=True),
        sa.Column("announcements", sa.BigInteger(), nullable=False),
        *_filled("dag_id", "run_id"),
        _time("claimed_at", nullable=True),
        _time("settled_at", nullable=True),
        sa.PrimaryKeyConstraint("event_id"),
        comment="Events that other systems sent, once each: when they came, were announced, and which run took them.",
    )
    op.create_index("crm_inbox_open", "crm_inbox", ["system", "settled_at"])
    op.create_index("crm_inbox_run", "crm_inbox", ["dag_id", "run_id"])
    op.create_table(
        "crm_inbox_refusals",
        *_keys("day", "endpoint", "reason"),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        _time("last_at"),
        sa.PrimaryKeyConstraint("day", "endpoint", "reason"),
        comment="How often an endpoint refused or left aside something, by reason and UTC day.",
    )
