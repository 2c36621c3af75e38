"""What the operators of the warehouse pattern share: source, warehouse, quota and rules of one object."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from crm_patterns.operators.run_step import REACTIONS, RunStep, run_key, run_type

__all__ = ["REACTIONS", "StepOperator", "field_choice", "hash_keys", "run_key", "run_type"]

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.catalog import WarehouseEltSettings
    from crm_patterns.core.keys import KeyRing
    from crm_patterns.core.ports import Quality, RememberedJob, Source, State, Warehouse
    from crm_patterns.patterns.quota import Means
    from crm_patterns.patterns.warehouse_elt import FieldChoice
    from crm_patterns.steps.read_plan import ExtractOrder


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


class StepOperator(RunStep):
    """One step for one object. `settings` is the pattern's frozen settings; `object_name` the API name."""

    def __init__(self, *, settings: WarehouseEltSettings, object_name: str, **kwargs: Any) -> None:
        super().__init__(settings=settings, **kwargs)
        self.settings = settings
        self.object_name = object_name

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

    def _defer_until_ready(self, job: RememberedJob) -> NoReturn:
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

    def _admitted(self, source: Source, state: State, context: Context) -> Means:
        """How much of the source may be used. OutOfBudget where its quota is down to the reserve."""
        from crm_patterns.patterns.quota import QuotaRules
        from crm_patterns.steps import quota

        settings, run = self.settings, run_key(context)
        rules = QuotaRules(settings.quota.reserve_share, settings.quota.rest_when_bulk_is_out_rows)
        return quota.admit(source, state, run, rules, job_page_rows=settings.page_rows, at=datetime.now(UTC))

    def _beside_windows(self, context: Context, read: str) -> ExtractOrder:
        """
        How all rows are read beside the windows. A job is remembered per run and object: `read` tells this one from
        the others of the same run.
        """
        from crm_patterns.core.windows import WindowKind
        from crm_patterns.steps.read_plan import ExtractOrder

        settings, run = self.settings, run_key(context)
        return ExtractOrder(
            run=replace(run, run_id=f"{run.run_id}/{read}"),
            object_name=self.object_name,
            choice=field_choice(settings, self.object_name),
            read=settings.object(self.object_name).read,
            kind=WindowKind.FULL,
            interval=None,
            lag=timedelta(0),
            overlap=timedelta(0),
            rest_below=settings.rest_below_rows,
        )
