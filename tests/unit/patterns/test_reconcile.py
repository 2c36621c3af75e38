from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from crm_patterns.core.outcomes import Tally
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.reconcile import Evidence, broken_links, explain

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WINDOW = Window(NOON - timedelta(hours=2), NOON, WindowKind.INCREMENTAL)
NEXT_START = NOON - timedelta(minutes=15)
PROVEN = Evidence(
    object_name="Account",
    source_count=100,
    server_rows=100,
    staged_rows=98,
    set_aside_rows=2,
    loaded_rows=98,
    quarantined_rows=3,
    published_rows=95,
    tally=Tally(read=100, created=50, updated=20, deleted=5, unchanged=20, rejected=5),
)


def test_numbers_that_agree_break_no_link() -> None:
    assert broken_links(PROVEN) == []
    assert broken_links(replace(PROVEN, recorded_rows=95)) == []


def test_each_place_where_a_row_can_get_lost_is_named() -> None:
    for changed, says in (
        ({"server_rows": 101}, "the source said it sent 101 ≠ rows staged or set aside 100"),
        ({"loaded_rows": 97}, "rows staged 98 ≠ rows loaded 97"),
        ({"published_rows": 94}, "rows loaded 98 ≠ rows published or quarantined 97"),
        ({"recorded_rows": 94}, "rows published 95 ≠ rows with their version in history 94"),
        ({"tally": Tally(read=100, created=99)}, "rows read 100 ≠ rows accounted for 99"),
    ):
        assert says in "; ".join(broken_links(replace(PROVEN, **changed)))  # type: ignore[arg-type]


def test_every_difference_is_explained_by_what_the_source_says_now() -> None:
    explanation = explain(
        WINDOW,
        staged={"kept", "edited", "purged"},
        in_source_now={"kept": NOON - timedelta(hours=1), "late": NOON - timedelta(minutes=5)},
        present_cursors={"edited": NOON + timedelta(minutes=1)},
        next_window_start=NEXT_START,
    )

    assert (explanation.late, explanation.moved_on, explanation.purged) == (["late"], ["edited"], ["purged"])
    assert explanation.unexplained == []


def test_a_row_older_than_the_next_window_that_did_not_come_is_not_explained() -> None:
    explanation = explain(
        WINDOW,
        staged=set(),
        in_source_now={"lost": NOON - timedelta(hours=1)},
        present_cursors={},
        next_window_start=NEXT_START,
    )

    assert explanation.unexplained == ["lost"]
    assert "NOT explained, for example lost" in explanation.sentence


def test_a_row_that_came_and_still_lies_in_the_window_but_is_not_found_there_is_not_explained() -> None:
    explanation = explain(
        WINDOW,
        staged={"ghost"},
        in_source_now={},
        present_cursors={"ghost": NOON - timedelta(hours=1)},
        next_window_start=NEXT_START,
    )

    assert explanation.unexplained == ["ghost"]
