"""When ids are compared, how much a comparison may close, and what it says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_patterns.core.ports import DeletionProgress
from crm_patterns.patterns.id_comparison import ComparedIds, question, summary, why_not_due
from tests.source_double import NOON, key

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("cadence", "compared_days_ago", "gap", "is_due"),
    [
        ("daily", 0.1, "", True),
        ("weekly", None, "", True),
        ("weekly", 2, "", False),
        ("weekly", 2, "the log was trimmed", True),
        ("weekly", 6.9, "", True),
        ("never", None, "the log was trimmed", False),
    ],
)
def test_ids_are_compared_when_settings_or_a_gap_say_so(
    cadence: str, compared_days_ago: float | None, gap: str, is_due: bool
) -> None:
    compared = None if compared_days_ago is None else NOON - compared_days_ago * DAY

    why = why_not_due(cadence, DeletionProgress(NOON, compared, gap), NOON)

    assert (why == "") is is_due


@pytest.mark.parametrize(
    ("open_rows", "gone", "too_much"), [(100, 25, False), (100, 26, True), (10_000, 500, False), (10_000, 501, True)]
)
def test_a_few_rows_may_always_be_closed_and_a_share_of_many(open_rows: int, gone: int, too_much: bool) -> None:
    assert ComparedIds(open_rows, 0, gone, 0).closes_too_much(0.05) is too_much


def test_the_question_names_the_numbers_the_rows_the_likely_reason_and_what_each_answer_does() -> None:
    asked = question("Account", ComparedIds(1_000, 600, 400, 0), 0.05, [key(1)])

    assert asked.subject.startswith(
        "Account: 400 of 1,000 open rows are not among the source's ids, more than the 5.0%"
    )
    assert asked.rows == 400
    for part in (key(1), "sharing rule", "**Approve** closes", "**Reject** closes nothing"):
        assert part in asked.body


def test_what_was_found_is_said_and_nothing_else() -> None:
    counts = ComparedIds(open_rows=4, ids_at_source=4, gone=1, missing=1)

    assert summary(counts, closed=1, returned=0, lost=1) == (
        "4 ids at the source, 4 open rows here; 1 closed because their id is gone; "
        "1 WERE MISSING here and were read again"
    )
