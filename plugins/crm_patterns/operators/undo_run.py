"""The steps that turn a run of another DAG round: its plan is gated, applied and verified like any other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from crm_patterns.operators.apply_sync import ApplyChanges
from crm_patterns.operators.close_sync import CloseSyncOperator
from crm_patterns.operators.gate_sync import GateChanges
from crm_patterns.operators.links import PlanLink, StageFolderLink
from crm_patterns.operators.run_step import run_key
from crm_patterns.operators.verify_sync import VerifyChanges
from crm_patterns.operators.writing_step import WritingStep

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.changes import ChangeSet
    from crm_patterns.core.ports import State
    from crm_patterns.core.staging import StageRef
    from crm_patterns.patterns.undo import Reversal

UNDO = "undo"
"""What the ledger and OPS call the undoing of a run."""


class UndoStep(WritingStep):
    """One step of undoing a run. Salesforce and every platform of the settings may have been written to."""

    object_name = UNDO

    def connections(self) -> Mapping[str, str]:
        from crm_patterns.pairings import connections_of

        return connections_of(self.settings, [platform.name for platform in self.settings.platforms])

    def held(self, state: State) -> Mapping[tuple[str, str], int | None]:  # noqa: ARG002
        """Unknown: the gate asks by the count of records, not by their share."""
        return {}


class PlanUndoOperator(UndoStep):
    """
    Reads the records that the run of the form (`dag_id`, `run_id`) wrote, and stages what brings them back.

    Writes nothing outside. The log shows the changes field by field, and what stays as it is, with the reason.
    """

    step = "plan"
    operator_extra_links = (PlanLink(), StageFolderLink())

    def execute(self, context: Context) -> dict[str, Any]:
        from crm_patterns.core.ports import RunKey
        from crm_patterns.steps.undo import plan_undo

        params = context["params"]
        bad = RunKey(str(params.get("dag_id") or ""), str(params.get("run_id") or "").strip())
        with self.reported(context) as state, self.systems(state, context) as sinks:
            reversal = plan_undo(sinks, self._stage(), state, bad)
            staged = self._staged(reversal.changes, context)
            self.plan_path = self.stage_path = self.stage_path_of(staged.uri)
            self._show(reversal)
            is_dry_run = bool(params.get("dry_run"))
            if not is_dry_run:
                state.remember_plan(run_key(context), UNDO, staged)
        left_alone = {(kept.change.system, kept.change.object_name, kept.change.key) for kept in reversal.kept}
        undone = {(change.system, change.object_name, change.key) for change in reversal.changes}
        return {
            "plan": staged.to_xcom(),
            "writes": len(reversal.changes.writes),
            "unchanged": len(left_alone - undone),
            "windows": {},
            "dry_run": is_dry_run,
        }

    def _staged(self, changes: ChangeSet, context: Context) -> StageRef:
        from crm_patterns.core.staging import StageAddress
        from crm_patterns.core.windows import Window, WindowKind
        from crm_patterns.steps.staged_changes import stage_changes

        now = datetime.now(UTC).replace(microsecond=0)
        address = StageAddress(UNDO, "changes", Window(None, now, WindowKind.BACKFILL), self._attempt_id(context))
        return stage_changes(self._stage(), address, changes, planned_at=now.isoformat())

    def _show(self, reversal: Reversal) -> None:
        from crm_patterns.patterns.plan_text import counted, lines_of

        for line in lines_of(reversal.changes, most=self.settings.log_changes):
            self.log.info("%s", line)
        kept = (
            f"Stays: {k.change.system} {k.change.object_name} {k.change.record_id or k.change.key} {k.field_name}: "
            f"{k.reason}"
            for k in reversal.kept
        )
        for line in counted(kept, most=self.settings.log_changes):
            self.log.warning("%s", line)


class GateUndoOperator(GateChanges, UndoStep):
    """Before a run is undone."""


class ApplyUndoOperator(ApplyChanges, UndoStep):
    """Every system that the run wrote to."""


class VerifyUndoOperator(VerifyChanges, UndoStep):
    """No watermark moves: what is undone is agreed, and no later run writes it again."""


class CloseUndoOperator(CloseSyncOperator):
    """The last task of an undo."""

    def expected(self, context: Context) -> list[str]:
        return [] if context["params"].get("dry_run") else [UNDO]
