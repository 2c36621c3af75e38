"""The window that a person gives in the form of a manual run."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from crm_patterns.core.errors import FixSettings
from crm_patterns.core.windows import WindowKind
from crm_patterns.operators.extract import _kind


def context(run_type: str = "manual", **params: Any) -> Any:
    return {"dag_run": SimpleNamespace(run_type=run_type), "params": params}


def test_a_window_of_the_form_is_read_like_a_backfill() -> None:
    kind, interval = _kind(context(window_start="2026-03-01T00:00:00+01:00", window_end="2026-03-02T00:00:00"))

    assert kind is WindowKind.BACKFILL
    assert interval == (datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))


def test_without_a_window_the_mode_counts() -> None:
    assert _kind(context(mode="full", window_start=None, window_end=None)) == (WindowKind.FULL, None)
    assert _kind(context(window_start="", window_end="")) == (WindowKind.INCREMENTAL, None)


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"window_start": "2026-03-01T00:00:00Z"}, "one end"),
        ({"window_start": "2026-03-02T00:00:00Z", "window_end": "2026-03-01T00:00:00Z"}, "not after"),
    ],
)
def test_half_a_window_or_one_that_runs_backwards_is_refused(params: dict[str, str], word: str) -> None:
    with pytest.raises(FixSettings, match=word) as caught:
        _kind(context(**params))

    assert caught.value.fix
