"""What a plan found, into the state: where it is staged, which records moved, who is asked, what is set aside."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from crm_patterns.core.changes import Side
from crm_patterns.core.ports import RunKey, State
from crm_patterns.core.records import RejectedRow, RejectionClass
from crm_patterns.core.staging import StageRef
from crm_patterns.core.values import text_of
from crm_patterns.patterns.comparison import Pairing
from crm_patterns.steps.plan import Planned
from crm_patterns.steps.set_aside import rejected_row


def record_plan(
    state: State, run: RunKey, pairing: Pairing, planned: Planned, *, staged: StageRef, at: datetime
) -> None:
    """
    Before the plan is applied; never for a dry run. Doing it twice changes nothing.

    A question that was answered stays open until a later plan finds it settled: this one may yet not be written.
    """
    state.remember_plan(run, pairing.name, staged)
    for move in planned.moves:
        state.move_link(pairing.name, move.side, old_id=move.old_id, new_id=move.new_id, run=run, at=at)
    state.record_reviews(run, planned.compared, (*planned.reviews, *planned.answered), at=at)
    for side in Side:
        end = pairing.end(side)
        rows = list(_rows(pairing, planned, side))
        if rows:
            state.quarantine(run, end.system, end.object_name, rows, stage_uri=staged.uri, at=at)
        free = (*planned.in_step.get(side, ()), *planned.clear)
        state.release(end.system, end.object_name, free, run=run, at=at)


def _rows(pairing: Pairing, planned: Planned, side: Side) -> Iterator[RejectedRow]:
    end = pairing.end(side)
    for change, outcome in planned.refused:
        if (change.system, change.object_name) == (end.system, end.object_name):
            row = rejected_row(change, outcome)
            if row is not None:
                yield row
    for problem in planned.problems:
        if problem.side is side:
            payload = {problem.field_name: text_of(problem.value), "(allowed)": "; ".join(problem.allowed)}
            yield RejectedRow(
                problem.record_id, problem.reason, RejectionClass.DESTINATION, "unmapped", problem.field_name, payload
            )
    for refusal in planned.duplicates:
        for record_id in refusal.left_ids if side is Side.LEFT else refusal.right_ids:
            yield RejectedRow(record_id, refusal.reason, RejectionClass.DESTINATION, "duplicates")
