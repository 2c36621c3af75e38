from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crm_patterns.core.windows import Window, WindowKind

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_window_is_half_open() -> None:
    window = Window(MIDNIGHT, NOON, WindowKind.INCREMENTAL)

    assert window.contains(MIDNIGHT)
    assert not window.contains(NOON)


def test_a_window_without_a_start_begins_at_the_beginning_of_time() -> None:
    window = Window(None, NOON, WindowKind.FULL)

    assert window.contains(datetime(1999, 1, 1, tzinfo=UTC))
    assert window.label == "beginning--20260301T120000Z"


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="carries no time zone"):
        Window(None, datetime(2026, 3, 1), WindowKind.FULL)  # noqa: DTZ001 - the point of the test


def test_json_gives_the_same_window_back() -> None:
    for window in (Window(None, NOON, WindowKind.FULL), Window(MIDNIGHT, NOON, WindowKind.BACKFILL)):
        assert Window.from_json(window.to_json()) == window


def test_only_a_backfill_leaves_the_watermark() -> None:
    assert [kind for kind in WindowKind if not kind.moves_watermark] == [WindowKind.BACKFILL]
