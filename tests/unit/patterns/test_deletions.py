"""From where the log is followed, what of it is due, and whose row is closed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_patterns.core.deletions import NOT_ASKED, Tombstone
from crm_patterns.core.own_columns import DeletedHow
from crm_patterns.core.ports import DeletionProgress, Deletions
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.deletions import due_deletions, log_start, tombstones
from tests.source_double import NOON

HOUR = timedelta(hours=1)
WINDOW = Window(NOON - HOUR, NOON + timedelta(seconds=30), WindowKind.INCREMENTAL)


@pytest.mark.parametrize(
    ("kind", "mark", "watermark", "expected"),
    [
        (WindowKind.INCREMENTAL, None, None, None),  # the first run reads what there is
        (WindowKind.INCREMENTAL, None, NOON, NOON),  # a table of an older release
        (WindowKind.INCREMENTAL, NOON - HOUR, NOON, NOON - HOUR),
        (WindowKind.FULL, NOON - HOUR, NOON, NOON - HOUR),
        (WindowKind.BACKFILL, NOON - HOUR, NOON, None),
    ],
)
def test_the_log_is_followed_from_its_own_mark(kind, mark, watermark, expected) -> None:  # type: ignore[no-untyped-def]
    assert log_start(kind, DeletionProgress(mark), watermark) == expected


def test_a_deletion_after_the_window_is_left_to_the_next_run() -> None:
    log = Deletions({"a": NOON, "b": NOON + timedelta(minutes=1)}, NOON + timedelta(minutes=2), complete=True)

    due = due_deletions(WINDOW, NOON - HOUR, log)

    assert due.deleted_at == {"a": NOON}
    assert (due.evidence.covered_until, due.evidence.gap) == (NOON.isoformat(), "")


def test_a_log_that_lags_is_asked_again_from_where_it_ended() -> None:
    lagging = Deletions({}, NOON - timedelta(minutes=40), complete=True)

    due = due_deletions(WINDOW, NOON - HOUR, lagging)

    assert due.evidence.covered_until == (NOON - timedelta(minutes=40)).isoformat()


def test_a_log_that_does_not_reach_back_leaves_a_gap() -> None:
    assert due_deletions(WINDOW, NOON - HOUR, Deletions({}, NOON, complete=False)).evidence.gap


def test_a_backfill_neither_asks_nor_moves_the_mark() -> None:
    backfill = Window(NOON - HOUR, NOON, WindowKind.BACKFILL)

    assert due_deletions(backfill, None, None).evidence == NOT_ASKED


def test_a_key_is_closed_unless_it_lives_or_its_row_says_so_itself() -> None:
    due = dict.fromkeys(("binned", "brought", "gone", "lives"), NOON)

    found = list(tombstones(due, brought={"brought"}, standing={"binned": True, "lives": False}))

    assert found == [
        Tombstone("binned", NOON, DeletedHow.SOFT_DELETE),
        Tombstone("gone", NOON, DeletedHow.HARD_DELETE),
    ]
