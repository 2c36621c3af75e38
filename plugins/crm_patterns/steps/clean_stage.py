"""What is staged goes when its time is over."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm_patterns.core.ports import Stage, State
from crm_patterns.patterns.retention import ABANDONED_AFTER, Keeping, expired

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Whole attempts and orphans that went, and their bytes; `kept` is what stays."""

    attempts: int
    orphans: int
    bytes: int
    kept: int


def clean_stage(stage: Stage, state: State, *, keep: timedelta, now: datetime, dry_run: bool = False) -> Cleaned:
    """
    Remove attempts older than `keep` and orphans; leave what an unfinished run still needs. In a dry run only count.

    The stage is listed before the state is asked: a window claimed in between is not among what was listed.
    """
    attempts = list(stage.attempts())
    claims = state.windows_in_use(since=now - ABANDONED_AFTER)
    in_use = {f"{source}/{name}/window={window.label}" for source, name, window in claims}
    going = expired(attempts, Keeping(keep, now, in_use))
    for attempt in going:
        log.info("%s %s, written %s.", "Would remove" if dry_run else "Removing", attempt.path, attempt.written_at)
        if not dry_run:
            stage.remove(attempt)
    whole = sum(attempt.is_whole for attempt in going)
    return Cleaned(whole, len(going) - whole, sum(a.bytes for a in going), len(attempts) - len(going))
