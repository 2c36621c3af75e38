"""
What the steps may ask of the world. Clients, warehouse and state implement these; steps see nothing else of them.

Every method may raise the errors of `crm_patterns.core.errors`, and no others on purpose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from crm_patterns.core.contracts import ContractField, ObjectContract, ObjectDescription
from crm_patterns.core.outcomes import RunState, Tally
from crm_patterns.core.records import Page, RejectedRow
from crm_patterns.core.staging import Manifest, ReadEvidence, StageAddress, StageRef
from crm_patterns.core.windows import Window

# --- a source ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """Rows of one object whose cursor lies in the window, soft-deleted ones included. No cursor: all rows."""

    object_name: str
    fields: tuple[str, ...]
    cursor: str | None
    window: Window
    include_deleted: bool = True


class JobState(StrEnum):
    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"
    GONE = "gone"  # the source does not know the job (any more)


@dataclass(frozen=True, slots=True)
class JobStatus:
    """`rows` is the job's own number of records, known once READY. `problem` is the source's text when FAILED."""

    state: JobState
    rows: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls used and allowed in the source's own rolling window; None where the source does not tell."""

    calls_made: int
    used: int | None
    allowed: int | None


class BulkRefused(Exception):
    """The source will not serve this object through its bulk interface; read it row by row instead."""


class Source(Protocol):
    """A system that objects are read from. One instance serves one task; it may be used from several threads."""

    name: str

    def now(self) -> datetime:
        """The source's own clock, UTC, whole seconds."""

    def object_names(self) -> Sequence[str]:
        """Names of all objects that can be read, for messages that suggest one."""

    def describe(self, object_name: str) -> ObjectDescription:
        """FixSettings where there is no such object, naming near ones."""

    def count(self, request: ReadRequest) -> int:
        """The source's own COUNT() for the request."""

    def submit(self, request: ReadRequest) -> str:
        """Start a bulk read; returns the job's id. Raises BulkRefused."""

    def job_status(self, job_id: str) -> JobStatus: ...

    def read_job(self, job_id: str, contract: ObjectContract) -> Iterator[Page]:
        """All rows of a READY job, page by page. Memory is bounded by a few pages. Re-readable while the job exists."""

    def read_rows(self, request: ReadRequest, contract: ObjectContract) -> Iterator[Page]:
        """The same rows without a job."""

    def discard(self, job_id: str) -> None:
        """Abort the job if it runs and delete it; a job that is gone already is no error."""

    def cursors_of(self, object_name: str, *, cursor: str, keys: Sequence[str]) -> Mapping[str, datetime | None]:
        """Present cursor value by key for those of `keys` that still exist (soft-deleted ones do)."""

    def cursors_in(self, request: ReadRequest) -> Mapping[str, datetime | None]:
        """Cursor value by key of every row in the request's window at this moment (keys and cursor only)."""

    def usage(self) -> Usage: ...

    def close(self) -> None: ...


# --- the stage --------------------------------------------------------------------------------------------------------


class StageWriter(Protocol):
    """Writes one attempt. Nothing is visible to a reader before `commit` returns."""

    def write(self, page: Page) -> None: ...

    def commit(self, evidence: ReadEvidence) -> StageRef:
        """Close the files, then write the manifest, last."""


class Stage(Protocol):
    """Typed Parquet on object storage."""

    def open(self, address: StageAddress, contract: ObjectContract) -> AbstractContextManager[StageWriter]:
        """A writer; left without `commit`, it removes what it wrote."""

    def manifest(self, ref: StageRef) -> Manifest:
        """StopRun where it is missing or its SHA-256 is not the reference's."""

    def local_part(self, ref: StageRef, name: str) -> AbstractContextManager[Path]:
        """The part as a local file (itself, or a copy that is removed afterwards), its SHA-256 checked."""

    def rejected_rows(self, ref: StageRef) -> Iterator[RejectedRow]: ...

    def keys(self, ref: StageRef, column: str) -> Iterator[str]: ...


# --- the warehouse ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Table:
    """A checked, upper-case warehouse name in the connection's database."""

    schema: str
    name: str


