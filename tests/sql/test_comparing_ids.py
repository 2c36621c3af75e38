"""All ids of the source against all rows: what the log did not tell is closed, what is lost is found and read again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crm_patterns.core.outcomes import RunState, Tally
from crm_patterns.core.ports import StepOutcome
from crm_patterns.patterns.warehouse_elt import FieldChoice
from crm_patterns.steps import extract
from crm_patterns.steps.compare_ids import compare_ids, plan_ids
from crm_patterns.steps.guard import ApprovalNeeded
from crm_patterns.steps.id_repair import ComparisonPlaces
from crm_patterns.steps.read_plan import ExtractOrder
from tests.pipeline import HOUR, OVERLAP, Pipeline
from tests.source_double import NOON, key, row
from tests.sql.test_deletions_of_a_window import MINUTES, told
from tests.sql.test_the_steps_together import pipeline

__all__ = ["pipeline"]


@pytest.fixture
def known(pipeline: Pipeline) -> Pipeline:
    """Rows 1 to 4 are published; it is an hour later."""
    pipeline.source.rows = [row(n, at=NOON - n * HOUR) for n in range(1, 5)]
    pipeline.all()
    pipeline.source.clock = NOON + HOUR
    return pipeline.next_run("upkeep-1", max_rejected_share=1.0)


def compare(pipeline: Pipeline, *, attempt_id: str = "c1", approved: int = 0) -> StepOutcome:
    places = ComparisonPlaces(pipeline.schema, f"{pipeline.schema}_A", None, pipeline.schema)
    source, stage, state, run = pipeline.source, pipeline.stage, pipeline.state, pipeline.run
    order = ExtractOrder(
        run, "Account", FieldChoice(), "rest", pipeline.kind, None, timedelta(0), OVERLAP, 10**6
    )  # fmt: skip
    planned = plan_ids(source, "Account", read="rest", rest_below=10**6)
    ids = extract.read_rows_to_stage(source, stage, state, order, planned, attempt_id=f"ids{attempt_id}")
    return compare_ids(
        source, stage, pipeline.warehouse, state, run, ids, choice=FieldChoice(), places=places, attempt_id=attempt_id,
        max_share=0.5, approved=approved, audit=pipeline.validate,
    )  # fmt: skip


def lose(pipeline: Pipeline, number: int) -> None:
    with pipeline.sql() as rows:
        rows(f'delete from "{pipeline.schema}"."ACCOUNT" where "ID" = \'{key(number)}\'')


def ids(pipeline: Pipeline) -> list[Any]:
    return [r[0] for r in pipeline.table()]


def test_a_row_whose_id_is_gone_is_closed_and_says_how(known: Pipeline) -> None:
    del known.source.rows[1]  # and the log was trimmed

    outcome = compare(known)

    assert outcome.tally == Tally(read=1, deleted=1)
    assert told(known, 2) == (True, None, "id comparison", NOON + HOUR, "upkeep-1")
    assert "1 closed" in outcome.note
    assert known.state.deletion_progress("salesforce", "Account").compared_at == NOON + HOUR
    assert list(known.state.attempt_tables(run=known.run)) == []


def test_where_nothing_differs_nothing_is_published(known: Pipeline) -> None:
    before = known.table()

    outcome = compare(known)

    assert (outcome.state, outcome.tally, known.table()) == (RunState.SUCCESS, Tally(), before)
    assert outcome.note == "4 ids at the source, 4 open rows here"


def test_a_second_comparison_finds_nothing_left(known: Pipeline) -> None:
    del known.source.rows[1]
    lose(known, 3)
    compare(known)
    before = known.table()

    again = compare(known.next_run("upkeep-2"), attempt_id="c2")

    assert (again.tally, known.table()) == (Tally(), before)


def test_a_second_try_of_the_run_tells_what_the_first_one_did(known: Pipeline) -> None:
    del known.source.rows[1]
    lose(known, 3)
    first = compare(known)

    again = compare(known, attempt_id="c2")

    assert (
        (again.state, again.tally) == (first.state, first.tally) == (RunState.PARTIAL, Tally(2, created=1, deleted=1))
    )
    assert ("1 closed" in again.note, "1 WERE MISSING" in again.note) == (True, True)


def test_a_try_that_died_between_its_two_merges_is_finished_and_all_of_it_is_told(
    known: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    del known.source.rows[1]
    lose(known, 3)
    run = known.warehouse.run

    def killed(statement: str, **kwargs: Any) -> Any:
        if statement == "warehouse_elt/merge_tombstones":
            raise KeyboardInterrupt
        return run(statement, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(known.warehouse, "run", killed)
        with pytest.raises(KeyboardInterrupt):
            compare(known)
    again = compare(known, attempt_id="c2")

    assert again.tally == Tally(2, created=1, deleted=1)
    assert told(known, 2)[:3] == (True, None, "id comparison")
    assert list(known.state.attempt_tables(run=known.run)) == []


def test_a_lost_row_is_found_read_again_and_reported(known: Pipeline) -> None:
    before = known.table()
    lose(known, 3)

    outcome = compare(known)

    assert (outcome.state, outcome.tally) == (RunState.PARTIAL, Tally(read=1, created=1))
    assert "1 WERE MISSING" in outcome.note
    assert ids(known) == [r[0] for r in before]


def test_a_row_that_the_next_window_brings_is_not_lost(known: Pipeline) -> None:
    known.source.rows.append(row(5, at=NOON + 30 * MINUTES))

    outcome = compare(known)

    assert (outcome.state, outcome.tally) == (RunState.SUCCESS, Tally())


def test_a_row_in_the_bin_whose_stamp_stood_still_is_a_soft_delete(known: Pipeline) -> None:
    known.source.rows[2] = {**known.source.rows[2], "IsDeleted": True}

    compare(known)

    assert told(known, 3)[2] == "soft delete"


def test_a_closed_row_that_lives_is_opened_again(known: Pipeline) -> None:
    lost = known.source.rows.pop(1)
    compare(known)
    known.source.rows.append(lost)  # a sharing rule had hidden it; its stamp is the old one
    known.source.clock = NOON + 2 * HOUR

    outcome = compare(known.next_run("upkeep-2"), attempt_id="c2")

    assert outcome.tally == Tally(read=1, updated=1)
    assert told(known, 2)[:4] == (False, None, None, None)


def test_a_record_in_quarantine_is_not_missing(pipeline: Pipeline) -> None:
    pipeline.all()  # row 2 has no name
    pipeline.source.clock = NOON + HOUR

    outcome = compare(pipeline.next_run("upkeep-1"))

    assert outcome.tally == Tally()


def test_a_comparison_that_would_close_too_much_publishes_nothing_before_a_person_approved_it(known: Pipeline) -> None:
    known.source.rows = [row(n, at=NOON - 2 * HOUR) for n in range(10, 50)]
    known.next_run("full").all()
    known.source.clock = NOON + 2 * HOUR
    full = known.next_run("run-full", kind=type(known.kind).FULL)
    full.all()
    known.source.rows = known.source.rows[:5]
    before = known.table()

    with pytest.raises(ApprovalNeeded, match=r"39 of 44 open rows are not among the source's ids") as asked:
        compare(known)
    with pytest.raises(ApprovalNeeded):
        compare(known, attempt_id="c2", approved=38)
    untouched, compared_at = known.table(), known.state.deletion_progress("salesforce", "Account").compared_at
    outcome = compare(known, attempt_id="c3", approved=asked.value.alarm.rows)

    assert asked.value.alarm.samples == [key(n) for n in (1, 2, 3, 4, 15)]
    assert (untouched, compared_at) == (before, None)
    assert outcome.tally == Tally(read=39, deleted=39)
