"""`OperationalState`: the port `State` on one relational database, one transaction per method."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.engine import Connection, Engine

from crm_patterns.core.marts import MartBuild
from crm_patterns.core.outcomes import RunState, Tally
from crm_patterns.core.ports import (
    Allowance,
    DeletionProgress,
    ObjectOutcome,
    RememberedJob,
    RunKey,
    RunSummary,
    StepOutcome,
    Table,
    Usage,
)
from crm_patterns.core.records import RejectedRow
from crm_patterns.core.windows import Window
from crm_patterns.state import (
    allowances,
    deletions,
    incidents,
    ledger,
    marts,
    ops,
    progress,
    quarantine,
    retention,
    step_outcomes,
)
from crm_patterns.state.approvals import ApprovalMethods
from crm_patterns.state.database import place_of, transaction
from crm_patterns.state.drift import DriftMethods
from crm_patterns.state.incidents import DeferralNews
from crm_patterns.state.intents import IntentMethods
from crm_patterns.state.links import LinkMethods
from crm_patterns.state.quarantine import RejectionGroup
from crm_patterns.state.reviews import ReviewMethods
from crm_patterns.state.schema import ensure_schema
from crm_patterns.state.schemas import SchemaMethods


def _utc_now() -> datetime:
    return datetime.now(UTC)


class OperationalState(SchemaMethods, DriftMethods, ApprovalMethods, LinkMethods, IntentMethods, ReviewMethods):
    """
    Safe for several threads and, through one instance each, for several processes at once.

    The first use brings the database to the present schema. Raises RetryLater where the database does not answer,
    FixSettings where it refuses this user or a newer release of the package has migrated it.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = _utc_now) -> None:
        self._engine = engine
        self._clock = clock
        self._ready = False
        self._preparing = threading.Lock()

    @property
    def place(self) -> str:
        """Where the database is, for messages: a path or host:port/database, never a password."""
        return place_of(self._engine)

    def prepare(self) -> None:
        """Bring the database to the present schema; does nothing the second time."""
        with self._preparing:
            if not self._ready:
                ensure_schema(self._engine)
                self._ready = True

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        self.prepare()
        with transaction(self._engine, writes=False) as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        self.prepare()
        with transaction(self._engine, writes=True) as connection:
            yield connection

    # --- progress

    def watermark(self, source: str, object_name: str) -> datetime | None:
        with self._read() as connection:
            return progress.watermark(connection, source, object_name)

    def advance_watermark(self, source: str, object_name: str, *, to: datetime, run: RunKey) -> None:
        with self._write() as connection:
            progress.advance_watermark(connection, source, object_name, to, run)

    def claim_window(self, run: RunKey, source: str, object_name: str, proposed: Window) -> Window:
        with self._write() as connection:
            return progress.claim_window(connection, run, source, object_name, proposed)

    def remember_job(self, run: RunKey, source: str, job: RememberedJob) -> None:
        with self._write() as connection:
            progress.remember_job(connection, run, source, job)

    def remembered_job(self, run: RunKey, source: str, object_name: str) -> RememberedJob | None:
        with self._read() as connection:
            return progress.remembered_job(connection, run, source, object_name)

    def forget_job(self, run: RunKey, source: str, object_name: str) -> None:
        with self._write() as connection:
            progress.forget_job(connection, run, source, object_name)

    def remember_attempt_table(self, run: RunKey, object_name: str, table: Table) -> None:
        with self._write() as connection:
            progress.remember_attempt_table(connection, run, object_name, table, self._clock())

    def attempt_tables(
        self, *, older_than: datetime | None = None, run: RunKey | None = None
    ) -> Sequence[tuple[str, Table]]:
        with self._read() as connection:
            return progress.attempt_tables(connection, older_than, run)

    def forget_attempt_table(self, table: Table) -> None:
        with self._write() as connection:
            progress.forget_attempt_table(connection, table)

    def plan_publish(self, run: RunKey, object_name: str, attempt_id: str, planned: Tally) -> Tally:
        with self._write() as connection:
            return progress.plan_publish(connection, run, object_name, attempt_id, planned)

    def planned_publish(self, run: RunKey, object_name: str, attempt_id: str) -> Tally | None:
        with self._read() as connection:
            return progress.planned_publish(connection, run, object_name, attempt_id)

    # --- deletions

    def deletion_progress(self, source: str, object_name: str) -> DeletionProgress:
        with self._read() as connection:
            return deletions.deletion_progress(connection, source, object_name)

    def advance_deletions(self, source: str, object_name: str, *, to: datetime, gap: str, run: RunKey) -> None:
        with self._write() as connection:
            deletions.advance_deletions(connection, source, object_name, to=to, gap=gap, run=run)

    def record_comparison(self, source: str, object_name: str, *, at: datetime) -> None:
        with self._write() as connection:
            deletions.record_comparison(connection, source, object_name, at=at)

    # --- the ledger

    def start_run(self, run: RunKey, *, source: str, run_type: str, at: datetime) -> None:
        with self._write() as connection:
            ledger.start_run(connection, run, source, run_type, at)

    def record_outcome(self, run: RunKey, outcome: ObjectOutcome) -> None:
        with self._write() as connection:
            ledger.record_outcome(connection, run, outcome)

    def outcome(self, run: RunKey, object_name: str) -> ObjectOutcome | None:
        with self._read() as connection:
            return ledger.outcome(connection, run, object_name)

    def finish_run(self, run: RunKey, *, state: RunState, at: datetime) -> RunSummary:
        """StopRun where `start_run` was never called for this run."""
        with self._write() as connection:
            return ledger.finish_run(connection, run, state, at)

    def summary(self, run: RunKey) -> RunSummary | None:
        with self._read() as connection:
            return ledger.summary(connection, run)

    def record_calls(
        self, run: RunKey, source: str, object_name: str, *, step: str, usage: Usage, at: datetime
    ) -> None:
        """Adds `usage.calls_made` to what earlier tries of the step have made; the newest `used` and `allowed` stay."""
        with self._write() as connection:
            ledger.record_calls(connection, run, source, object_name, step, usage, at)

    def record_step(self, run: RunKey, outcome: StepOutcome) -> None:
        with self._write() as connection:
            step_outcomes.record_step(connection, run, outcome)

    def step_outcomes(self, run: RunKey) -> Sequence[StepOutcome]:
        with self._read() as connection:
            return step_outcomes.step_outcomes(connection, run)

    def note_allowance(self, run: RunKey, source: str, allowance: Allowance) -> None:
        with self._write() as connection:
            allowances.note_allowance(connection, run, source, allowance)

    def allowance(self, run: RunKey, source: str) -> Allowance | None:
        with self._read() as connection:
            return allowances.allowance(connection, run, source)

    # --- marts

    def record_mart_build(self, run: RunKey, build: MartBuild) -> None:
        with self._write() as connection:
            marts.record(connection, run, build)

    def mart_builds(self, run: RunKey) -> Sequence[MartBuild]:
        with self._read() as connection:
            return marts.of_run(connection, run)

    def last_built(self, mart: str) -> MartBuild | None:
        with self._read() as connection:
            return marts.last_built(connection, mart)

    # --- quarantine

    def quarantine(
        self, run: RunKey, source: str, object_name: str, rows: Iterable[RejectedRow], *, stage_uri: str, at: datetime
    ) -> int:
        """
        One transaction per `quarantine.CHUNK` rows, so that a slow or endless `rows` neither fills the memory nor holds
        the database: a kill half-way leaves the first chunks, and the retry adds what is missing.
        """
        entries = (quarantine.entry(run, source, object_name, row, stage_uri=stage_uri, at=at) for row in rows)
        while chunk := list(itertools.islice(entries, quarantine.CHUNK)):
            with self._write() as connection:
                quarantine.set_aside(connection, chunk)
        with self._read() as connection:
            return quarantine.count_keys(connection, run, source, object_name)

    def release(self, source: str, object_name: str, keys: Iterable[str], *, run: RunKey, at: datetime) -> int:
        """Returns how many distinct keys were released. `keys` may be all those of a run: it is read once, lazily."""
        held = set(self.open_quarantine_keys(source, object_name))
        accepted = {key for key in keys if key in held} if held else set()
        if not accepted:
            return 0
        with self._write() as connection:
            return quarantine.release(connection, source, object_name, accepted, run, at)

    def open_quarantine_keys(self, source: str, object_name: str) -> Sequence[str]:
        with self._read() as connection:
            return quarantine.open_keys(connection, source, object_name)

    def rejections(self, run: RunKey, *, limit: int) -> Sequence[RejectionGroup]:
        """What the run set aside, by object and broken rule, the most frequent first."""
        with self._read() as connection:
            return quarantine.rejections(connection, run, limit)

    # --- incidents

    def open_incident(self, dag_id: str, *, run: RunKey, problem: str, at: datetime) -> bool:
        with self._write() as connection:
            return incidents.open_incident(connection, dag_id, run, problem, at)

    def close_incident(self, dag_id: str, *, at: datetime) -> str | None:
        """Closes all of the DAG's; returns the problem of the newest."""
        with self._write() as connection:
            return incidents.close_incident(connection, dag_id, at)

    def withdraw_incident(self, dag_id: str, *, run: RunKey) -> None:
        """Take back an incident that could not be announced, so that the next failure of this run is."""
        with self._write() as connection:
            incidents.withdraw_incident(connection, dag_id, run)

    def settle_deferral(
        self, scope: str, *, deferred: Mapping[str, str], caught_up: Sequence[str], at: datetime
    ) -> DeferralNews:
        """Which objects wait for quota after a run: `deferred` with their problems begin to, `caught_up` end to."""
        with self._write() as connection:
            return incidents.settle_deferral(connection, scope, deferred, caught_up, at)

    # --- publication

    def ops_rows(self, dataset: str, run: RunKey) -> tuple[Sequence[str], Sequence[tuple[Any, ...]]]:
        """Columns and rows of `core.ops.OPS_DATASETS[dataset]`; times are aware, counts are int."""
        with self._read() as connection:
            return ops.ops_rows(connection, dataset, run)

    def windows_in_use(self, *, since: datetime) -> Sequence[tuple[str, str, Window]]:
        with self._read() as connection:
            return retention.windows_in_use(connection, since)
