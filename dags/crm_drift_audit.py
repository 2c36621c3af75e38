"""
# Drift audit

Once a day: is what the warehouse holds still what Salesforce says? Counts over everything, then checksums over a share
of each object, so that all of it is compared in a week (`audit.days`). What differs is named in `OPS.DRIFT_FINDINGS`,
read again and put right.

**Red** means that an object could not be compared. A difference is not red: it is told in Slack, with what became of
it.

What to do, woken at night:

1. Open the red task and read the last line of its log: it says what is wrong and what to do.
2. Then clear that task. Clearing anything, any number of times, is safe: twice is once.
3. It can wait until the morning: nothing depends on it.

A manual run can be limited to some objects, compare all of them at once (`everything`), or only report (`dry_run`).
"""

from __future__ import annotations

from airflow.sdk import Param, TaskGroup, dag

from crm_patterns.catalog import include_dir, load_warehouse_elt
from crm_patterns.dag_arguments import dag_arguments, dry_run_param, objects_param
from crm_patterns.operators.choose import ChooseObjectsOperator
from crm_patterns.operators.drift_audit import DriftAuditOperator
from crm_patterns.operators.upkeep import CloseUpkeepOperator

SETTINGS = load_warehouse_elt(include_dir() / "config" / "warehouse_elt.yaml")
NAMES = [item.name for item in SETTINGS.objects]

FORM = {
    "objects": objects_param(NAMES),
    "everything": Param(False, type="boolean", title="Everything", description="Not only the share that is due."),
    "dry_run": dry_run_param("what differs"),
}


@dag(**dag_arguments(SETTINGS, schedule=SETTINGS.audit.schedule, deadline=SETTINGS.audit.deadline), doc_md=__doc__)
def crm_drift_audit() -> None:
    chosen = ChooseObjectsOperator(task_id="choose_objects", object_names=NAMES, pool=SETTINGS.pools.source)
    close = CloseUpkeepOperator(
        task_id="close_run", settings=SETTINGS, pool=SETTINGS.pools.warehouse, trigger_rule="all_done"
    )
    for name in NAMES:
        with TaskGroup(name):
            audited = DriftAuditOperator(
                task_id="audit", settings=SETTINGS, object_name=name, pool=SETTINGS.pools.source
            )
        chosen >> audited >> close


# Given after the tasks: Airflow copies the form that a DAG has by then into each of its tasks, at each reading.
crm_drift_audit().params = FORM
