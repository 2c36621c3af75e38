"""Words of the drift audit: what share is due, what was found, and which values changed without a stamp."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DriftKind(StrEnum):
    """What is wrong with a record, or with a count."""

    DIFFERENT = "different"  # the same record, another value
    MISSING = "missing"  # at the source, not in the warehouse
    GONE = "gone"  # living in the warehouse, not at the source
    COUNT = "count"  # the source counts more records than the warehouse holds


class Settlement(StrEnum):
    """What became of a finding."""

    OPEN = "open"  # found, not yet looked at again
    REPAIRED = "repaired"
    REMAINS = "remains"


@dataclass(frozen=True, slots=True)
class DriftFinding:
    """One value that differs, shown as text. `column` is empty where the whole record, or a count, is meant."""

    kind: DriftKind
    record_key: str = ""
    column: str = ""
    bucket: str = ""
    warehouse_value: str | None = None
    source_value: str | None = None
    settlement: Settlement = Settlement.OPEN


@dataclass(frozen=True, slots=True)
class AuditCycle:
    """
    One passage over all of an object's keys, cut at `boundaries` into slices of about equal size.

    The first slice has no lower and the last no upper bound, so that every key lies in exactly one. `proven` slices,
    from the first on, are done.
    """

    started_at: datetime
    boundaries: tuple[str, ...]
    proven: int = 0

    @property
    def slices(self) -> int:
        return len(self.boundaries) + 1


@dataclass(frozen=True, slots=True)
class AuditShare:
    """
    What one run audits: the slices from `first` to before `end` of a cycle, which are the keys in [`first_key`,
    `end_key`). Records whose stamp is at or after `cutoff` may still be on their way and are left out.
    """

    cycle_started_at: datetime
    first: int
    end: int
    first_key: str
    end_key: str
    cutoff: datetime


@dataclass(frozen=True, slots=True)
class SilentChange:
    """A column whose value changed in `rows` records although their stamp did not."""

    object_name: str
    column: str
    field_name: str
    rows: int
    is_new: bool = False
