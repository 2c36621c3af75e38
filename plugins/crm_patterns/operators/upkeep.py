"""What the daily upkeep's steps share: each has an outcome of its own, and the run's last task misses none of them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from crm_patterns.operators.close_run import CloseRunOperator
from crm_patterns.operators.step import StepOperator, run_key

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.outcomes import RunState
    from crm_patterns.core.ports import RunKey, State, StepOutcome


class UpkeepOperator(StepOperator):
    """
    One step of the upkeep for one object; a subclass names its `step` and says in `keep_up` what became of it.

    The task's id is `<object>.<step>`, or just the step's name where the step is about no object; `object_name` is that
    name then too. An error is this step's outcome and touches no other step's.
    """

    @abstractmethod
    def keep_up(self, state: State, context: Context) -> StepOutcome:
        """Do it, however often. In a dry run only report, with state SKIPPED. Raises the errors of core.errors."""

    def execute(self, context: Context) -> dict[str, Any]:
        with self.reported(context) as state:
            return self._concluded(state, context, self.keep_up(state, context))

    def _concluded(self, state: State, context: Context, outcome: StepOutcome) -> dict[str, Any]:
        """Put the outcome on record; what people read under XCom."""
        from crm_patterns.core.outcomes import RunState

        state.record_step(run_key(context), replace(outcome, finished_at=datetime.now(UTC)))
        self.log.info("%s: %s", self.object_name, outcome.note or outcome.state.value)
        if outcome.state is RunState.SKIPPED:
            raise AirflowSkipException(outcome.note)
        return {"state": outcome.state.value, "note": outcome.note, **asdict(outcome.tally)}

    def _skipped(self, why: str) -> StepOutcome:
        from crm_patterns.core.outcomes import RunState
        from crm_patterns.core.ports import StepOutcome

        return StepOutcome(self.object_name, self.step, RunState.SKIPPED, note=why)

    def _record(self, state: State, run: RunKey, verdict: RunState, *, problem: str, fix: str) -> None:
        state.record_step(run, _ended(self.object_name, self.step, verdict, problem=problem, fix=fix))


class CloseUpkeepOperator(CloseRunOperator):
    """The last task of an upkeep run. Every task directly before it must have left an outcome, or the run is red."""

    def _expected(self, context: Context) -> list[str]:
        from crm_patterns.hooks.state import StateHook

        state, run = StateHook(self.settings.state_conn_id).state(), run_key(context)
        wanted = context["params"].get("objects") or ()
        steps = [object_and_step(task_id) for task_id in sorted(self.upstream_task_ids)]
        steps = [(name, step) for name, step in steps if not wanted or name in wanted]
        known = {(outcome.object_name, outcome.step) for outcome in state.step_outcomes(run)}
        for name, step in steps:
            if (name, step) not in known:
                state.record_step(run, _unfinished(name, step))
        return sorted({name for name, _ in steps})


def object_and_step(task_id: str) -> tuple[str, str]:
    """`Account.refresh_computed` → (`Account`, `refresh_computed`); a task in no group is its own object."""
    name, _, step = task_id.rpartition(".")
    return (name or step, step)


def _unfinished(object_name: str, step: str) -> StepOutcome:
    from crm_patterns.core.outcomes import RunState

    problem = f"{step} of {object_name} was not finished: its task ended without a word, or never ran."
    fix = "Look at the task in the grid, then clear it."
    return _ended(object_name, step, RunState.FAILED, problem=problem, fix=fix)


def _ended(object_name: str, step: str, verdict: RunState, *, problem: str, fix: str) -> StepOutcome:
    from crm_patterns.core.ports import StepOutcome

    return StepOutcome(object_name, step, verdict, problem=problem, fix=fix, finished_at=datetime.now(UTC))
