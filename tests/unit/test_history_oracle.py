"""The oracle itself, held to cases worked out by hand, and to its promises by many examples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.history_oracle import Observation, broken_ranges, history

START = datetime(2026, 3, 1, tzinfo=UTC)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def seen(stamp: int, read: int, value: str = "a", **more: object) -> Observation:
    return Observation(at(stamp), at(read), value, **more)  # type: ignore[arg-type]


def told(*observations: Observation) -> list[tuple[str | None, bool, datetime, datetime | None]]:
    return [(v.value, v.deleted, v.valid_from, v.valid_to) for v in history(observations)]


def test_each_stamp_is_a_version_from_its_stamp_on() -> None:
    assert told(seen(1, 5), seen(7, 9, "b")) == [("a", False, at(1), at(7)), ("b", False, at(7), None)]


def test_a_value_that_flaps_under_one_stamp_is_three_versions() -> None:
    flapping = [seen(1, 5, "a"), seen(1, 6, "b"), seen(1, 7, "b"), seen(1, 8, "a")]

    assert told(*flapping) == [("a", False, at(1), at(6)), ("b", False, at(6), at(8)), ("a", False, at(8), None)]


def test_what_was_read_after_a_later_stamp_was_never_in_force() -> None:
    assert told(seen(1, 2, "a"), seen(1, 6, "b"), seen(4, 8, "c")) == [
        ("a", False, at(1), at(4)),
        ("c", False, at(4), None),
    ]


def test_a_tombstone_begins_when_the_record_went_if_that_is_known_else_when_it_was_learned() -> None:
    gone = {"deleted": True, "is_tombstone": True}

    assert told(seen(1, 2), seen(1, 9, gone_at=at(5), **gone))[1] == ("a", True, at(5), None)
    assert told(seen(1, 2), seen(1, 9, **gone))[1] == ("a", True, at(9), None)


observations = st.builds(
    seen,
    st.integers(0, 6),
    st.integers(0, 9),
    st.sampled_from("abc"),
    deleted=st.booleans(),
    is_tombstone=st.just(False),
)


@given(st.lists(observations, min_size=1, max_size=8))
def test_whatever_was_observed_the_ranges_tile(several: list[Observation]) -> None:
    versions = history(several)

    assert versions
    assert broken_ranges(versions) == []
    assert versions[-1].value == max(several).value
