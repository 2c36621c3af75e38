"""What happened: runs, outcomes, calls."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from crm_patterns.core.errors import StopRun
from crm_patterns.core.outcomes import RunState
from crm_patterns.core.ports import ObjectOutcome, RunKey, RunSummary, Usage
from crm_patterns.state import schemas
from crm_patterns.state import tables as t
from crm_patterns.state.database import Transactions
from crm_patterns.state.progress import tally_of, window_columns, window_of
from crm_patterns.state.upserts import insert_new, insert_or_update

_PLAIN_COLUMNS = (
    *("object_name", "source_count", "server_rows", "staged_rows", "published_rows", "method", "method_reason"),
    *("problem", "fix", "failed_step", "calls", "started_at", "finished_at"),
)


class LedgerMethods:
    """The ledger of runs, for whoever has transactions; one of them per method."""

    def start_run(self: Transactions, run: RunKey, *, source: str, run_type: str, at: datetime) -> None:
        with self._write() as connection:
            start_run(connection, run, source, run_type, at)

    def record_outcome(self: Transactions, run: RunKey, outcome: ObjectOutcome) -> None:
        with self._write() as connection:
            record_outcome(connection, run, outcome)

    def outcome(self: Transactions, run: RunKey, object_name: str) -> ObjectOutcome | None:
        with self._read() as connection:
            return outcome(connection, run, object_name)

    def finish_run(self: Transactions, run: RunKey, *, state: RunState, at: datetime) -> RunSummary:
        """StopRun where `start_run` was never called for this run."""
        with self._write() as connection:
            return finish_run(connection, run, state, at)

    def summary(self: Transactions, run: RunKey) -> RunSummary | None:
        with self._read() as connection:
            return summary(connection, run)

    def record_calls(
        self: Transactions, run: RunKey, source: str, object_name: str, *, step: str, usage: Usage, at: datetime
    ) -> None:
        """Adds `usage.calls_made` to what earlier tries of the step have made; the newest `used` and `allowed` stay."""
        with self._write() as connection:
            record_calls(connection, run, source, object_name, step, usage, at)


def start_run(connection: Connection, run: RunKey, source: str, run_type: str, at: datetime) -> None:
    row = {
        **asdict(run),
        "source": source,
        "run_type": run_type,
        "state": RunState.RUNNING.value,
        "started_at": at,
        "finished_at": None,
    }
    insert_new(connection, t.runs, [row])


def record_outcome(connection: Connection, run: RunKey, outcome: ObjectOutcome) -> None:
    row = {
        **asdict(run),
        **{name: getattr(outcome, name) for name in _PLAIN_COLUMNS},
        **outcome.tally.to_json(),
        **window_columns(outcome.window),
        "state": outcome.state.value,
    }
    insert_or_update(connection, t.outcomes, row)


def outcome(connection: Connection, run: RunKey, object_name: str) -> ObjectOutcome | None:
    row = connection.execute(sa.select(t.outcomes).filter_by(**asdict(run), object_name=object_name)).first()
    return _outcome_of(row) if row is not None else None


def finish_run(connection: Connection, run: RunKey, state: RunState, at: datetime) -> RunSummary:
    values = {"state": state.value, "finished_at": at}
    connection.execute(sa.update(t.runs).filter_by(**asdict(run)).values(**values))
    finished = summary(connection, run)
    if finished is None:
        raise StopRun(f"The run {run.run_id} of {run.dag_id} ends, but the ledger has not seen it start.")
    return finished


def summary(connection: Connection, run: RunKey) -> RunSummary | None:
    row = connection.execute(sa.select(t.runs).filter_by(**asdict(run))).first()
    if row is None:
        return None
    query = sa.select(t.outcomes).filter_by(**asdict(run)).order_by(t.outcomes.c.object_name)
    return RunSummary(
        key=run,
        source=row.source,
        run_type=row.run_type,
        state=RunState(row.state),
        started_at=row.started_at,
        finished_at=row.finished_at,
        outcomes=tuple(_outcome_of(found) for found in connection.execute(query)),
        schema_changes=tuple(schemas.changes(connection, run)),
    )


def record_calls(
    connection: Connection, run: RunKey, source: str, object_name: str, step: str, usage: Usage, at: datetime
) -> None:
    row = {
        **asdict(run),
        "source": source,
        "object_name": object_name,
        "step": step,
        **asdict(usage),
        "reported_at": at,
    }
    insert_or_update(connection, t.calls, row, added=("calls_made",))


def _outcome_of(row: Row[tuple[object, ...]]) -> ObjectOutcome:
    values = row._mapping
    return ObjectOutcome(
        state=RunState(values["state"]),
        tally=tally_of(values),
        window=window_of(values),
        **{name: values[name] for name in _PLAIN_COLUMNS},
    )
