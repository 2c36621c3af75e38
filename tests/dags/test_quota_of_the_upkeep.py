"""The daily steps read by what is left of the quota, as the hourly ones do, and say so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from fsspec.implementations.local import LocalFileSystem

from crm_patterns.core.outcomes import RunState
from crm_patterns.core.ports import Grant, RunKey, Source, StepOutcome
from crm_patterns.hooks.state import StateHook
from crm_patterns.operators.compare_ids import CompareIdsOperator
from crm_patterns.operators.refresh_computed import RefreshComputedOperator
from crm_patterns.operators.staging_upkeep import StagingUpkeepOperator
from crm_patterns.warehouse.stage import ParquetStage
from tests.dags.test_choosing_objects import SETTINGS
from tests.pipeline import HOUR
from tests.source_double import DESCRIPTION, NOON, PLENTY, SourceDouble, row

if TYPE_CHECKING:
    from crm_patterns.core.ports import Stage

RUN = RunKey("crm_warehouse_upkeep", "run-1")
NO_JOBS = replace(PLENTY, jobs=Grant(0, 10_000), read_at=NOON)
NO_CALLS = replace(PLENTY, calls=Grant(5_000, 100_000), read_at=NOON)
COMPUTED = tuple(replace(field, computed=field.name == "Name") for field in DESCRIPTION.fields)


class OnADouble(StagingUpkeepOperator):
    """Reads of a source in memory, and leaves what it staged at that."""

    source: SourceDouble
    folder: Path

    @contextmanager
    def _source(self, state: Any, context: Any) -> Iterator[Source]:
        yield self.source

    def _stage(self) -> Stage:
        return ParquetStage(LocalFileSystem(), str(self.folder))

    def finish(self, state: Any, context: Any, ref: Any, *, approved: int) -> StepOutcome:
        return StepOutcome("Account", self.step, RunState.SUCCESS, note=f"{ref.rows} rows")


class Refresh(OnADouble, RefreshComputedOperator):
    """The columns that change without a stamp."""


class Compare(OnADouble, CompareIdsOperator):
    """The ids."""


@pytest.fixture(params=[Refresh, Compare])
def step(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OnADouble:
    """Of ten rows; three are few, and twelve are few enough where no job may be started."""
    monkeypatch.setenv("AIRFLOW_CONN_CRM_STATE", f'{{"conn_type": "sqlite", "host": "{tmp_path / "state.db"}"}}')
    StateHook().state().advance_watermark("salesforce", "Account", to=NOON, run=RUN)
    quota = SETTINGS.quota.model_copy(update={"rest_when_bulk_is_out_rows": 12})
    settings = SETTINGS.model_copy(update={"rest_below_rows": 3, "quota": quota})
    operator: OnADouble = request.param(task_id="Account.step", settings=settings, object_name="Account")
    operator.source = SourceDouble([row(n, at=NOON - HOUR) for n in range(10)], fields=COMPUTED)
    operator.folder = tmp_path
    return operator


def run(step: OnADouble) -> StepOutcome:
    context: Any = {
        "dag_run": SimpleNamespace(dag_id=RUN.dag_id, run_id=RUN.run_id, run_type="scheduled"),
        "params": {},
        "ti": SimpleNamespace(try_number=1),
    }
    told = ""
    try:
        step.execute(context)
    except AirflowSkipException as skipped:
        told = str(skipped)
    [outcome] = StateHook().state().step_outcomes(RUN)
    assert ("Deferred: quota" in told) == (outcome.state is RunState.DEFERRED)
    return outcome


def test_with_enough_quota_many_rows_are_read_by_a_job_and_the_note_says_so(step: OnADouble) -> None:
    outcome = run(step)

    assert (outcome.state, step.source.submitted) == (RunState.SUCCESS, 1)
    assert outcome.note == "10 rows; read by bulk: 10 rows are more than the REST limit of 3"


def test_without_jobs_a_small_object_goes_by_rest_and_the_note_says_why(step: OnADouble) -> None:
    step.source.grants = NO_JOBS

    outcome = run(step)

    assert (outcome.state, step.source.submitted) == (RunState.SUCCESS, 0)
    assert outcome.note == "10 rows; read by rest: bulk jobs: 0 of 10,000 left; 10 rows can be read by REST instead"


def test_without_jobs_a_large_object_waits(step: OnADouble) -> None:
    step.source.grants = NO_JOBS
    step.source.rows += [row(n, at=NOON - HOUR) for n in range(10, 20)]

    outcome = run(step)

    assert (outcome.state, step.source.submitted) == (RunState.DEFERRED, 0)
    assert "20 rows are too many to read by REST instead" in outcome.problem


def test_below_the_reserve_nothing_is_read(step: OnADouble) -> None:
    step.source.grants = NO_CALLS

    outcome = run(step)

    assert (outcome.state, step.source.described) == (RunState.DEFERRED, 0)
    assert "the reserve of 10% is for others" in outcome.problem


def test_a_step_with_nothing_to_do_says_so_below_the_reserve_too(step: OnADouble) -> None:
    step.source.grants = NO_CALLS
    never = {"refresh_every": "never", "compare_ids": "never"}
    account = step.settings.object("Account").model_copy(update=never)
    step.settings = step.settings.model_copy(update={"objects": (account,)})

    outcome = run(step)

    assert (outcome.state, step.source.asked_allowance) == (RunState.SKIPPED, 0)
    assert outcome.note.endswith("never")


def test_an_object_that_is_not_loaded_yet_is_skipped_below_the_reserve_too(
    step: OnADouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CRM_STATE", f'{{"conn_type": "sqlite", "host": "{step.folder / "new.db"}"}}')
    step.source.grants = NO_CALLS

    outcome = run(step)

    assert (outcome.state, outcome.note) == (RunState.SKIPPED, "nothing of it is loaded yet")
