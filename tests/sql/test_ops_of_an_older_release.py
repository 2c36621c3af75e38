"""OPS tables that an older release made get the columns that came since; their rows stay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from crm_patterns.core.ops import OPS_DATASETS
from crm_patterns.core.ports import RunKey, Table
from crm_patterns.state import OperationalState
from crm_patterns.steps import close_run
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from tests.source_double import NOON


def test_a_dataset_of_an_older_release_is_widened_and_keeps_its_rows(
    warehouse: SnowflakeWarehouse,
    connect: Callable[[], Any],
    schema: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(close_run, "OPS_SCHEMA", schema)
    table, columns = Table(schema, "RUNS"), OPS_DATASETS["runs"]
    warehouse.run("control/create_ops", names={"table": table, "columns": columns[:5]})
    with connect() as connection:
        connection.cursor().execute(f'insert into "{schema}"."RUNS" ("DAG_ID", "RUN_ID") values (\'old\', \'old\')')
    state = OperationalState(create_engine(f"sqlite:///{tmp_path / 'state.db'}"))
    run = RunKey("crm_warehouse_elt", "new")
    state.start_run(run, source="salesforce", run_type="manual", at=NOON)

    for _ in (1, 2):
        close_run.close_run(
            warehouse, state, run, attempt_schema=f"{schema}_A", keep_attempts=timedelta(days=1), expected=[]
        )

    assert list(warehouse.columns(table)) == [column.name for column in columns]
    with connect() as connection:
        rows = connection.cursor().execute(f'select "RUN_ID" from "{schema}"."RUNS" order by 1').fetchall()
    assert rows == [("new",), ("old",)]
    state.close()
