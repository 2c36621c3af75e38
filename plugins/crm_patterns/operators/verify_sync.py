"""The last step of a plan: the other system holds what it said it took, and the run is settled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from crm_patterns.operators.run_step import run_key
from crm_patterns.operators.sync_step import SyncOperator
from crm_patterns.operators.writing_step import WritingStep

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.changes import RecordOutcome, Side
    from crm_patterns.core.ports import RunKey, State
    from crm_patterns.core.windows import Window
    from crm_patterns.steps.verify import Verification


class VerifyChanges(WritingStep):
    """
    Reads back what was written, or the share of it that the settings say; settles the run; records the outcome.

    StopRun where a record that was accepted is not there. A field that holds another value is told: it is an edit to
    the next run.
    """

    step = "verify"
    template_fields = ("applied",)

    def __init__(self, *, applied: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.applied = applied

    def execute(self, context: Context) -> dict[str, Any]:
        from crm_patterns.core.errors import StopRun
        from crm_patterns.core.outcomes import Tally
        from crm_patterns.steps.sync import outcome_of_cycle
        from crm_patterns.steps.verify import verify

        applied, run = self.applied, run_key(context)
        windows = self._windows()
        with self.reported(context) as state, self.systems(state, context) as sinks:
            changes, outcomes = self.changes_of(applied), state.outcomes_of(run)
            seen = verify(sinks, changes, outcomes, share=self.settings.verify_share)
            self._tell(seen)
            if seen.lost:
                lost = ", ".join(f"{c.system} {c.object_name} {c.record_id or c.key}" for c in seen.lost[:10])
                raise StopRun(
                    f"{len(seen.lost)} records were accepted and are not there: {lost}.",
                    fix="Look whether somebody deleted them; clear this task to look again.",
                )
            tally = Tally.from_json(applied["tally"])
            self.settle(state, run, outcomes, is_whole=not tally.deferred)
            outcome = outcome_of_cycle(
                self.object_name,
                tally,
                applied,
                window=next(iter(windows.values()), None),
                problem=applied["out_of_budget"],
                fix="The next run goes on." if applied["out_of_budget"] else "",
                finished_at=datetime.now(UTC),
            )
            state.record_outcome(run, outcome)
        self.log.info("Read back %s of %s.", seen.read, seen.accepted)
        return {**outcome.tally.to_json(), "read_back": seen.read, "differ": len(seen.differences)}

    def settle(self, state: State, run: RunKey, outcomes: Mapping[str, RecordOutcome], *, is_whole: bool) -> None:
        """Move what moves with a run that is proven; `is_whole`: nothing of it is left to a later run."""

    def _windows(self) -> dict[Side, Window]:
        from crm_patterns.core.changes import Side
        from crm_patterns.core.windows import Window

        return {Side(side): Window.from_json(window) for side, window in self.applied["windows"].items()}

    def _tell(self, seen: Verification) -> None:
        from crm_patterns.patterns.plan_text import counted, shown

        sentences = (
            f"{each.change.system} {each.change.object_name} {each.record_id}: {each.field_name} holds "
            f"{shown(each.present)}, and {shown(each.written)} was written."
            for each in seen.differences
        )
        for line in counted(sentences, most=self.settings.log_changes):
            self.log.warning("%s", line)


class VerifySyncOperator(VerifyChanges, SyncOperator):
    """A pairing: with it the watermarks of both sides move."""

    def settle(self, state: State, run: RunKey, outcomes: Mapping[str, RecordOutcome], *, is_whole: bool) -> None:
        from crm_patterns.steps.sync import settle_cycle

        writes_all, consent_to = self.applied["writes_all"] and is_whole, self.applied["consent_to"]
        moved = settle_cycle(
            state, run, self.pairing(), self._windows(), outcomes, writes_all=writes_all,
            consent_to=datetime.fromisoformat(consent_to) if consent_to else None,
        )  # fmt: skip
        self.log.info("The watermarks %s.", "moved" if moved else "stay")
