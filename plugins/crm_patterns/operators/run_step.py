"""
What every step's operator shares: which run it belongs to, and that a failure is on record before it is raised.

Operators import what they work with inside their methods: a DAG file that names them is read in a fresh process again
and again, and only a task needs more than their names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.exceptions import AirflowSkipException

from crm_patterns.core.errors import FixSettings, IntegrationError, OutOfBudget, StopRun
from crm_patterns.operators.lineage import TellsLineage

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.catalog import CommonSettings
    from crm_patterns.core.outcomes import RunState
    from crm_patterns.core.ports import RunKey, Stage, State

REACTIONS = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[FixSettings, StopRun, OutOfBudget],
            action=RetryAction.FAIL,
            reason="The same attempt would fail again; see the error for what to do.",
        )
    ]
)
"""Airflow retries what may succeed in a while, and nothing else."""


def run_key(context: Context) -> RunKey:
    from crm_patterns.core.ports import RunKey

    dag_run = context["dag_run"]
    return RunKey(dag_run.dag_id, dag_run.run_id)


def run_type(context: Context) -> str:
    """`scheduled`, `manual`, `backfill` or `asset_triggered`: the value, as Airflow's member is another text."""
    kind = context["dag_run"].run_type
    return str(getattr(kind, "value", kind))


class RunStep(TellsLineage):
    """One step of a pattern's run. `object_name` is what the ledger calls that which the step is about."""

    step: ClassVar[str]
    object_name: str

    def __init__(self, *, settings: CommonSettings, **kwargs: Any) -> None:
        kwargs.setdefault("retry_policy", REACTIONS)
        super().__init__(**kwargs)
        self.common = settings

    def state(self) -> State:
        from crm_patterns.hooks.state import StateHook

        return StateHook(self.common.state_conn_id).state()

    def _stage(self) -> Stage:
        from crm_patterns.hooks.stage import StageHook

        settings = self.common
        return StageHook(settings.stage_conn_id).stage(
            settings.stage_root, encrypt=settings.encrypt_stage, keys_conn_id=settings.keys_conn_id
        )

    def _attempt_id(self, context: Context) -> str:
        """Unique per try, sortable by time, safe in a table name and in a path."""
        return f"{datetime.now(UTC):%Y%m%d%H%M%S%f}t{context['ti'].try_number}"

    @contextmanager
    def reported(self, context: Context) -> Iterator[State]:
        """
        Hand out the state; an error leaves this object's outcome as failed, with the sentence people will read.

        Quota that is spent is no error: the object's outcome is deferred, and its tasks end skipped.
        """
        from crm_patterns.core.outcomes import RunState

        state, run = self.state(), run_key(context)
        state.start_run(run, source=self.common.system, run_type=run_type(context), at=datetime.now(UTC))
        try:
            yield state
        except AirflowSkipException:
            raise
        except OutOfBudget as spent:
            self._defer_to_next_run(state, context, spent)
            raise AirflowSkipException(f"Deferred: quota. {spent.problem}") from spent
        except IntegrationError as error:
            self.log.error("%s", error)
            self._record(state, run, RunState.FAILED, problem=error.problem, fix=error.fix)
            raise
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            self._record(state, run, RunState.FAILED, problem=problem, fix="Read the log of the task.")
            raise

    def _defer_to_next_run(self, state: State, context: Context, spent: OutOfBudget) -> None:
        """For want of quota: neither a failure nor a success. A backfill's window no other run reads: that is red."""
        from crm_patterns.core.outcomes import RunState

        self.log.warning("Deferred: quota. %s", spent)
        if run_type(context) == "backfill":
            fix = "No other run reads a backfill's window: clear this task when the quota has recovered."
            self._record(state, run_key(context), RunState.FAILED, problem=spent.problem, fix=fix)
            raise spent
        if not context["params"].get("dry_run"):
            fix = "Nothing to do: the next run of the schedule tries it again, from where the last proven one ended."
            self._record(state, run_key(context), RunState.DEFERRED, problem=spent.problem, fix=fix)

    def _record(self, state: State, run: RunKey, verdict: RunState, *, problem: str, fix: str) -> None:
        from crm_patterns.core.ports import ObjectOutcome

        known = state.outcome(run, self.object_name) or ObjectOutcome(self.object_name, verdict)
        ended = replace(
            known, state=verdict, problem=problem, fix=fix, failed_step=self.step, finished_at=datetime.now(UTC)
        )
        state.record_outcome(run, ended)
