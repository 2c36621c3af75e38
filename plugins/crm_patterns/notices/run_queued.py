"""Since when a run counts as late, for Airflow's deadlines. The plugin registers it; a DAG names it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.definitions.deadline import BaseDeadlineReference

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class RunQueued(BaseDeadlineReference):
    """
    When the run was queued; a backfill's runs, which queue for one another, have no deadline.

    Airflow's own `DAGRUN_QUEUED_AT` is not used: Airflow 3.3 cannot clear a failed run that has such a deadline
    (HTTP 500, apache/airflow issue 70368).
    """

    required_kwargs: ClassVar[set[str]] = {"dag_id", "run_id"}

    def _evaluate_with(self, *, session: Session, **run: Any) -> datetime | None:
        from airflow.models.dagrun import DagRun
        from sqlalchemy import select

        asked = select(DagRun.queued_at, DagRun.run_type).filter_by(dag_id=run["dag_id"], run_id=run["run_id"])
        queued_at, run_type = session.execute(asked).one()
        moment: datetime | None = queued_at
        return None if str(getattr(run_type, "value", run_type)) == "backfill" else moment
