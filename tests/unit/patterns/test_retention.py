"""Which attempts may go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from crm_patterns.core.staging import StagedAttempt
from crm_patterns.patterns.retention import ORPHAN_AFTER, Keeping, expired

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ATTEMPTS = st.builds(
    lambda number, window, whole, hours: StagedAttempt(
        f"salesforce/Lead/window={window}/a{number}", f"salesforce/Lead/window={window}", whole,
        NOW - timedelta(hours=hours), 1,
    ),
    st.integers(0, 999), st.sampled_from("abc"), st.booleans(), st.integers(0, 3000),
)  # fmt: skip


@given(st.lists(ATTEMPTS), st.integers(0, 100), st.sets(st.sampled_from("abc")))
def test_what_goes_is_old_and_not_in_use_and_all_of_that_goes(
    attempts: list[StagedAttempt], days: int, used: set[str]
) -> None:
    in_use = {f"salesforce/Lead/window={window}" for window in used}

    gone = expired(attempts, Keeping(timedelta(days=days), NOW, in_use))

    for attempt in attempts:
        age = NOW - attempt.written_at
        if attempt.window in in_use or age <= ORPHAN_AFTER:
            assert attempt not in gone
        elif attempt.is_whole:
            assert (attempt in gone) == (age > timedelta(days=days))
        else:
            assert attempt in gone


def test_an_attempt_of_today_stays_even_where_settings_keep_nothing() -> None:
    young = StagedAttempt("s/Lead/window=a/1", "s/Lead/window=a", True, NOW - timedelta(hours=2), 1)

    assert expired([young], Keeping(timedelta(0), NOW, ())) == []
