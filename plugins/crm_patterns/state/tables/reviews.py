"""Questions to a person."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text

from crm_patterns.state.tables.columns import key, metadata, text, time

reviews = Table(
    "crm_reviews",
    metadata,
    key("review_id"),
    text("pairing"),
    text("link_id"),
    text("field_name"),
    Column("left_value", Text, nullable=True),
    Column("right_value", Text, nullable=True),
    text("reason"),
    text("dag_id"),
    text("run_id"),
    time("asked_at"),
    text("choice"),
    text("chosen_by"),
    time("chosen_at", nullable=True),
    time("closed_at", nullable=True),
    comment="Fields that no rule decides, and what a person said.",
)
Index("crm_reviews_open", reviews.c.pairing, reviews.c.closed_at)
