"""Decisions of the comparison of ids: when it is due, how much it may close, and what it has to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm_patterns.core.ports import DeletionProgress
from crm_patterns.patterns.guards import Alarm

WEEKLY = timedelta(days=6, hours=12)
FEW = 25
"""So many rows may always be closed: a share says nothing of a small table."""


@dataclass(frozen=True, slots=True)
class ComparedIds:
    """`gone`: rows open here, whose id is not at the source. `missing`: ids there, of which no open row is here."""

    open_rows: int
    ids_at_source: int
    gone: int
    missing: int

    def closes_too_much(self, share: float) -> bool:
        return self.gone > max(FEW, share * self.open_rows)


def why_not_due(cadence: str, progress: DeletionProgress, now: datetime) -> str:
    """Why ids need not be compared now; empty where they must be. A gap in the log makes it due, unless never."""
    if cadence == "never":
        return "settings say compare_ids: never"
    compared = progress.compared_at
    if cadence == "weekly" and not progress.gap and compared is not None and now - compared < WEEKLY:
        return f"compared on {compared:%Y-%m-%d}, and settings say compare_ids: weekly"
    return ""


def question(name: str, counts: ComparedIds, max_share: float, samples: Sequence[str]) -> Alarm:
    """Before so many rows are closed, a person has to look."""
    reason = (
        f"{counts.gone:,} of {counts.open_rows:,} open rows are not among the source's ids, more than the "
        f"{max_share:.1%} that settings allow, and would be marked as deleted"
    )
    answers = (
        "Most often a role or a sharing rule changed, and the integration user no longer sees these records: look one "
        "of them up at the source. **Approve** closes those that the source no longer has. **Reject** closes nothing: "
        "the step fails, and the next comparison looks again."
    )
    return Alarm(name, reason, samples, counts.gone, answers)


def summary(counts: ComparedIds, *, closed: int, returned: int, lost: int) -> str:
    """For people. `lost`: rows that a proven window should have brought."""
    parts = [f"{counts.ids_at_source:,} ids at the source, {counts.open_rows:,} open rows here"]
    parts += [f"{closed:,} closed because their id is gone"] if closed else []
    parts += [f"{returned:,} came back or went to the bin unnoticed, and were read again"] if returned else []
    parts += [f"{lost:,} WERE MISSING here and were read again"] if lost else []
    return "; ".join(parts)
