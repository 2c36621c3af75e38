"""Which day a snapshot is of, and whether history knows all of that day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

DAY = timedelta(days=1)


def snapshot_day(interval_end: datetime | None, *, now: datetime) -> date:
    """The last UTC day that was over when the run's data interval ended; without one, by now."""
    latest = now if interval_end is None else min(interval_end, now)
    return (latest.astimezone(UTC) - DAY).date()


def end_of(day: date) -> datetime:
    """The first instant of the next UTC day."""
    return datetime.combine(day, time(), UTC) + DAY


def is_known(day: date, *, watermark: datetime | None) -> bool:
    """Whether everything up to the end of the day was read and proven."""
    return watermark is not None and watermark >= end_of(day)
