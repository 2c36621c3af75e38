"""Links, agreements, intents, plans and reviews: what writing to another system needs to be retried safely."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _keys(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _filled(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), server_default="", nullable=False) for name in names]


def _time(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


_ENDS = ("pairing", "left_object", "left_id", "right_object", "right_id")


def upgrade() -> None:
    op.create_table(
        "crm_links",
        *_keys("link_id"),
        *_filled(*_ENDS, "dag_id", "run_id"),
        _time("linked_at"),
        sa.PrimaryKeyConstraint("link_id"),
        comment="Records of two systems that belong together, one to one within a pairing.",
    )
    op.create_index("crm_links_left", "crm_links", ["pairing", "left_id"], unique=True)
    op.create_index("crm_links_right", "crm_links", ["pairing", "right_id"], unique=True)
    op.create_table(
        "crm_link_moves",
        *_keys("link_id", "reason"),
        *_filled(*_ENDS, "dag_id", "run_id"),
        _time("moved_at"),
        sa.PrimaryKeyConstraint("link_id", "reason"),
        comment="Links as they were before they ended or an end of theirs got another id.",
    )
    op.create_table(
        "crm_agreements",
        *_keys("link_id", "name"),
        *_filled("left_print", "right_print", "dag_id", "run_id"),
        _time("agreed_at"),
        sa.PrimaryKeyConstraint("link_id", "name"),
        comment="What both sides of a link held of each field when they last agreed, as SHA-256 of the value.",
    )
    op.create_table(
        "crm_intents",
        *_keys("change_id"),
        *_filled("system", "object_name", "record_key", "action", "dag_id", "run_id"),
        _time("written_at"),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        _time("settled_at", nullable=True),
        *_filled("fate", "record_id", "reason", "rule", "field_name", "allowed"),
        sa.PrimaryKeyConstraint("change_id"),
        comment=(
            "Changes noted before they are written outside, and what became of them; open ones may have been written."
        ),
    )
    op.create_index("crm_intents_run", "crm_intents", ["dag_id", "run_id"])
    op.create_table(
        "crm_plans",
        *_keys("dag_id", "run_id", "name"),
        *_filled("plan"),
        sa.PrimaryKeyConstraint("dag_id", "run_id", "name"),
        comment="Where the change sets are that each run applied.",
    )
    op.create_table(
        "crm_reviews",
        *_keys("review_id"),
        *_filled("pairing", "link_id", "field_name"),
        sa.Column("left_value", sa.Text(), nullable=True),
        sa.Column("right_value", sa.Text(), nullable=True),
        *_filled("reason", "dag_id", "run_id"),
        _time("asked_at"),
        *_filled("choice", "chosen_by"),
        _time("chosen_at", nullable=True),
        _time("closed_at", nullable=True),
        sa.PrimaryKeyConstraint("review_id"),
        comment="Fields that no rule decides, and what a person said.",
    )
    op.create_index("crm_reviews_open", "crm_reviews", ["pairing", "closed_at"])
