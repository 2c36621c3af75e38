"""What tasks import, imported once: for the process that task processes are forked from."""

from __future__ import annotations

import gc
import importlib
import logging

MODULES = (
    "great_expectations",
    "great_expectations.render.view",
    "pandas",
    "pyarrow.csv",
    "pyarrow.parquet",
    "snowflake.connector",
    "snowflake.sqlalchemy",
    "airflow.providers.snowflake.hooks.snowflake",
    "crm_patterns.clients.salesforce.client",
    "crm_patterns.state",
    "crm_patterns.warehouse.quality",
    "crm_patterns.warehouse.snowflake",
    "crm_patterns.warehouse.stage",
    "crm_patterns.operators.extract",
    "crm_patterns.operators.load",
    "crm_patterns.operators.validate",
    "crm_patterns.operators.publish",
    "crm_patterns.operators.reconcile",
    "crm_patterns.operators.choose",
    "crm_patterns.operators.close_run",
    "crm_patterns.notices",
)


def preload() -> None:
    """Import them all. Great Expectations tells at length what it registers; only its warnings are wanted."""
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    for name in MODULES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a forked task would otherwise touch, and so copy, every page of these modules
