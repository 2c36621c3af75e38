"""
# CRM to warehouse

Every hour: what changed in Salesforce, staged as Parquet, audited, published to Snowflake and proven row by row.

**Red** means that some record is unaccounted for, or that a person has to change something first. Nothing half-written
is visible: a table people query changes only by one MERGE, after its audit. Then the marts whose inputs changed are
built, audited and swapped in; pink means that nothing has changed for one, or that an input is missing.

What to do, woken at night:

1. Open the red task and read the last line of its log: it says what is wrong and what to do.
2. `extract`: the source. `load`, `publish`: the warehouse. `validate`: the data; its *Data Docs* button shows the
   rule. `reconcile`: the numbers do not agree; they are in the log.
3. A red task in `marts`: people still see the mart as it was; the log says what its audit found.
4. Then clear the object's task group, or the mart's task. Clearing anything, any number of times, is safe: twice is
   once.

A manual run can be limited to some objects, read everything again (`mode: full`) or only say what it would read
(`dry_run`). A backfill (from this page, *Trigger → Backfill*) reads exactly the days asked for and moves no watermark.
"""

from __future__ import annotations

from airflow.sdk import Param, TaskGroup, dag

from crm_patterns.assets import published_object
from crm_patterns.catalog import include_dir, load_warehouse_elt
from crm_patterns.dag_arguments import dag_arguments, dry_run_param, objects_param, window_param
from crm_patterns.mart_catalog import objects_of_marts
from crm_patterns.operators.build_mart import BuildMartOperator
from crm_patterns.operators.choose import ChooseDueObjectsOperator
from crm_patterns.operators.close_run import CloseRunOperator
from crm_patterns.operators.extract import ExtractToStageOperator
from crm_patterns.operators.load import LoadStageOperator
from crm_patterns.operators.publish import PublishOperator
from crm_patterns.operators.reconcile import ReconcileOperator
from crm_patterns.operators.validate import ValidateOperator
from crm_patterns.patterns.naming import table_name

SETTINGS = load_warehouse_elt(include_dir() / "config" / "warehouse_elt.yaml")
NAMES = [item.name for item in SETTINGS.objects]
MARTS = {
    mart: objects for mart, objects in objects_of_marts(include_dir()).items() if mart not in SETTINGS.marts.exclude
}

FORM = {
    "objects": objects_param(NAMES),
    "mode": Param("incremental", enum=["incremental", "full"], title="Mode",
                  description="full reads everything again from the beginning of time."),
    "window_start": window_param("Window start", "Read again from here (UTC); no watermark moves. Empty: what is new."),
    "window_end": window_param("Window end", "The first moment that is not read again; UTC."),
    "dry_run": dry_run_param("what would be read"),
}  # fmt: skip


@dag(**dag_arguments(SETTINGS, schedule=SETTINGS.schedule, deadline=SETTINGS.deadline), doc_md=__doc__)
def crm_warehouse_elt() -> None:
    chosen = ChooseDueObjectsOperator(task_id="choose_objects", settings=SETTINGS, pool=SETTINGS.pools.source)
    close = CloseRunOperator(
        task_id="close_run", settings=SETTINGS, marts=MARTS, pool=SETTINGS.pools.warehouse, trigger_rule="all_done"
    )
    proofs = {}
    for name in NAMES:
        asset = published_object(SETTINGS.target_schema, table_name(name))
        at_source = {"settings": SETTINGS, "object_name": name, "pool": SETTINGS.pools.source}
        at_warehouse = {**at_source, "pool": SETTINGS.pools.warehouse}
        with TaskGroup(name):
            staged = ExtractToStageOperator(task_id="extract", **at_source)
            loaded = LoadStageOperator(task_id="load", stage=staged.output, **at_warehouse)
            checked = ValidateOperator(task_id="validate", loaded=loaded.output, **at_warehouse)
            published = PublishOperator(task_id="publish", checked=checked.output, **at_warehouse)
            proven = ReconcileOperator(task_id="reconcile", published=published.output, outlets=[asset], **at_warehouse)
        chosen >> staged
        proven >> close
        proofs[name] = proven
    with TaskGroup("marts"):
        for mart, objects in MARTS.items():
            asset = published_object(SETTINGS.marts.target_schema, mart)
            built = BuildMartOperator(
                task_id=mart.lower(), mart=mart, settings=SETTINGS, pool=SETTINGS.pools.warehouse,
                outlets=[asset], trigger_rule="none_failed",
            )  # fmt: skip
            [proofs[name] for name in objects if name in proofs] >> built >> close


# Given after the tasks: Airflow copies the form that a DAG has by then into each of its tasks, at each reading.
crm_warehouse_elt().params = FORM
