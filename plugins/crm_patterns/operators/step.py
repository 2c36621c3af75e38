"""
What every step's operator shares: which run it belongs to, and that a failure is on record before it is raised.

Operators import what they work with inside their methods: a DAG file that names them is read in a fresh process again
and again, and only a task needs more than their names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.exceptions import AirflowSkipException

from crm_patterns.core.errors import FixSettings, IntegrationError, OutOfBudget, StopRun
from crm_patterns.operators.lineage import TellsLineage

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.catalog import WarehouseEltSettings
    from crm_patterns.core.keys import KeyRing
    from crm_patterns.core.outcomes import RunState
    from crm_patterns.core.ports import Quality, RememberedJob, RunKey, Source, Stage, State, Warehouse
    from crm_patterns.patterns.quota import Means
    from crm_patterns.patterns.warehouse_elt import FieldChoice

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


def hash_keys(settings: WarehouseEltSettings, object_name: str) -> KeyRing:
    """The keys that the object's columns are hashed with; the connection is read only where one is."""
    from crm_patterns.core.keys import NO_KEYS, Purpose
    from crm_patterns.hooks.keys import KeysHook

    if not settings.object(object_name).hashed:
        return NO_KEYS
    return KeysHook(settings.keys_conn_id).ring(Purpose.HASH)


def field_choice(settings: WarehouseEltSettings, object_name: str) -> FieldChoice:
    """What the settings say about the object's fields."""
    from crm_patterns.patterns.warehouse_elt import FieldChoice

    item = settings.object(object_name)
    return FieldChoice(
        include=item.include,
        exclude=item.exclude,
        hashed=item.hashed,
        cursor=item.cursor,
        blocked=item.blocked,
        hash_key=hash_keys(settings, object_name).current,
        refresh=item.refresh,
    )


class StepOperator(TellsLineage):
    """One step for one object. `settings` is the pattern's frozen settings; `object_name` the API name."""

    step: ClassVar[str]

    def __init__(self, *, settings: WarehouseEltSettings, object_name: str, **kwargs: Any) -> None:
        kwargs.setdefault("retry_policy", REACTIONS)
        super().__init__(**kwargs)
        self.settings = settings
        self.object_name = object_name

    def state(self) -> State:
        from crm_patterns.hooks.state import StateHook

        return StateHook(self.settings.state_conn_id).state()

    @contextmanager
    def _source(self, state: State, context: Context) -> Iterator[Source]:
        """The source for this task; what it cost is on record, however the task ends."""
        from crm_patterns.hooks.salesforce import SalesforceSourceHook

        source = SalesforceSourceHook(self.settings.source_conn_id).source(
            page_rows=self.settings.page_rows,
            pages_ahead=self.settings.pages_ahead,
            hash_keys=hash_keys(self.settings, self.object_name),
        )
        try:
            yield source
        finally:
            spent, at = source.usage(), datetime.now(UTC)
            state.record_calls(run_key(context), source.name, self.object_name, step=self.step, usage=spent, at=at)
            source.close()

    def _stage(self) -> Stage:
        from crm_patterns.hooks.stage import StageHook

        settings = self.settings
        return StageHook(settings.stage_conn_id).stage(
            settings.stage_root, encrypt=settings.encrypt_stage, keys_conn_id=settings.keys_conn_id
        )

    @contextmanager
    def at_warehouse(self, context: Context) -> Iterator[tuple[State, Warehouse]]:
        """`reported`, and the warehouse; a warehouse that cannot be reached is this object's failure too."""
        from crm_patterns.hooks.warehouse import WarehouseHook

        with (
            self.reported(context) as state,
            WarehouseHook(self.settings.warehouse_conn_id).warehouse() as warehouse,
        ):
            yield state, warehouse

    def _quality(self) -> Quality:
        from crm_patterns.hooks.warehouse import WarehouseHook

        settings = self.settings
        hook = WarehouseHook(settings.warehouse_conn_id)
        return hook.quality(docs_root=settings.data_docs_root, docs_url=settings.data_docs_url)

    def _defer_until_ready(self, job: RememberedJob) -> None:
        """Give the worker slot back until the job has ended or is too old; then `resume` is called."""
        from crm_patterns.steps.slices import waiting_since
        from crm_patterns.triggers.source_job import SourceJobTrigger

        deadline = waiting_since(job) + timedelta(seconds=self.settings.job_deadline_s)
        self.log.info("Bulk job %s is not ready; waiting without a worker slot until %s.", job.job_id, deadline)
        self.defer(
            trigger=SourceJobTrigger(
                conn_id=self.settings.source_conn_id, job_id=job.job_id, deadline=deadline.astimezone(UTC).isoformat()
            ),
            method_name="resume",
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
        state.start_run(run, source=self.settings.source, run_type=run_type(context), at=datetime.now(UTC))
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

    def _admitted(self, source: Source, state: State, context: Context) -> Means:
        """How much of the source may be used. OutOfBudget where its quota is down to the reserve."""
        from crm_patterns.patterns.quota import QuotaRules
        from crm_patterns.steps import quota

        settings, run = self.settings, run_key(context)
        rules = QuotaRules(settings.quota.reserve_share, settings.quota.rest_when_bulk_is_out_rows)
        return quota.admit(source, state, run, rules, job_page_rows=settings.page_rows, at=datetime.now(UTC))
