"""Which day a snapshot is of."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from crm_patterns.patterns.snapshots import end_of, is_known, snapshot_day

NOW = datetime(2026, 3, 10, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("interval_end", "day"),
    [
        (datetime(2026, 3, 2, tzinfo=UTC), date(2026, 3, 1)),  # a schedule at midnight
        (datetime(2026, 3, 2, 3, tzinfo=UTC), date(2026, 3, 1)),  # and one in the night after
        (datetime(2026, 3, 2, 1, tzinfo=timezone(timedelta(hours=2))), date(2026, 2, 28)),  # UTC decides
        (None, date(2026, 3, 9)),
        (datetime(2027, 1, 1, tzinfo=UTC), date(2026, 3, 9)),  # no day is taken before it is over
    ],
)
def test_the_day_is_the_last_one_that_was_over(interval_end: datetime | None, day: date) -> None:
    assert snapshot_day(interval_end, now=NOW) == day


def test_a_day_is_known_when_its_last_instant_was_read() -> None:
    day = date(2026, 3, 1)

    assert end_of(day) == datetime(2026, 3, 2, tzinfo=UTC)
    assert is_known(day, watermark=end_of(day))
    assert not is_known(day, watermark=end_of(day) - timedelta(seconds=1))
    assert not is_known(day, watermark=None)
