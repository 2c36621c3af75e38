"""
### Undo a run

Brings back what a run of `crm_marketing_sync` (or of this DAG) changed: `plan` (every record that the run wrote, as it
is now; what somebody edited since stays) → `gate` (a large undo waits for a person) → `apply` → `verify` → `close_run`.

Trigger it with the id of the run, as it stands at the head of the run's page. With `dry_run` it only shows what would
come back: in the log of `plan`, and on its page.

**If you were woken at night**

1. `close_run` is red and says why; so does the Slack message. A red `plan`: there is no such run, it wrote nothing, or
   a system cannot be reached. Nothing was written. `gate`: somebody rejected it, or nobody answered.
2. Clear the red task, any number of times: what may have been written is looked for first.

A record that the run created is deleted only if nobody touched it since. Deleted records and lifted restrictions do not
come back: see `docs/undo.md`. Later runs leave alone what was undone, until somebody edits it.
"""

from __future__ import annotations

from airflow.sdk import Param, dag

from crm_patterns.catalog import include_dir, load_marketing_sync
from crm_patterns.dag_arguments import dag_arguments, dry_run_param
from crm_patterns.operators.undo_run import (
    ApplyUndoOperator,
    CloseUndoOperator,
    GateUndoOperator,
    PlanUndoOperator,
    VerifyUndoOperator,
)

SETTINGS = load_marketing_sync(include_dir() / "config" / "marketing_sync.yaml")

FORM = {
    "dag_id": Param("crm_marketing_sync", type="string", minLength=1, title="DAG",
                    description="The DAG of the run."),
    "run_id": Param("", type="string", title="Run",
                    description="Its id, as at the head of its page: scheduled__2026-01-31T06:00:00+00:00."),
    "dry_run": dry_run_param("what would come back"),
    "approve_above": Param(None, type=["integer", "null"], minimum=0, title="Approve above",
                           description="A person is asked above so many records; empty: as the settings say."),
}  # fmt: skip

BY_HAND = dag_arguments(SETTINGS, schedule=None, deadline=SETTINGS.deadline, tags=["salesforce", "marketing"])


@dag(**BY_HAND, doc_md=__doc__)
def crm_undo() -> None:
    shared = {"settings": SETTINGS, "pool": SETTINGS.pools.source}
    planned = PlanUndoOperator(task_id="plan", **shared)
    passed = GateUndoOperator(task_id="gate", planned=planned.output, **shared)
    applied = ApplyUndoOperator(task_id="apply", passed=passed.output, **shared)
    verified = VerifyUndoOperator(task_id="verify", applied=applied.output, **shared)
    verified >> CloseUndoOperator(
        task_id="close_run", settings=SETTINGS, pool=SETTINGS.pools.warehouse, trigger_rule="all_done"
    )


# Given after the tasks: Airflow copies the form that a DAG has by then into each of its tasks, at each reading.
crm_undo().params = FORM
