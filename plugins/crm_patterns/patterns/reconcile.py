"""
Is a window proven? Four numbers of one object and window are held against each other:

what the source counted, what it said it sent, what was staged (with the rows set aside), and what the warehouse holds
(with the rows in quarantine). The source lives on while it is read, so its own count may move: a difference there is
explained row by row or it is not accepted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from crm_patterns.core.outcomes import Tally
from crm_patterns.core.windows import Window


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    Rows, each counted where it was. The tally must balance, and `tally.read` equal `server_rows` with the rows whose
    absence from a complete read was noticed (`missing_rows`) and the deletions learned beside the rows (`tombstones`),
    of which none may be ignored.
    """

    object_name: str
    source_count: int
    server_rows: int
    staged_rows: int
    set_aside_rows: int
    loaded_rows: int
    quarantined_rows: int
    published_rows: int
    tally: Tally
    missing_rows: int = 0
    recorded_rows: int | None = None  # in history; None where the object has none
    tombstones: int = 0
    ignored_tombstones: int = 0


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the source's count and the rows that came differ: keys by cause. Only `unexplained` is a fault."""

    late: Sequence[str] = ()  # committed after the read; inside the overlap, so the next window reads them
    moved_on: Sequence[str] = ()  # changed again after the read; their new version belongs to a later window
    purged: Sequence[str] = ()  # no longer at the source at all
    unexplained: Sequence[str] = ()

    @property
    def sentence(self) -> str:
        causes = (
            (self.late, "committed late, read again by the next window's overlap"),
            (self.moved_on, "changed again after the read, due in a later window"),
            (self.purged, "deleted for good after the read"),
            (self.unexplained, f"NOT explained, for example {', '.join(self.unexplained[:3])}"),
        )
        return "; ".join(f"{len(keys):,} {cause}" for keys, cause in causes if keys) or "no difference"


def broken_links(evidence: Evidence) -> list[str]:
    """Sentences on each place where rows went missing or appeared between two steps; empty when all is proven."""
    e = evidence
    checks = (
        (e.server_rows == e.staged_rows + e.set_aside_rows, "the source said it sent", e.server_rows,
         "rows staged or set aside", e.staged_rows + e.set_aside_rows),
        (e.staged_rows == e.loaded_rows, "rows staged", e.staged_rows, "rows loaded", e.loaded_rows),
        (e.loaded_rows == e.published_rows + e.quarantined_rows, "rows loaded", e.loaded_rows,
         "rows published or quarantined", e.published_rows + e.quarantined_rows),
        (e.recorded_rows in (None, e.published_rows), "rows published", e.published_rows,
         "rows with their version in history", e.recorded_rows or 0),
        (e.tally.read == e.server_rows + e.missing_rows + e.tombstones, "the tally's rows read", e.tally.read,
         "rows the source sent, no longer has, or names as deleted", e.server_rows + e.missing_rows + e.tombstones),
        (e.ignored_tombstones == 0, "deletions not applied", e.ignored_tombstones, "none", 0),
        (e.tally.is_balanced, "rows read", e.tally.read, "rows accounted for", e.tally.accounted),
    )  # fmt: skip
    return [
        f"{e.object_name}: {left} {left_rows:,} ≠ {right} {right_rows:,} (difference {left_rows - right_rows:+,})"
        for holds, left, left_rows, right, right_rows in checks
        if not holds
    ]


def explain(
    window: Window,
    *,
    staged: Mapping[str, None] | set[str],
    in_source_now: Mapping[str, datetime | None],
    present_cursors: Mapping[str, datetime | None],
    next_window_start: datetime,
) -> Explanation:
    """
    Account for every key that is in one set and not in the other.

    `in_source_now`: cursor by key of the window's rows, read again; `present_cursors`: cursor by key of those staged
    rows that left the window (a key that is absent there is gone). `next_window_start`: where the next run will begin.
    """
    late: list[str] = []
    moved_on: list[str] = []
    purged: list[str] = []
    unexplained: list[str] = []
    for key in sorted(in_source_now.keys() - set(staged)):
        cursor = in_source_now[key]
        (late if cursor is not None and cursor >= next_window_start else unexplained).append(key)
    for key in sorted(set(staged) - in_source_now.keys()):
        if key not in present_cursors:
            purged.append(key)
            continue
        cursor = present_cursors[key]
        (moved_on if cursor is not None and not window.contains(cursor) else unexplained).append(key)
    return Explanation(late, moved_on, purged, unexplained)
