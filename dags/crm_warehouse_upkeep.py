"""
# CRM to warehouse: daily upkeep

Once a day: what the hourly windows cannot see. All ids are compared with the source's, so that deletions that its log
does not tell arrive and lost rows are found. Formula and roll-up fields that changed without a new stamp are read and
put right. Labels and help texts become comments on the columns (`comment_columns`). Staged files and Data Docs whose
time is over are removed (`clean_stage`).

**Red** means that a step is not proven, or that a person has to change something first. What it has done so far is
right and stays.

What to do, woken at night:

1. Open the red task and read the last line of its log: it says what is wrong and what to do.
2. Then clear that task. Clearing anything, any number of times, is safe: twice is once.
3. It can wait until the morning: the hourly run does not depend on it.

A manual run can be limited to some objects or only say what it would do (`dry_run`). What each step did is in
`OPS.STEPS` of the warehouse.
"""

from __future__ import annotations

from airflow.sdk import TaskGroup, dag

from crm_patterns.catalog import include_dir, load_warehouse_elt
from crm_patterns.dag_arguments import dag_arguments, dry_run_param, objects_param
from crm_patterns.operators.choose import ChooseObjectsOperator
from crm_patterns.operators.clean_stage import CleanStageOperator
from crm_patterns.operators.comment_columns import CommentColumnsOperator
from crm_patterns.operators.compare_ids import CompareIdsOperator
from crm_patterns.operators.refresh_computed import RefreshComputedOperator
from crm_patterns.operators.upkeep import CloseUpkeepOperator
from crm_patterns.operators.upkeep_history import CatchUpHistoryOperator, SnapshotOperator

SETTINGS = load_warehouse_elt(include_dir() / "config" / "warehouse_elt.yaml")
NAMES = [item.name for item in SETTINGS.objects]
SNAPSHOT_OF = "Opportunity"

FORM = {"objects": objects_param([*NAMES, "clean_stage"]), "dry_run": dry_run_param("what would be done")}


@dag(**dag_arguments(SETTINGS, schedule=SETTINGS.upkeep.schedule, deadline=SETTINGS.upkeep.deadline), doc_md=__doc__)
def crm_warehouse_upkeep() -> None:
    chosen = ChooseObjectsOperator(
        task_id="choose_objects", object_names=[*NAMES, "clean_stage"], pool=SETTINGS.pools.source
    )
    close = CloseUpkeepOperator(
        task_id="close_run", settings=SETTINGS, pool=SETTINGS.pools.warehouse, trigger_rule="all_done"
    )
    cleaned = CleanStageOperator(
        task_id="clean_stage", settings=SETTINGS, object_name="clean_stage", pool=SETTINGS.pools.warehouse
    )
    chosen >> cleaned >> close
    for name in NAMES:
        step = {"settings": SETTINGS, "object_name": name, "pool": SETTINGS.pools.source}
        with TaskGroup(name):
            compared = CompareIdsOperator(task_id="compare_ids", **step)
            refreshed = RefreshComputedOperator(task_id="refresh_computed", **step)
            commented = CommentColumnsOperator(task_id="comment_columns", **step)
            if SETTINGS.object(name).history:
                warehouse = {**step, "pool": SETTINGS.pools.warehouse, "trigger_rule": "all_done"}
                caught_up = CatchUpHistoryOperator(task_id="catch_up_history", **warehouse)
                chosen >> caught_up >> close  # a branch that is not chosen skips only what is directly behind it
                [compared, refreshed] >> caught_up
                if name == SNAPSHOT_OF:
                    taken = SnapshotOperator(task_id="snapshot", **warehouse)
                    chosen >> taken >> close
                    caught_up >> taken
        chosen >> [compared, refreshed] >> close
        chosen >> commented >> close


# Given after the tasks: Airflow copies the form that a DAG has by then into each of its tasks, at each reading.
crm_warehouse_upkeep().params = FORM
