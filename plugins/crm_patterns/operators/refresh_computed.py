"""Formula and roll-up fields, which change without a new stamp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_patterns.operators.step import field_choice
from crm_patterns.operators.upkeep import UpkeepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.ports import State, StepOutcome


class RefreshComputedOperator(UpkeepOperator):
    """Name the fields of one object that change without a new stamp."""

    step = "refresh_computed"

    def keep_up(self, state: State, context: Context) -> StepOutcome:
        from crm_patterns.core.outcomes import RunState
        from crm_patterns.core.ports import StepOutcome
        from crm_patterns.patterns.computed_fields import computed_names, refresh_contract, values_of
        from crm_patterns.patterns.warehouse_elt import make_contract

        item = self.settings.object(self.object_name)
        if item.refresh_every == "never":
            return StepOutcome(item.name, self.step, RunState.SKIPPED, note="settings say refresh_every: never")
        with self._source(state, context) as source:
            description = source.describe(item.name)
            contract = make_contract(source.name, description, field_choice(self.settings, item.name))
        wanted = refresh_contract(contract, computed_names(description, item.refresh))
        columns = ", ".join(values_of(wanted)) if wanted else "no field"
        return StepOutcome(item.name, self.step, RunState.SKIPPED, note=f"changes without a new stamp: {columns}")
