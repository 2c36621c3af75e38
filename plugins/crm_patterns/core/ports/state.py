"""
Operational state in one relational database. Every method is one transaction.

A new concern is a protocol of its own, in a module of its own, and one more base of `State`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

from crm_patterns.core.outcomes import RunState, Tally
from crm_patterns.core.ports.allowances import AllowanceStore
from crm_patterns.core.ports.approvals import ApprovalStore
from crm_patterns.core.ports.consent import ConsentStore
from crm_patterns.core.ports.deletions import DeletionStore
from crm_patterns.core.ports.drift import DriftStore
from crm_patterns.core.ports.inbox import InboxStore
from crm_patterns.core.ports.intents import IntentStore
from crm_patterns.core.ports.links import LinkStore
from crm_patterns.core.ports.marts import MartStore
from crm_patterns.core.ports.retention import RetentionStore
from crm_patterns.core.ports.reviews import ReviewStore
from crm_patterns.core.ports.runs import ObjectOutcome, PlannedPublish, RememberedJob, RunKey, RunSummary
from crm_patterns.core.ports.schemas import SchemaStore
from crm_patterns.core.ports.source import Usage
from crm_patterns.core.ports.step_outcomes import StepOutcomeStore
from crm_patterns.core.ports.warehouse import Table
from crm_patterns.core.records import RejectedRow
from crm_patterns.core.staging import StageRef
from crm_patterns.core.windows import Window


class ProgressStore(Protocol):
    """How far each object is, and what a killed task has to go on with."""

    def watermark(self, source: str, object_name: str) -> datetime | None: ...

    def advance_watermark(self, source: str, object_name: str, *, to: datetime, run: RunKey) -> None:
        """Moves forward only; an earlier `to` is a no-op."""

    def claim_window(self, run: RunKey, source: str, object_name: str, proposed: Window) -> Window:
        """The window this run reads: the first proposal wins, a retry gets the same one back."""

    def remember_job(self, run: RunKey, source: str, job: RememberedJob) -> None: ...

    def remembered_job(self, run: RunKey, source: str, object_name: str) -> RememberedJob | None: ...

    def forget_job(self, run: RunKey, source: str, object_name: str) -> None: ...

    def remember_attempt_table(self, run: RunKey, object_name: str, table: Table) -> None: ...

    def attempt_tables(
        self, *, older_than: datetime | None = None, run: RunKey | None = None
    ) -> Sequence[tuple[str, Table]]:
        """(object name, table) not yet dropped."""

    def forget_attempt_table(self, table: Table) -> None: ...

    def plan_publish(
        self, run: RunKey, object_name: str, attempt_id: str, planned: Tally, *, stage: StageRef | None = None
    ) -> Tally:
        """The outcome foreseen before the first MERGE of this attempt; a retry gets the first one back."""

    def planned_publish(self, run: RunKey, object_name: str, attempt_id: str) -> Tally | None:
        """That outcome, None before it was foreseen."""

    def planned_publishes(self, run: RunKey, object_name: str) -> Sequence[PlannedPublish]:
        """Of all attempts of the run, by attempt id; those whose stage was not given are left out."""


class LedgerStore(Protocol):
    """Runs, outcomes, calls and incidents."""

    def start_run(self, run: RunKey, *, source: str, run_type: str, at: datetime) -> None:
        """A no-op where the run is known."""

    def record_outcome(self, run: RunKey, outcome: ObjectOutcome) -> None:
        """Insert or replace this run's outcome for the object."""

    def outcome(self, run: RunKey, object_name: str) -> ObjectOutcome | None: ...

    def finish_run(self, run: RunKey, *, state: RunState, at: datetime) -> RunSummary: ...

    def summary(self, run: RunKey) -> RunSummary | None: ...

    def record_calls(
        self, run: RunKey, source: str, object_name: str, *, step: str, usage: Usage, at: datetime
    ) -> None: ...

    def open_incident(self, dag_id: str, *, run: RunKey, problem: str, at: datetime) -> bool:
        """True when this call opened it (the first failure of this run that was announced)."""

    def close_incident(self, dag_id: str, *, at: datetime) -> str | None:
        """The problem of the incident that was open, None where there was none."""

    def ops_rows(self, dataset: str, run: RunKey) -> tuple[Sequence[str], Sequence[tuple[Any, ...]]]:
        """Column names and rows of a published dataset of `core.ops` for a run."""


class QuarantineStore(Protocol):
    """Records set aside, until a later run accepts them."""

    def quarantine(
        self, run: RunKey, source: str, object_name: str, rows: Iterable[RejectedRow], *, stage_uri: str, at: datetime
    ) -> int:
        """Add rows, once per (run, object, key, rule, field); returns how many distinct keys this run has set aside."""

    def release(self, source: str, object_name: str, keys: Iterable[str], *, run: RunKey, at: datetime) -> int:
        """Close open quarantine entries of these keys: the record was accepted by a later run."""

    def open_quarantine_keys(self, source: str, object_name: str) -> Sequence[str]: ...


class State(
    ProgressStore,
    LedgerStore,
    QuarantineStore,
    StepOutcomeStore,
    SchemaStore,
    RetentionStore,
    AllowanceStore,
    DeletionStore,
    MartStore,
    DriftStore,
    ApprovalStore,
    LinkStore,
    IntentStore,
    ReviewStore,
    InboxStore,
    ConsentStore,
    Protocol,
):
    """All of it."""
