"""
kill -9 before every single call to the outside, then retry as Airflow would: always the same table.

Each round runs the five steps in a forked process that kills itself at its n-th call to source, stage, warehouse or
state. What finished steps returned is kept, as Airflow keeps it; the step that died is run again from its start.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy import create_engine

from crm_patterns.core.outcomes import Tally
from crm_patterns.core.references import CheckedRef, LoadedRef, PublishedRef
from crm_patterns.core.staging import StageRef
from crm_patterns.state import OperationalState
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from crm_patterns.warehouse.stage import ParquetStage
from tests.kills import Fuse, Mortal, by_signal, fatal_calls
from tests.pipeline import HOUR, Pipeline
from tests.source_double import NOON, SourceDouble, key, row

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(2700)]
ROOT = Path(__file__).resolve().parents[2]
STEPS: dict[str, Callable[[Any], Any] | None] = {
    "extract": None,
    "load": StageRef.from_xcom,
    "validate": LoadedRef.from_xcom,
    "publish": CheckedRef.from_xcom,
    "reconcile": PublishedRef.from_xcom,
}


def run_steps(folder: Path, schema: str, connect: Callable[[], Any], fatal: int) -> None:
    """In a process of its own: go on after the last finished step; leave how many calls it took."""
    fuse = Fuse(fatal, die=by_signal)
    state = OperationalState(create_engine(f"sqlite:///{folder / 'state.db'}"))
    warehouse = SnowflakeWarehouse(connect, sql_root=ROOT / "include" / "sql")
    stage = ParquetStage(LocalFileSystem(), str(folder / "stage"))
    ports = [Mortal(port, fuse) for port in (warehouse, stage, state)]
    pipeline = Pipeline(*ports, schema, Mortal(source(), fuse), connect, tries=len(list(folder.glob("try-*"))))
    (folder / f"try-{fatal}-{os.getpid()}").touch()
    result: Any = None
    for step, read in STEPS.items():
        done = folder / f"{step}.json"
        if not done.exists():
            given = [read(result)] if read else []
            answer = getattr(pipeline, step)(*given)
            done.write_text(json.dumps(answer.to_xcom() if step != "reconcile" else answer.tally.to_json()))
        result = json.loads(done.read_text())
    warehouse.close()
    (folder / "calls").write_text(str(fuse.calls))


def source() -> SourceDouble:
    return SourceDouble(
        rows=[row(1, at=NOON - 3 * HOUR), row(2, at=NOON - 2 * HOUR, name=None), row(3, at=NOON - HOUR, deleted=True)],
        deletions={key(4): NOON - HOUR},
    )


def an_earlier_run(folder: Path, schema: str, connect: Callable[[], Any]) -> None:
    """It brought a row that the run under test learns to be deleted."""
    folder.mkdir()
    state = OperationalState(create_engine(f"sqlite:///{folder / 'state.db'}"))
    warehouse = SnowflakeWarehouse(connect, sql_root=ROOT / "include" / "sql")
    stage = ParquetStage(LocalFileSystem(), str(folder / "stage"))
    earlier = SourceDouble(rows=[row(4, at=NOON - 9 * HOUR)], clock=NOON - 8 * HOUR)
    Pipeline(warehouse, stage, state, schema, earlier, connect).next_run("run-0").all()
    warehouse.close()
    state.close()


def in_a_process(folder: Path, schema: str, connect: Callable[[], Any], fatal: int) -> int | None:
    process = multiprocessing.get_context("fork").Process(target=run_steps, args=(folder, schema, connect, fatal))
    process.start()
    process.join(120)
    return process.exitcode


@pytest.fixture
def schemas(warehouse: SnowflakeWarehouse) -> Callable[[str], str]:
    def make(name: str) -> str:
        warehouse.run("control/create_schema", names={"schema": name})
        return name

    return make


def test_whichever_call_dies_the_retry_gives_the_same_table(
    connect: Callable[[], Any], schemas: Callable[[str], str], tmp_path: Path
) -> None:
    unharmed = tmp_path / "unharmed"
    an_earlier_run(unharmed, schemas("UNHARMED"), connect)
    assert in_a_process(unharmed, "UNHARMED", connect, fatal=0) == 0
    calls = int((unharmed / "calls").read_text())
    wanted = _found(unharmed, "UNHARMED", connect)
    assert wanted["tally"] == Tally(read=4, created=2, deleted=1, rejected=1).to_json()
    assert len(wanted["history"]) == 4, "the deleted one has two versions"
    assert calls > 30, "every call to source, stage, warehouse and state is counted"

    for fatal in fatal_calls(calls):
        folder, schema = tmp_path / f"at-{fatal}", schemas(f"AT_{fatal}")
        an_earlier_run(folder, schema, connect)
        assert in_a_process(folder, schema, connect, fatal=fatal) == -signal.SIGKILL
        assert in_a_process(folder, schema, connect, fatal=0) == 0, f"the retry after call {fatal} failed"
        assert _found(folder, schema, connect) == wanted, f"killed at call {fatal} of {calls}"


def _found(folder: Path, schema: str, connect: Callable[[], Any]) -> dict[str, Any]:
    state = OperationalState(create_engine(f"sqlite:///{folder / 'state.db'}"))
    pipeline = replace(Pipeline(None, None, state, schema, source(), connect))  # type: ignore[arg-type]
    with pipeline.sql() as rows:
        left = rows(f"select table_name from information_schema.tables where table_schema = '{schema}_A'")
    columns, held = state.ops_rows("quarantine", pipeline.run)
    return {
        "table": pipeline.table(),
        "history": pipeline.history('* exclude ("_RUN_ID")'),
        "tally": json.loads((folder / "reconcile.json").read_text()),
        "watermark": state.watermark("salesforce", "Account"),
        "deletions followed until": state.deletion_progress("salesforce", "Account").covered_until,
        "quarantine": [row[columns.index("record_key")] for row in held],
        "attempt tables left": left,
    }
