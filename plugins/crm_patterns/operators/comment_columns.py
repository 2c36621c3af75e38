"""What columns mean, written where people query them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_patterns.operators.step import field_choice
from crm_patterns.operators.upkeep import UpkeepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.contracts import ObjectContract
    from crm_patterns.core.own_columns import OwnColumn
    from crm_patterns.core.ports import State, StepOutcome


class CommentColumnsOperator(UpkeepOperator):
    """Labels and help texts of the source as comments on the columns of one object's tables."""

    step = "comment_columns"

    def keep_up(self, state: State, context: Context) -> StepOutcome:
        from crm_patterns.core.outcomes import RunState
        from crm_patterns.core.own_columns import HISTORY_COLUMNS, OWN_COLUMNS
        from crm_patterns.core.ports import StepOutcome, Table
        from crm_patterns.hooks.warehouse import WarehouseHook
        from crm_patterns.steps.comment_columns import comment_columns

        settings, dry_run = self.settings, bool(context["params"].get("dry_run"))
        contract = self._contract(state, context)
        tables: list[tuple[str, tuple[OwnColumn, ...]]] = [(settings.target_schema, OWN_COLUMNS)]
        if history := settings.history_schema_of(self.object_name):
            tables.append((history, (*OWN_COLUMNS, *HISTORY_COLUMNS)))
        with WarehouseHook(settings.warehouse_conn_id).warehouse() as warehouse:
            written = sum(
                comment_columns(warehouse, Table(schema, contract.table), contract, own, dry_run=dry_run)
                for schema, own in tables
            )
        note = f"{'would write' if dry_run else 'wrote'} the comments of {written:,} columns"
        return StepOutcome(self.object_name, self.step, RunState.SKIPPED if dry_run else RunState.SUCCESS, note=note)

    def _contract(self, state: State, context: Context) -> ObjectContract:
        """As the source describes the object now, in the columns that its fields once got."""
        from crm_patterns.steps.schema import agree

        with self._source(state, context) as source:
            choice = field_choice(self.settings, self.object_name)
            return agree(source, state, self.object_name, source.describe(self.object_name), choice).contract
