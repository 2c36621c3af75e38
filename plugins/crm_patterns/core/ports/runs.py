"""A run, and what became of its objects, as the ledger knows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.outcomes import RunState, Tally, run_state
from crm_patterns.core.ports.source import ReadRequest
from crm_patterns.core.schema_changes import RecordedChange
from crm_patterns.core.staging import StageRef
from crm_patterns.core.windows import Window


@dataclass(frozen=True, slots=True)
class RunKey:
    """A run as Airflow names it."""

    dag_id: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Slice:
    """
    A part of a window that a job of its own reads; `rows` is about how many it holds.

    `job_id` is empty until it is submitted. `halvings`: how often its job failed and it was cut.
    """

    window: Window
    rows: int
    job_id: str = ""
    submitted_at: datetime | None = None
    halvings: int = 0


@dataclass(frozen=True, slots=True)
class RememberedJob:
    """
    A job submitted by this run for this object, with what is needed to go on reading it after a kill.

    With `slices` the window is read by several jobs, and `job_id` is the one that is waited for.
    """

    job_id: str
    request: ReadRequest
    contract: ObjectContract
    source_count: int
    submitted_at: datetime
    method_reason: str = ""
    slices: tuple[Slice, ...] = ()


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
class PlannedPublish:
    """An attempt that has begun to be published: where its rows are staged, and the outcome that was foreseen."""

    attempt_id: str
    stage: StageRef
    tally: Tally


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What one step of a run's upkeep did for one object. `note` says it in a sentence for people."""

    object_name: str
    step: str
    state: RunState
    tally: Tally = field(default_factory=Tally)
    note: str = ""
    problem: str = ""
    fix: str = ""
    calls: int = 0
    finished_at: datetime | None = None


def combined(steps: Sequence[StepOutcome]) -> ObjectOutcome:
    """The outcome of an object of whose steps each has an outcome of its own: the worst state, the sum of the rest."""
    state = run_state([step.state for step in steps])
    untold = (RunState.FAILED,) if state is RunState.FAILED else (RunState.DEFERRED,)
    failed = next((step for step in steps if step.state in untold), None)
    return ObjectOutcome(
        object_name=steps[0].object_name,
        state=state,
        tally=sum((step.tally for step in steps), Tally()),
        problem=failed.problem if failed else "",
        fix=failed.fix if failed else "",
        failed_step=failed.step if failed else "",
        calls=sum(step.calls for step in steps),
        finished_at=max((step.finished_at for step in steps if step.finished_at), default=None),
    )


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
    schema_changes: tuple[RecordedChange, ...] = ()

    @property
    def tally(self) -> Tally:
        return sum((outcome.tally for outcome in self.outcomes), Tally())
