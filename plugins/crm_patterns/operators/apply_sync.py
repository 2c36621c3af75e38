"""The plan, written: each record with its own outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from crm_patterns.operators.run_step import run_key
from crm_patterns.operators.sync_step import SyncOperator
from crm_patterns.operators.writing_step import WritingStep

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.changes import ChangeSet, RecordOutcome


class ApplyChanges(WritingStep):
    """
    Writes the plan that passed the gate; returns it with the counts of what became of it.

    What the other system rejects is set aside; what it defers is tried again by the next run. Killed and retried, it
    looks for what may have been written before it sends anything again.
    """

    step = "apply"
    template_fields = ("passed",)

    def __init__(self, *, passed: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.passed = passed

    def execute(self, context: Context) -> dict[str, Any]:
        from crm_patterns.patterns.plan_text import counted
        from crm_patterns.steps.apply import ApplyOrder, apply

        with self.reported(context) as state, self.systems(state, context) as sinks:
            changes = self.changes_of(self.passed)
            order = ApplyOrder(
                run_key(context), most_tries=self.settings.most_tries, anew=bool(context["params"].get("replay"))
            )
            done = apply(sinks, state, changes, order, clock=lambda: datetime.now(UTC))
        for line in counted(_not_accepted(changes, done.outcomes), most=self.settings.log_changes):
            self.log.warning("%s", line)
        if done.out_of_budget:
            self.log.warning("Deferred until %s: %s", done.until, done.out_of_budget)
        self.log.info("%s", done.tally)
        return {**self.passed, "tally": done.tally.to_json(), "out_of_budget": done.out_of_budget}


def _not_accepted(changes: ChangeSet, outcomes: Mapping[str, RecordOutcome]) -> Iterator[str]:
    for change in changes.writes:
        outcome = outcomes[change.change_id]
        if not outcome.is_accepted:
            where = f"{change.system} {change.object_name} {change.record_id or change.key}"
            yield f"{outcome.fate}: {where}: {outcome.reason}"


class ApplySyncOperator(ApplyChanges, SyncOperator):
    """Both sides of a pairing."""
