"""Every file of include/sql is run on the local warehouse, and gives what it promises."""

from __future__ import annotations

from pathlib import Path

from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from tests.sql.scenario import scenario


def test_every_statement_runs_and_keeps_its_promise(warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path) -> None:
    run: set[str] = set()

    for step in scenario(schema, tmp_path):
        rows = warehouse.run(step.statement, names=step.names, values=step.values)
        assert step.rows is None or rows == step.rows, step.statement
        run.add(step.statement)

    assert sorted(run) == warehouse.templates.statements()
