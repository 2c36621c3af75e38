"""How far the source's log of deletions is followed, object by object."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from crm_patterns.core.ports.runs import RunKey


@dataclass(frozen=True, slots=True)
class DeletionProgress:
    """
    `covered_until`: up to here the log was read, and its tombstones published and proven. `compared_at`: when the ids
    were last compared. `gap`: why the log alone is not enough, until they are compared; empty where it is.
    """

    covered_until: datetime | None = None
    compared_at: datetime | None = None
    gap: str = ""


class DeletionStore(Protocol):
    """Durable marks of what is known of deletions."""

    def deletion_progress(self, source: str, object_name: str) -> DeletionProgress: ...

    def advance_deletions(self, source: str, object_name: str, *, to: datetime, gap: str, run: RunKey) -> None:
        """The mark moves forward only; a gap that is known already stays, whatever `gap` says."""

    def record_comparison(self, source: str, object_name: str, *, at: datetime) -> None:
        """The ids were compared, and what came of it is published and proven; no gap is left."""
