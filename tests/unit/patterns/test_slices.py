"""A window in slices: all of it, nothing twice, and each small enough for a job."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from crm_patterns.core.ports import Slice
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.slices import EARLIEST, cut, finer, halves

END = datetime(2026, 3, 1, tzinfo=UTC)
SECONDS = st.integers(min_value=0, max_value=int((END - EARLIEST).total_seconds()) - 1)


@given(st.lists(SECONDS, max_size=60), st.integers(1, 20), st.booleans())
def test_slices_are_the_window_without_gap_or_overlap_and_none_is_too_large(
    seconds: list[int], most: int, from_the_beginning: bool
) -> None:
    stamps = [EARLIEST + timedelta(seconds=at) for at in seconds]
    window = Window(None if from_the_beginning else EARLIEST, END, WindowKind.FULL)

    slices = cut(window, len(stamps), most=most, count=lambda part: sum(part.contains(at) for at in stamps))

    assert (slices[0].window.start, slices[-1].window.end) == (window.start, window.end)
    for one, next_one in itertools.pairwise(slices):
        assert one.window.end == next_one.window.start
    for piece in slices:
        held = [at for at in stamps if piece.window.contains(at)]
        assert piece.rows == len(held)
        assert len(held) <= most or len(set(held)) == 1
    for one, next_one in itertools.pairwise(slices):
        assert one.rows + next_one.rows > most


def test_rows_that_leave_the_window_while_it_is_cut_leave_no_gap() -> None:
    counts = iter([9, 9, 3, 0, 0, 0, 0])

    slices = cut(Window(None, END, WindowKind.FULL), 10, most=4, count=lambda _: next(counts, 0))

    assert (slices[0].window.start, slices[-1].window.end) == (None, END)
    assert all(one.window.end == other.window.start for one, other in itertools.pairwise(slices))
    assert sum(piece.rows for piece in slices) == 10


def test_a_window_of_a_second_is_not_cut() -> None:
    assert halves(Window(END - timedelta(seconds=1), END, WindowKind.FULL)) is None
    assert halves(Window(END, END, WindowKind.FULL)) is None


def test_a_failed_slice_is_cut_by_its_rows_twice_and_no_more() -> None:
    stamps = [END - timedelta(hours=n) for n in range(1, 9)]

    def count(part: Window) -> int:
        return sum(part.contains(at) for at in stamps)

    whole = Slice(Window(None, END, WindowKind.FULL), 8, "750", END)
    halved = finer(whole, count)
    quartered = finer(halved[-1], count)

    assert max(piece.rows for piece in halved) <= 4
    assert {(piece.job_id, piece.submitted_at, piece.halvings) for piece in halved} == {("", None, 1)}
    assert sum(piece.rows for piece in quartered) == halved[-1].rows
    assert finer(quartered[0], count) == ()


def test_rows_of_one_second_are_not_cut_further() -> None:
    one_second = Slice(Window(END - timedelta(seconds=1), END, WindowKind.FULL), 9, "750", END)

    assert finer(one_second, lambda _: 9) == ()
