"""The daily upkeep of history: rows it missed, and the snapshot of open opportunities."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crm_patterns.operators.step import field_choice
from crm_patterns.operators.upkeep import UpkeepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.ports import State, StepOutcome


class CatchUpHistoryOperator(UpkeepOperator):
    """Add the current rows of one object that are not in its history: after history was off, and never otherwise."""

    step = "catch_up_history"

    def keep_up(self, state: State, context: Context) -> StepOutcome:
        from crm_patterns.core.outcomes import RunState
        from crm_patterns.core.ports import StepOutcome
        from crm_patterns.hooks.warehouse import WarehouseHook
        from crm_patterns.patterns.warehouse_elt import make_contract
        from crm_patterns.steps.history import as_held, begin_history, catch_up_history, history_of

        settings, name = self.settings, self.object_name
        if context["params"].get("dry_run"):
            return self._skipped("Dry run: nothing is written")
        with self._source(state, context) as source:
            contract = make_contract(source.name, source.describe(name), field_choice(settings, name))
        of = history_of(contract, target_schema=settings.target_schema, history_schema=settings.history_schema)
        with WarehouseHook(settings.warehouse_conn_id).warehouse() as warehouse:
            held = as_held(warehouse, of)
            if held is None:
                return self._skipped("nothing of it is loaded yet")
            begin_history(warehouse, held)
            added = catch_up_history(warehouse, held)
        return StepOutcome(name, self.step, RunState.SUCCESS, note=f"{added:,} versions were not in history")


class SnapshotOperator(UpkeepOperator):
    """The day's snapshot of open opportunities; the day is that of the run's data interval."""

    step = "snapshot"

    def keep_up(self, state: State, context: Context) -> StepOutcome:
        from crm_patterns.core.outcomes import RunState
        from crm_patterns.core.ports import StepOutcome, Table
        from crm_patterns.hooks.warehouse import WarehouseHook
        from crm_patterns.patterns.naming import table_name
        from crm_patterns.patterns.snapshots import snapshot_day
        from crm_patterns.steps.snapshot import take_snapshot

        settings, name = self.settings, self.object_name
        day = snapshot_day(context["dag_run"].data_interval_end, now=datetime.now(UTC))
        table = table_name(name)
        if context["params"].get("dry_run"):
            return self._skipped(f"Dry run: the snapshot of {day} would be taken")
        with WarehouseHook(settings.warehouse_conn_id).warehouse() as warehouse:
            taken = take_snapshot(
                warehouse,
                history=Table(settings.history_schema, table),
                snapshot=Table(settings.marts.target_schema, f"{table}_SNAPSHOT"),
                day=day,
                watermark=state.watermark(settings.source, name),
            )
        note = (
            f"{day}: {taken.rows:,} open opportunities ({taken.inserted:,} added, {taken.updated:,} changed, "
            f"{taken.deleted:,} taken away)"
        )
        return StepOutcome(name, self.step, RunState.SUCCESS, note=note)
