"""
Work at the warehouse, each piece in a process of its own: the product's steps, and what they are compared with.

The last line of output is JSON: seconds of the work itself (without start-up), rows, statements sent.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from crm_patterns.core.ports import RunKey
from crm_patterns.core.staging import StageRef
from tests.warehouse_process import ROOT, connection_arguments_of

SCHEMAS = {"target_schema": "SALESFORCE", "attempt_schema": "CRM_ATTEMPTS"}
HISTORY_SCHEMA = "SALESFORCE_HISTORY"


@dataclass(frozen=True, slots=True)
class Job:
    """Which stage (`StageRef` as JSON), where the warehouse is, and a folder for stage and operational state."""

    server: dict[str, str]
    folder: str
    ref: dict[str, Any]
    run_id: str

    @property
    def run(self) -> RunKey:
        return RunKey("benchmark", self.run_id)


class Counted:
    """A warehouse that counts its statements."""

    def __init__(self, warehouse: Any) -> None:
        self._warehouse = warehouse
        self.statements = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)

    def run(self, *args: Any, **names: Any) -> Any:
        self.statements += 1
        return self._warehouse.run(*args, **names)

    def upload(self, *args: Any, **names: Any) -> Any:
        self.statements += 1
        return self._warehouse.upload(*args, **names)


def _connect(job: Job) -> Any:
    import snowflake.connector

    return snowflake.connector.connect(**connection_arguments_of(job.server, network_timeout_s=300))


def _parts(job: Job) -> tuple[Any, Counted, Any]:
    from fsspec.implementations.local import LocalFileSystem

    from crm_patterns.state import OperationalState
    from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
    from crm_patterns.warehouse.stage import ParquetStage

    stage = ParquetStage(LocalFileSystem(), f"{job.folder}/stage")
    warehouse = Counted(SnowflakeWarehouse(lambda: _connect(job), sql_root=ROOT / "include" / "sql"))
    return stage, warehouse, OperationalState(create_engine(f"sqlite:///{job.folder}/state.db"))


def stage(job: Job) -> dict[str, Any]:
    """Make the stage that `ref` describes by number of the first row, rows and moment."""
    from fsspec.implementations.local import LocalFileSystem

    from benchmarks.opportunities import stage_opportunities
    from crm_patterns.warehouse.stage import ParquetStage

    wanted, root = job.ref, f"{job.folder}/stage"
    began = time.perf_counter()
    ref = stage_opportunities(
        ParquetStage(LocalFileSystem(), root), first=wanted["first"], rows=wanted["rows"],
        changed_at=datetime.fromisoformat(wanted["changed_at"]), attempt_id=job.run_id,
    )  # fmt: skip
    return {"seconds": time.perf_counter() - began, "rows": ref.rows, "statements": 0, "ref": ref.to_xcom()}


def load(job: Job) -> dict[str, Any]:
    """Stage → attempt table, by the product."""
    from crm_patterns.steps.load import load as load_step

    stage, warehouse, state = _parts(job)
    began = time.perf_counter()
    loaded = load_step(stage, warehouse, state, job.run, StageRef.from_xcom(job.ref), **SCHEMAS)
    said = {"seconds": time.perf_counter() - began, "rows": loaded.rows, "statements": warehouse.statements}
    (Path(job.folder) / f"{job.run_id}.json").write_text(json.dumps(loaded.to_xcom()))
    return said


def publish(job: Job, *, history: bool = False) -> dict[str, Any]:
    """Attempt table → current table (and history), by the product; nothing is set aside."""
    from crm_patterns.core.references import CheckedRef, LoadedRef
    from crm_patterns.steps.publish import publish as publish_step

    stage, warehouse, state = _parts(job)
    loaded = LoadedRef.from_xcom(json.loads((Path(job.folder) / f"{job.run_id}.json").read_text()))
    checked = CheckedRef(loaded, "", 0, "")
    began = time.perf_counter()
    kept = {"history_schema": HISTORY_SCHEMA} if history else {}
    published = publish_step(stage, warehouse, state, job.run, checked, **SCHEMAS, **kept)
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds, "rows": published.published, "statements": warehouse.statements,
        "created": published.tally.created, "updated": published.tally.updated,
    }  # fmt: skip


def publish_with_history(job: Job) -> dict[str, Any]:
    return publish(job, history=True)


def insert_rows(job: Job) -> dict[str, Any]:
    """What people write first: `executemany` of an INSERT, 500 rows of the same columns."""
    from benchmarks.opportunities import CONTRACT

    rows, columns = 500, CONTRACT.columns
    with _connect(job) as connection, connection.cursor() as cursor:
        cursor.execute("create schema if not exists BENCH")
        cursor.execute(f"create or replace table BENCH.ROWS ({', '.join(f'{name} varchar' for name in columns)})")
        values = [tuple(f"{name} {number}" for name in columns) for number in range(rows)]
        statement = f"insert into BENCH.ROWS values ({', '.join(['%s'] * len(columns))})"
        began = time.perf_counter()
        cursor.executemany(statement, values)
        return {"seconds": time.perf_counter() - began, "rows": rows, "statements": 1}


def engine_alone(job: Job) -> dict[str, Any]:
    """The local warehouse's own engine on the same files, in memory, without server, protocol or checks."""
    import duckdb

    files = f"{job.folder}/stage/salesforce/Opportunity/*/{{}}/*.parquet"
    first, delta = files.format("first"), files.format("delta")
    with duckdb.connect() as engine:
        began = time.perf_counter()
        engine.execute(f"create table kept as select * from read_parquet('{first}')")
        loaded = time.perf_counter() - began
        began = time.perf_counter()
        engine.execute(f"create table delta as select * from read_parquet('{delta}')")
        engine.execute(
            "merge into kept using delta on kept.id = delta.id "
            "when matched and delta.system_modstamp > kept.system_modstamp then update by name "
            "when not matched then insert by name"
        )
        merged = time.perf_counter() - began
        count = engine.execute("select count(*) from kept").fetchall()[0][0]
    return {"seconds": loaded, "merge_seconds": merged, "rows": count, "statements": 3}


CONTENDERS: dict[str, Callable[[Job], dict[str, Any]]] = {
    "stage": stage,
    "load": load,
    "publish": publish,
    "publish_with_history": publish_with_history,
    "insert_rows": insert_rows,
    "engine_alone": engine_alone,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("--job", type=Path, required=True)
    chosen = parser.parse_args()
    print(json.dumps(CONTENDERS[chosen.contender](Job(**json.loads(chosen.job.read_text())))))
