"""`OperationalState`: the port `State` on one relational database, one transaction per method."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.engine import Connection, Engine

from crm_patterns.core.marts import MartBuild
from crm_patterns.core.ports import (
    Allowance,
    DeletionProgress,
    RunKey,
    StepOutcome,
)
from crm_patterns.core.windows import Window
from crm_patterns.state import (
    allowances,
    deletions,
    marts,
    ops,
    retention,
    step_outcomes,
)
from crm_patterns.state.approvals import ApprovalMethods
from crm_patterns.state.consent import ConsentMethods
from crm_patterns.state.database import place_of, transaction
from crm_patterns.state.drift import DriftMethods
from crm_patterns.state.inbox import InboxMethods
from crm_patterns.state.incidents import IncidentMethods
from crm_patterns.state.intents import IntentMethods
from crm_patterns.state.ledger import LedgerMethods
from crm_patterns.state.links import LinkMethods
from crm_patterns.state.progress import ProgressMethods
from crm_patterns.state.quarantine import QuarantineMethods
from crm_patterns.state.reviews import ReviewMethods
from crm_patterns.state.schema import ensure_schema
from crm_patterns.state.schemas import SchemaMethods


def _utc_now() -> datetime:
    return datetime.now(UTC)


class OperationalState(
    ProgressMethods,
    LedgerMethods,
    QuarantineMethods,
    IncidentMethods,
    SchemaMethods,
    DriftMethods,
    ApprovalMethods,
    LinkMethods,
    IntentMethods,
    ReviewMethods,
    InboxMethods,
    ConsentMethods,
):
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

    def deletion_progress(self, source: str, object_name: str) -> DeletionProgress:
        with self._read() as connection:
            return deletions.deletion_progress(connection, source, object_name)

    def advance_deletions(self, source: str, object_name: str, *, to: datetime, gap: str, run: RunKey) -> None:
        with self._write() as connection:
            deletions.advance_deletions(connection, source, object_name, to=to, gap=gap, run=run)

    def record_comparison(self, source: str, object_name: str, *, at: datetime) -> None:
        with self._write() as connection:
            deletions.record_comparison(connection, source, object_name, at=at)

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

    def record_mart_build(self, run: RunKey, build: MartBuild) -> None:
        with self._write() as connection:
            marts.record(connection, run, build)

    def mart_builds(self, run: RunKey) -> Sequence[MartBuild]:
        with self._read() as connection:
            return marts.of_run(connection, run)

    def last_built(self, mart: str) -> MartBuild | None:
        with self._read() as connection:
            return marts.last_built(connection, mart)

    def ops_rows(self, dataset: str, run: RunKey) -> tuple[Sequence[str], Sequence[tuple[Any, ...]]]:
        """Columns and rows of `core.ops.OPS_DATASETS[dataset]`; times are aware, counts are int."""
        with self._read() as connection:
            return ops.ops_rows(connection, dataset, run)

    def windows_in_use(self, *, since: datetime) -> Sequence[tuple[str, str, Window]]:
        with self._read() as connection:
            return retention.windows_in_use(connection, since)
