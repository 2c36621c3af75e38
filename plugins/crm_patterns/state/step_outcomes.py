"""Outcomes of steps; an object's outcome is made of those of its steps, in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_patterns.core.outcomes import RunState
from crm_patterns.core.ports import RunKey, StepOutcome, combined
from crm_patterns.state import ledger
from crm_patterns.state import tables as t
from crm_patterns.state.progress import tally_of
from crm_patterns.state.upserts import insert_or_update

_PLAIN_COLUMNS = ("object_name", "step", "note", "problem", "fix", "calls", "finished_at")


def record_step(connection: Connection, run: RunKey, outcome: StepOutcome) -> None:
    row = {
        **asdict(run),
        **{name: getattr(outcome, name) for name in _PLAIN_COLUMNS},
        **outcome.tally.to_json(),
        "state": outcome.state.value,
    }
    insert_or_update(connection, t.step_outcomes, row)
    steps = [step for step in step_outcomes(connection, run) if step.object_name == outcome.object_name]
    ledger.record_outcome(connection, run, combined(steps))


def step_outcomes(connection: Connection, run: RunKey) -> Sequence[StepOutcome]:
    known = t.step_outcomes
    query = sa.select(known).filter_by(**asdict(run)).order_by(known.c.object_name, known.c.step)
    return [
        StepOutcome(
            state=RunState(row.state),
            tally=tally_of(row._mapping),
            **{name: row._mapping[name] for name in _PLAIN_COLUMNS},
        )
        for row in connection.execute(query)
    ]
