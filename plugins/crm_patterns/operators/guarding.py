"""Steps of the warehouse pattern that ask a person before far more rows than usual go."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from crm_patterns.operators.asking import AsksAPerson
from crm_patterns.operators.step import StepOperator

if TYPE_CHECKING:
    from crm_patterns.patterns.guards import GuardRules


class GuardsRows(AsksAPerson, StepOperator):
    """By the limits of the settings' `guards`."""

    @property
    def answer_within(self) -> timedelta:
        return self.settings.guards.wait

    def _rules(self, approved: int) -> GuardRules:
        from crm_patterns.patterns.guards import GuardRules

        limits = self.settings.guards
        return GuardRules(limits.full_shrinks_by, limits.deletes_share, limits.deletes_at_least, approved)
