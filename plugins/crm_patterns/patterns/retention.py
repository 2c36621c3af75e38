"""Which staged attempts may go."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm_patterns.core.staging import StagedAttempt

ORPHAN_AFTER = timedelta(days=1)
"""An attempt without a manifest is nobody's: its writer died, or is still at work; no task works that long."""

ABANDONED_AFTER = timedelta(days=90)
"""A run that did not end in that time was deleted in Airflow rather than left waiting."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long finished attempts are kept, as of when, and the windows (`StagedAttempt.window`) still in use."""

    keep: timedelta
    now: datetime
    in_use: Collection[str]


def expired(attempts: Iterable[StagedAttempt], keeping: Keeping) -> Sequence[StagedAttempt]:
    """Attempts older than `keep`, orphans older than a day; never one of a window that an unfinished run reads."""
    return [attempt for attempt in attempts if _is_expired(attempt, keeping)]


def _is_expired(attempt: StagedAttempt, keeping: Keeping) -> bool:
    if attempt.window in keeping.in_use:
        return False
    age = keeping.now - attempt.written_at
    return age > (max(keeping.keep, ORPHAN_AFTER) if attempt.is_whole else ORPHAN_AFTER)
