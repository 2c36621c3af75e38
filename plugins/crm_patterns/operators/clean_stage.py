"""Staged files and Data Docs whose time is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from crm_patterns.operators.upkeep import UpkeepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.ports import State, StepOutcome


class CleanStageOperator(UpkeepOperator):
    """Remove attempts older than `keep_stage_days`, orphaned attempts, and pages older than `keep_data_docs_days`."""

    step = "clean_stage"

    def keep_up(self, state: State, context: Context) -> StepOutcome:
        from crm_patterns.core.outcomes import RunState
        from crm_patterns.core.ports import StepOutcome
        from crm_patterns.steps.clean_stage import clean_stage
        from crm_patterns.warehouse.data_docs import DataDocs

        settings, now = self.settings, datetime.now(UTC)
        dry_run = bool(context["params"].get("dry_run"))
        keep = timedelta(days=settings.keep_stage_days)
        gone = clean_stage(self._stage(), state, keep=keep, now=now, dry_run=dry_run)
        docs = DataDocs(Path(settings.data_docs_root), url=settings.data_docs_url)
        pages = docs.forget_before(now - timedelta(days=settings.keep_data_docs_days), dry_run=dry_run)
        note = (
            f"{'would remove' if dry_run else 'removed'} {gone.attempts:,} attempts and {gone.orphans:,} orphans "
            f"({gone.bytes / 1e6:,.1f} MB) and {pages:,} Data Docs; {gone.kept:,} attempts stay"
        )
        return StepOutcome(self.object_name, self.step, RunState.SKIPPED if dry_run else RunState.SUCCESS, note=note)
