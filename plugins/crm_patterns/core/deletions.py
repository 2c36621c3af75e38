"""Tombstones: what an attempt learned of deletions beside its rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.own_columns import DeletedHow


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A key whose row is to be closed. `deleted_at` None: nobody knows since when."""

    record_key: str
    deleted_at: datetime | None
    how: DeletedHow


@dataclass(frozen=True, slots=True)
class DeletionEvidence:
    """
    How far an attempt followed the source's log of deletions: the next run asks from `covered_until` on (ISO 8601).

    None where it was not asked. `gap` says why deletions may be missing nevertheless; empty where none are.
    """

    covered_until: str | None = None
    gap: str = ""


NOT_ASKED = DeletionEvidence()

TOMBSTONES = ObjectContract(
    source="",
    object_name="tombstones",
    table="TOMBSTONES",
    fields=(
        ContractField("record_key", "record_key", FieldKind.TEXT, nullable=False),
        ContractField("deleted_at", "deleted_at", FieldKind.TIMESTAMP),
        ContractField("deleted_how", "deleted_how", FieldKind.TEXT, nullable=False),
    ),
    key="record_key",
    cursor=None,
    deleted_flag=None,
)
"""Staged and loaded like any object's rows: by this contract."""
