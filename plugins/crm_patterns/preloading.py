"""What tasks and DAG files import, imported once: for the processes that theirs are forked from."""

from __future__ import annotations

import gc
import importlib
import logging

WIRING = (
    "crm_patterns.operators.extract",
    "crm_patterns.operators.load",
    "crm_patterns.operators.validate",
    "crm_patterns.operators.publish",
    "crm_patterns.operators.reconcile",
    "crm_patterns.operators.build_mart",
    "crm_patterns.mart_catalog",
    "crm_patterns.operators.choose",
    "crm_patterns.operators.close_run",
    "crm_patterns.operators.drift_audit",
    "crm_patterns.operators.refresh_computed",
    "crm_patterns.operators.clean_stage",
    "crm_patterns.operators.comment_columns",
    "crm_patterns.operators.upkeep",
    "crm_patterns.operators.plan_sync",
    "crm_patterns.operators.gate_sync",
    "crm_patterns.operators.apply_sync",
    "crm_patterns.operators.verify_sync",
    "crm_patterns.operators.close_sync",
    "crm_patterns.catalog.marketing_sync",
    "crm_patterns.triggers.inbox",
    "crm_patterns.dag_arguments",
    "crm_patterns.notices",
)
"""What a DAG file imports: none of it heavy, all of it the same at every reading of the file."""

HEAVY = (
    "great_expectations",
    "great_expectations.render.view",
    "pandas",
    "pyarrow.csv",
    "pyarrow.parquet",
    "snowflake.connector",
    "snowflake.sqlalchemy",
    "airflow.providers.snowflake.hooks.snowflake",
    "crm_patterns.clients.salesforce.client",
    "crm_patterns.clients.salesforce.sink",
    "crm_patterns.clients.hubspot.client",
    "crm_patterns.hooks.hubspot",
    "crm_patterns.hooks.platforms",
    "crm_patterns.pairings",
    "crm_patterns.translations",
    "crm_patterns.steps.apply",
    "crm_patterns.steps.record_plan",
    "crm_patterns.steps.sync",
    "crm_patterns.steps.verify",
    "crm_patterns.hooks.salesforce",
    "crm_patterns.hooks.stage",
    "crm_patterns.hooks.state",
    "crm_patterns.hooks.warehouse",
    "crm_patterns.state",
    "crm_patterns.currency_rates",
    "crm_patterns.steps.build_mart",
    "crm_patterns.steps.close_run",
    "crm_patterns.steps.collect_consent",
    "crm_patterns.steps.extract",
    "crm_patterns.steps.load",
    "crm_patterns.steps.publish",
    "crm_patterns.steps.reconcile",
    "crm_patterns.steps.validate",
    "crm_patterns.steps.validate_sync",
    "crm_patterns.triggers.source_job",
    "crm_patterns.warehouse.quality",
    "crm_patterns.warehouse.row_quality",
    "crm_patterns.warehouse.snowflake",
    "crm_patterns.warehouse.stage",
)
"""What tasks import besides."""


def preload_for_dag_files() -> None:
    """In the dag-processor, which forks a process for each reading of a DAG file."""
    for name in WIRING:
        importlib.import_module(name)


def preload_for_tasks() -> None:
    """Import them all. Great Expectations tells at length what it registers; only its warnings are wanted."""
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    for name in (*HEAVY, *WIRING):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a forked task would otherwise touch, and so copy, every page of these modules