class Warehouse(Protocol):
    """An analytic database. Statements are templates of include/sql, named `<pattern>/<verb_object>`."""

    def run(
        self, statement: str, *, names: Mapping[str, Any] | None = None, values: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """Render the template with `names` (checked identifiers and contracts), bind `values`, return the rows."""

    def upload(self, local: Path, *, stage_path: str) -> None:
        """PUT one file into the internal stage `Table`-like path `SCHEMA.STAGE/folder`."""

    def columns(self, table: Table) -> Mapping[str, str]:
        """Type by lower-cased column name; empty where there is no such table."""

    def column_type(self, column: ContractField) -> str:
        """The dialect's type for a contract's field, as in DDL."""

    def close(self) -> None: ...


# --- data quality -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One expectation's answer. `failing_keys_sql` selects the keys of all failing rows; empty at table level."""

    rule: str
    column: str
    sentence: str
    is_row_level: bool
    passed: bool
    failed_rows: int = 0
    failing_keys_sql: str = ""
    blocking: bool = True
    observed: str = ""


@dataclass(frozen=True, slots=True)
class QualityReport:
    rules: tuple[RuleResult, ...]
    docs_uri: str


class Quality(Protocol):
    """Runs a suite on the warehouse's own engine over one table, and builds the page a person reads."""

    def check(self, table: Table, contract: ObjectContract, *, suite: str, run_label: str) -> QualityReport: ...


# --- operational state ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunKey:
    """A run as Airflow names it."""

    dag_id: str
    run_id: str


@dataclass(frozen=True, slots=True)
class RememberedJob:
    """A job submitted by this run for this object, with what is needed to go on reading it after a kill."""

    job_id: str
    request: ReadRequest
    contract: ObjectContract
    source_count: int
    submitted_at: datetime


@dataclass(frozen=True, slots=True)
class ObjectOutcome:
    """What became of one object in one run."""

    object_name: str
    state: RunState
    tally: Tally = field(default_factory=Tally)
    window: Window | None = None
    source_count: int | None = None
    server_rows: int | None = None
    staged_rows: int | None = None
    published_rows: int | None = None
    method: str = ""
    method_reason: str = ""
    problem: str = ""
    fix: str = ""
    failed_step: str = ""
    calls: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run with its objects' outcomes, as the ledger knows it."""

    key: RunKey
    source: str
    run_type: str
    state: RunState
    started_at: datetime
    finished_at: datetime | None
    outcomes: tuple[ObjectOutcome, ...]

    @property
    def tally(self) -> Tally:
        return sum((outcome.tally for outcome in self.outcomes), Tally())


class State(Protocol):
    """Operational state in one relational database. Every method is one transaction."""

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

    def plan_publish(self, run: RunKey, object_name: str, attempt_id: str, planned: Tally) -> Tally:
        """The outcome foreseen before the first MERGE of this attempt; a retry gets the first one back."""

    def start_run(self, run: RunKey, *, source: str, run_type: str, at: datetime) -> None:
        """A no-op where the run is known."""

    def record_outcome(self, run: RunKey, outcome: ObjectOutcome) -> None:
        """Insert or replace this run's outcome for the object."""

    def outcome(self, run: RunKey, object_name: str) -> ObjectOutcome | None: ...

    def finish_run(self, run: RunKey, *, state: RunState, at: datetime) -> RunSummary: ...

    def summary(self, run: RunKey) -> RunSummary | None: ...

    def quarantine(
        self, run: RunKey, source: str, object_name: str, rows: Iterable[RejectedRow], *, stage_uri: str, at: datetime
    ) -> int:
        """Add rows, once per (run, object, key, rule, field); returns how many distinct keys this run has set aside."""

    def release(self, source: str, object_name: str, keys: Iterable[str], *, run: RunKey, at: datetime) -> int:
        """Close open quarantine entries of these keys: the record was accepted by a later run."""

    def open_quarantine_keys(self, source: str, object_name: str) -> Sequence[str]: ...

    def record_calls(
        self, run: RunKey, source: str, object_name: str, *, step: str, usage: Usage, at: datetime
    ) -> None: ...

    def open_incident(self, dag_id: str, *, run: RunKey, problem: str, at: datetime) -> bool:
        """True when this call opened it (the first failure of this run that was announced)."""

    def close_incident(self, dag_id: str, *, at: datetime) -> str | None:
        """The problem of the incident that was open, None where there was none."""

    def ops_rows(self, dataset: str, run: RunKey) -> tuple[Sequence[str], Sequence[tuple[Any, ...]]]:
        """Column names and rows of a published dataset (`runs`, `outcomes`, `quarantine`, `calls`) for a run."""
