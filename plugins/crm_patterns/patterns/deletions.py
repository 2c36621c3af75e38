"""
Decisions on deletions: from where the source's log is followed, what of it is due, and what a key's fate is.

The log is followed up to the end of the run's window and no further: what lies in the bin comes with the window's rows,
so that what is left of the log was deleted for good, or belongs to an object whose stamp stands still.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime

from crm_patterns.core.deletions import NOT_ASKED, DeletionEvidence, Tombstone
from crm_patterns.core.own_columns import DeletedHow
from crm_patterns.core.ports import DeletionProgress, Deletions
from crm_patterns.core.windows import Window, WindowKind

NO_LOG = "the source's log of deletions does not tell all of this span; ids must be compared"


@dataclass(frozen=True, slots=True)
class DueDeletions:
    """What of the log falls to this run: the moment by key, and how far the log is followed thereby."""

    deleted_at: Mapping[str, datetime]
    evidence: DeletionEvidence


def log_start(kind: WindowKind, progress: DeletionProgress, watermark: datetime | None) -> datetime | None:
    """
    From where the log is asked; None where it is not: by a backfill, and by the first run, which reads what there is.

    Without a mark of its own (an older release left the table) the log is followed from the watermark on.
    """
    if kind is WindowKind.BACKFILL:
        return None
    return progress.covered_until or watermark


def due_deletions(window: Window, since: datetime | None, found: Deletions | None) -> DueDeletions:
    """`found` None: the log was not asked. The next run begins at the last whole minute that this one covers."""
    if not window.kind.moves_watermark:
        return DueDeletions({}, NOT_ASKED)
    end = _minute(window.end)
    if since is None or found is None:
        return DueDeletions({}, DeletionEvidence(end.isoformat()))
    covered = min(end, found.covered_until)
    gap = "" if found.complete else NO_LOG
    due = {key: at for key, at in found.deleted_at.items() if at < window.end}
    return DueDeletions(due, DeletionEvidence(covered.isoformat(), gap))


def tombstones(
    due: Mapping[str, datetime], *, brought: AbstractSet[str], standing: Mapping[str, bool]
) -> Iterator[Tombstone]:
    """
    Whose row is to be closed. `brought`: keys that the window's rows show as deleted, which needs no tombstone.
    `standing`: of the others those that the source still has, and whether in its bin; a living one came back.
    """
    for key in sorted(due.keys() - brought):
        in_bin = standing.get(key)
        if in_bin is None:
            yield Tombstone(key, due[key], DeletedHow.HARD_DELETE)
        elif in_bin:
            yield Tombstone(key, due[key], DeletedHow.SOFT_DELETE)


def _minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)
