"""What the docs say of our own columns is what the tables have."""

from __future__ import annotations

from pathlib import Path

from crm_patterns.core.own_columns import OWN_COLUMNS, DeletedHow

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_the_docs_name_each_of_our_columns_and_each_way_of_being_deleted() -> None:
    deletes, tables = (DOCS / "deletes.md").read_text(), (DOCS / "local-warehouse.md").read_text()

    for own in OWN_COLUMNS:
        assert f"`{own.column}`" in tables, own.column
        assert not own.column.startswith("_deleted") or f"| `{own.column}` |" in deletes, own.column
    for how in DeletedHow:
        assert f"| `{how}` |" in deletes, how
