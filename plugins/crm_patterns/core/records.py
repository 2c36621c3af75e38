"""Rows and the ones set aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


class RejectionClass(StrEnum):
    """Which check set a row aside."""

    CONTRACT = "contract"  # the value does not fit the type that the source promised
    EXPECTATION = "expectation"  # a data-quality rule
    DESTINATION = "destination"  # the other side refused it


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row set aside: which, why in a sentence to act on, and what it held (no secrets, no hashed fields)."""

    record_key: str
    reason: str
    rejection: RejectionClass
    rule: str
    field_name: str = ""
    payload: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """Typed rows with the contract's columns in the contract's order, and the rows that did not fit them."""

    rows: pa.RecordBatch
    rejected: tuple[RejectedRow, ...] = ()

    @property
    def read(self) -> int:
        return int(self.rows.num_rows) + len(self.rejected)
