"""How often an object is read by the schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

Cadence = Literal["hourly", "daily"]


def is_due(every: Cadence, *, watermark: datetime | None, lag: timedelta, now: datetime) -> bool:
    """
    Whether a scheduled run reads the object: hourly ones always, daily ones by the first run of each UTC day.

    A watermark lies `lag` before the moment its window was read, so a day begins with the first read in it, even one
    at 00:00:30. A day on which the object failed or was deferred has moved no watermark: the next run tries again.
    """
    if every == "hourly" or watermark is None:
        return True
    last_read = (watermark + lag).astimezone(UTC)
    return last_read.date() < now.astimezone(UTC).date()
