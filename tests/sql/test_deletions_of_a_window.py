"""What the source's log of deletions says ends in the table people query, once, and a tombstone is not final."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crm_patterns.core.errors import StopRun
from crm_patterns.core.outcomes import Tally
from crm_patterns.core.windows import WindowKind
from crm_patterns.patterns.deletions import NO_LOG
from tests.pipeline import HOUR, Pipeline
from tests.source_double import NOON, key, row
from tests.sql.test_the_steps_together import pipeline

__all__ = ["pipeline"]
TOLD = '"ID", "_DELETED", "_DELETED_AT", "_DELETED_HOW", "_DELETED_LEARNED_AT", "_RUN_ID"'
MINUTES = timedelta(minutes=1)


@pytest.fixture
def known(pipeline: Pipeline) -> Pipeline:
    """Rows 1 to 4 are published, the clock is an hour on, and the next run is named run-2."""
    pipeline.source.rows = [row(n, at=NOON - n * HOUR) for n in range(1, 5)]
    pipeline.all()
    pipeline.source.clock = NOON + HOUR
    return pipeline.next_run("run-2")


def told(pipeline: Pipeline, number: int) -> tuple[Any, ...]:
    with pipeline.sql() as rows:
        (found,) = rows(f'select {TOLD} from "{pipeline.schema}"."ACCOUNT" where "ID" = \'{key(number)}\'')
        return found[1:]


def test_a_hard_delete_closes_its_row_and_says_how_it_was_learned(known: Pipeline) -> None:
    known.source.purge(2, at=NOON + 10 * MINUTES)

    outcome = known.all()

    assert outcome.tally == Tally(read=1, deleted=1)
    assert told(known, 2) == (True, NOON + 10 * MINUTES, "hard delete", NOON + HOUR, "run-2")
    assert known.state.deletion_progress("salesforce", "Account").covered_until == NOON + HOUR


def test_the_same_deletion_again_changes_nothing(known: Pipeline) -> None:
    known.source.purge(2, at=NOON + 10 * MINUTES)
    known.all()
    before = known.table()

    again = known.next_run("run-3", kind=WindowKind.FULL).all()

    assert again.tally.deleted == 0
    assert known.table() == before


def test_a_deletion_comes_beside_rows_and_the_tally_holds_both(known: Pipeline) -> None:
    known.source.purge(1, at=NOON + 10 * MINUTES)
    known.source.rows += [row(5, at=NOON + 20 * MINUTES), row(6, at=NOON + 20 * MINUTES, deleted=True)]
    known.source.deletions[key(6)] = NOON + 20 * MINUTES  # the log names soft deletes as well

    outcome = known.all()

    assert outcome.tally == Tally(read=3, created=2, deleted=1)
    assert known.source.looked_up == 1, "what came with the rows need not be looked up"
    assert told(known, 6)[2] == "soft delete"


def test_a_key_that_the_warehouse_never_held_is_not_added(known: Pipeline) -> None:
    known.source.deletions[key(9)] = NOON + 10 * MINUTES

    outcome = known.all()

    assert outcome.tally == Tally(read=1, unchanged=1)
    assert len(known.table()) == 4


def test_a_row_in_the_bin_whose_stamp_stood_still_is_closed(known: Pipeline) -> None:
    known.source.rows[2] = {**known.source.rows[2], "IsDeleted": True}  # as OpportunityFieldHistory does
    known.source.deletions[key(3)] = NOON + 10 * MINUTES

    known.all()

    assert told(known, 3)[:3] == (True, NOON + 10 * MINUTES, "soft delete")


def test_a_row_that_lives_again_is_not_closed(known: Pipeline) -> None:
    known.source.deletions[key(3)] = NOON + 10 * MINUTES  # and restored before the run

    outcome = known.all()

    assert outcome.tally == Tally()
    assert told(known, 3)[0] is False


def test_a_tombstone_is_taken_back_when_the_row_returns(known: Pipeline) -> None:
    known.source.rows[0] = row(1, at=NOON + 10 * MINUTES, deleted=True)
    known.source.deletions[key(1)] = NOON + 10 * MINUTES
    known.all()
    known.source.rows[0] = row(1, at=NOON + 70 * MINUTES)
    known.source.clock = NOON + 2 * HOUR

    restored = known.next_run("run-3").all()

    assert restored.tally == Tally(read=1, updated=1)
    assert told(known, 1) == (False, None, None, None, "run-3")


def test_deleted_restored_and_deleted_within_one_window_is_deleted_once(known: Pipeline) -> None:
    known.source.rows[0] = row(1, at=NOON + 30 * MINUTES, deleted=True)  # deleted at :10, restored at :20
    known.source.deletions[key(1)] = NOON + 30 * MINUTES

    outcome = known.all()

    assert outcome.tally == Tally(read=1, deleted=1)
    assert told(known, 1)[:3] == (True, NOON + 30 * MINUTES, "soft delete")


def test_an_attempt_read_before_the_deletion_does_not_open_the_row_again(known: Pipeline) -> None:
    known.source.rows[0] = row(1, at=NOON + 5 * MINUTES, name="read, not yet published")
    backfill = known.next_run("backfill", kind=WindowKind.BACKFILL, interval=(NOON, NOON + HOUR))
    late = backfill.validate(backfill.load(backfill.extract()))
    known.source.purge(1, at=NOON + 10 * MINUTES)
    known.all()

    backfill.publish(late)

    assert told(known, 1)[0] is True


def test_a_deleted_row_that_breaks_a_rule_is_closed_and_in_quarantine(known: Pipeline) -> None:
    known.source.rows[0] = row(1, at=NOON + 10 * MINUTES, name=None, deleted=True)
    known.source.deletions[key(1)] = NOON + 10 * MINUTES

    outcome = known.next_run("run-3", max_rejected_share=1.0).all()

    assert outcome.tally == Tally(read=1, rejected=1)
    assert told(known, 1)[:3] == (True, NOON + 10 * MINUTES, "soft delete")


def test_the_mark_stays_until_the_tombstones_are_proven(known: Pipeline) -> None:
    known.source.purge(2, at=NOON + 10 * MINUTES)
    published = known.publish(known.validate(known.load(known.extract())))
    before = known.state.deletion_progress("salesforce", "Account").covered_until

    with known.sql() as rows:
        rows(f'update "{known.schema}"."ACCOUNT" set "_DELETED" = false')  # as if the MERGE had not arrived
    again = known.publish(published.checked)
    known.reconcile(again)

    assert before == NOON
    assert told(known, 2)[0] is True


def test_a_deletion_that_was_not_applied_is_not_proven(known: Pipeline) -> None:
    known.source.purge(2, at=NOON + 10 * MINUTES)
    published = known.publish(known.validate(known.load(known.extract())))
    ignoring = type(published)(published.checked, published.published, published.tally, ignored_tombstones=1)

    with pytest.raises(StopRun, match="deletions not applied 1 ≠ none 0"):
        known.reconcile(ignoring)

    assert known.state.deletion_progress("salesforce", "Account").covered_until == NOON


def test_a_trimmed_log_leaves_a_gap_until_ids_are_compared(known: Pipeline) -> None:
    known.source.log_begins = NOON + 30 * MINUTES

    known.all()

    assert known.state.deletion_progress("salesforce", "Account").gap == NO_LOG
