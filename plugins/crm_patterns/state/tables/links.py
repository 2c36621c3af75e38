"""Records of two systems that belong together, and what their sides agreed on."""

from __future__ import annotations

from sqlalchemy import Index, Table

from crm_patterns.state.tables.columns import key, metadata, text, time

LINK_COLUMNS = ("link_id", "pairing", "left_object", "left_id", "right_object", "right_id")

links = Table(
    "crm_links",
    metadata,
    key("link_id"),
    *(text(name) for name in LINK_COLUMNS[1:]),
    text("dag_id"),
    text("run_id"),
    time("linked_at"),
    comment="Records of two systems that belong together, one to one within a pairing.",
)
Index("crm_links_left", links.c.pairing, links.c.left_id, unique=True)
Index("crm_links_right", links.c.pairing, links.c.right_id, unique=True)

link_moves = Table(
    "crm_link_moves",
    metadata,
    key("link_id"),
    key("reason"),
    *(text(name) for name in LINK_COLUMNS[1:]),
    text("dag_id"),
    text("run_id"),
    time("moved_at"),
    comment="Links as they were before they ended or an end of theirs got another id.",
)

agreements = Table(
    "crm_agreements",
    metadata,
    key("link_id"),
    key("name"),
    text("left_print"),
    text("right_print"),
    text("dag_id"),
    text("run_id"),
    time("agreed_at"),
    comment="What both sides of a link held of each field when they last agreed, as SHA-256 of the value.",
)
