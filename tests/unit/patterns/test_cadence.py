from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from crm_patterns.patterns.cadence import is_due

LAG = timedelta(minutes=2)
DAY = datetime(2026, 3, 2, tzinfo=UTC)


def at(hour: int, minute: int = 0, *, day: int = 0) -> datetime:
    return DAY + timedelta(days=day, hours=hour, minutes=minute)


def read_at(moment: datetime) -> datetime:
    """The watermark that a read at this moment leaves."""
    return moment - LAG


@pytest.mark.parametrize(
    ("watermark", "now", "due"),
    [
        (None, at(13), True),  # never read
        (read_at(at(5, day=-1)), at(0), True),  # read yesterday
        (read_at(at(23, 59, day=-1)), at(0), True),
        (read_at(at(0)), at(1), False),  # the first run of this day, whose window ended yesterday
        (read_at(at(0)), at(23, 59), False),
        (read_at(at(0)), at(0, day=1), True),
        (read_at(at(9)), at(10), False),  # failed until nine
        (read_at(at(5, day=-9)), at(10), True),  # the stack was down
    ],
)
def test_a_daily_object_is_read_by_the_first_run_of_each_day(
    watermark: datetime | None, now: datetime, due: bool
) -> None:
    assert is_due("daily", watermark=watermark, lag=LAG, now=now) is due


def test_an_hourly_object_is_always_due() -> None:
    assert is_due("hourly", watermark=read_at(at(10)), lag=LAG, now=at(10))


def test_the_day_is_the_utc_day_wherever_the_clock_stands() -> None:
    auckland = timezone(timedelta(hours=13))

    assert not is_due("daily", watermark=read_at(at(1)), lag=LAG, now=at(14).astimezone(auckland))


def test_a_day_of_hourly_runs_reads_a_daily_object_once() -> None:
    watermark, reads = None, []
    for hour in range(72):
        now = at(hour) + timedelta(seconds=30)
        if is_due("daily", watermark=watermark, lag=LAG, now=now):
            reads.append(now)
            watermark = read_at(now)

    assert [read.date().day for read in reads] == [2, 3, 4]
