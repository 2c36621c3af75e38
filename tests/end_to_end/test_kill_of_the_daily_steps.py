"""
kill -9 before every change that a daily step makes outside, then retry as Airflow would: always the same table.

The operators run as Airflow runs them, with their own hooks, in a forked process that kills itself before its n-th
change of source, stage, warehouse or state; to die before a call that only reads is to die after the change before it.
Each round damages the table anew, so one load serves all of them.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy import create_engine

from crm_patterns.catalog import WarehouseEltSettings
from crm_patterns.core.outcomes import RunState, Tally
from crm_patterns.core.ports import RunKey, Source, StepOutcome
from crm_patterns.operators.compare_ids import CompareIdsOperator
from crm_patterns.operators.drift_audit import DriftAuditOperator
from crm_patterns.operators.refresh_computed import RefreshComputedOperator
from crm_patterns.operators.staging_upkeep import StagingUpkeepOperator
from crm_patterns.state import OperationalState
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from crm_patterns.warehouse.stage import ParquetStage
from crm_patterns.warehouse.stage_writer import ParquetStageWriter
from tests.kills import Fuse, by_signal, fatal_calls
from tests.pipeline import HOUR, Pipeline
from tests.source_double import DESCRIPTION, NOON, SourceDouble, key, row
from tests.sql.conftest import PASSWORD, USER

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]
DAG = "crm_warehouse_upkeep"
COMPUTED = tuple(replace(field, computed=field.name == "Name") for field in DESCRIPTION.fields)
READING = {"select", "count", "sample", "find", "describe", "plan"}
CHANGING: dict[type, tuple[str, ...]] = {
    SnowflakeWarehouse: ("upload",),
    ParquetStage: ("open", "remove"),
    ParquetStageWriter: ("write", "write_tombstones", "commit"),
    OperationalState: ("_write",),  # every transaction that writes
    SourceDouble: ("submit", "discard"),
}
CURRENT = '"ID", "NAME", "SYSTEM_MODSTAMP"::varchar, "_DELETED", "_DELETED_HOW"'


class OnADouble(StagingUpkeepOperator):
    """Reads of a source in memory; all else is reached through the operator's own hooks."""

    source: SourceDouble

    @contextmanager
    def _source(self, state: Any, context: Any) -> Iterator[Source]:
        yield self.source


class Refresh(OnADouble, RefreshComputedOperator):
    """The columns that change without a stamp."""


class Compare(OnADouble, CompareIdsOperator):
    """The ids."""


class Audit(OnADouble, DriftAuditOperator):
    """A share of it, which is all of it in the first run of a cycle of one day."""


@dataclass
class Rounds:
    """A step over what a pipeline has loaded; every round is a run of its own."""

    loaded: Pipeline
    folder: Path
    settings: WarehouseEltSettings
    step: type[OnADouble]
    params: dict[str, Any] = field(default_factory=dict)

    def run(self, name: str, *, fatal: int, tries: int = 1) -> int | None:
        """How the process ended that ran the step; with `fatal` 0 it is not killed, and leaves its number of calls."""
        process = multiprocessing.get_context("fork").Process(target=self._run, args=(name, fatal, tries))
        process.start()
        process.join(120)
        return process.exitcode

    def calls(self, name: str) -> int:
        assert self.run(name, fatal=0) == 0
        return int((self.folder / "calls").read_text())

    def killed_and_retried(self, name: str, fatal: int) -> StepOutcome:
        assert self.run(name, fatal=fatal) == -signal.SIGKILL
        assert self.run(name, fatal=0, tries=2) == 0, f"the retry after call {fatal} failed"
        [outcome] = self.loaded.state.step_outcomes(RunKey(DAG, name))
        return outcome

    def damage(self, statement: str) -> None:
        with self.loaded.sql() as rows:
            rows(statement.format(f'"{self.loaded.schema}"."ACCOUNT"'))

    def table(self) -> list[tuple[Any, ...]]:
        with self.loaded.sql() as rows:
            return rows(f'select {CURRENT} from "{self.loaded.schema}"."ACCOUNT" order by "ID"')

    def told(self, name: str) -> list[tuple[str, ...]]:
        """The findings of a run, as OPS has them."""
        found = sorted(self.loaded.state.findings(RunKey(DAG, name)), key=lambda each: each[1].record_key)
        return [(f.kind.value, f.record_key, f.column, f.settlement.value if f.settlement else "") for _, f in found]

    def _run(self, name: str, fatal: int, tries: int) -> None:
        fuse = kill_at(fatal)
        operator = self.step(task_id=f"Account.{self.step.step}", settings=self.settings, object_name="Account")
        operator.source = self.loaded.source  # type: ignore[assignment]
        dag_run = SimpleNamespace(dag_id=DAG, run_id=name, run_type="scheduled")
        context: Any = {"dag_run": dag_run, "params": self.params, "ti": SimpleNamespace(try_number=tries)}
        operator.execute(context)
        (self.folder / "calls").write_text(str(fuse.calls))


def kill_at(fatal: int) -> Fuse:
    """Every call of a port in this process that changes something goes through the fuse from now on."""
    fuse = Fuse(fatal, die=by_signal)

    def counted(port: type, name: str, changes: Callable[..., bool] = lambda *_: True) -> None:
        method = getattr(port, name)

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            return fuse.run(method, self, *args, **kwargs) if changes(*args) else method(self, *args, **kwargs)

        setattr(port, name, call)

    counted(SnowflakeWarehouse, "run", lambda statement: statement.split("/")[1].split("_")[0] not in READING)
    for port, names in CHANGING.items():
        for name in names:
            counted(port, name)
    return fuse


@pytest.fixture
def rounds(
    warehouse: SnowflakeWarehouse,
    warehouse_server: dict[str, str],
    connect: Callable[[], Any],
    schema: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Rounds]:
    connections: dict[str, dict[str, Any]] = {
        "SNOWFLAKE_DEFAULT": {
            "conn_type": "snowflake", "login": USER, "password": PASSWORD, "schema": "PUBLIC",
            "extra": {
                "account": "local", "database": "CRM", "host": warehouse_server["host"],
                "port": int(warehouse_server["port"]), "insecure_mode": True, "network_timeout": 20,
            },
        },
        "CRM_STAGE": {"conn_type": "file", "extra": {"path": str(tmp_path / "stage")}},
        "CRM_STATE": {"conn_type": "sqlite", "host": str(tmp_path / "state.db")},
    }  # fmt: skip
    for name, value in connections.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(value))
    importlib.import_module("great_expectations")  # once for all the processes
    importlib.import_module("airflow.providers.snowflake.hooks.snowflake")
    state = OperationalState(create_engine(f"sqlite:///{tmp_path / 'state.db'}"))
    source = SourceDouble([row(n, at=NOON - n * HOUR) for n in range(1, 5)], fields=COMPUTED)
    pipeline = Pipeline(
        warehouse, ParquetStage(LocalFileSystem(), str(tmp_path / "stage")), state, schema, source, connect
    )
    pipeline.all()
    source.clock += HOUR
    settings = WarehouseEltSettings.model_validate(
        {
            "stage_root": f"file://{tmp_path / 'stage'}",
            "data_docs_root": str(tmp_path / "docs"),
            "start_date": "2026-01-01T00:00:00Z",
            "target_schema": schema,
            "attempt_schema": f"{schema}_A",
            "history_schema": f"{schema}_H",
            "objects": [{"name": "Account", "history": True}],
        }
    )
    yield Rounds(pipeline, tmp_path, settings, Refresh)
    state.close()


def test_a_refresh_that_dies_anywhere_gives_the_same_values_and_versions(rounds: Rounds) -> None:
    def change(name: str) -> None:
        rounds.loaded.source.rows = [{**each, "Name": name} for each in rounds.loaded.source.rows]  # type: ignore[attr-defined]
        rounds.loaded.source.clock += HOUR  # type: ignore[attr-defined]

    change("unharmed")
    calls = rounds.calls("unharmed")
    assert calls >= 12, "every change is counted"
    others = [(each[0], *each[2:]) for each in rounds.table()]

    for number, fatal in enumerate(fatal_calls(calls), 1):
        change(f"v{fatal}")
        outcome = rounds.killed_and_retried(f"killed-{fatal}", fatal)

        assert (outcome.state, outcome.tally) == (RunState.SUCCESS, Tally(read=4, updated=4)), f"call {fatal}"
        assert {each[1] for each in rounds.table()} == {f"v{fatal}"}, f"call {fatal} of {calls}"
        assert [(each[0], *each[2:]) for each in rounds.table()] == others
        versions = rounds.loaded.history('"NAME", "_IS_CURRENT"')
        assert len(versions) == 4 * (2 + number)
        assert [name for name, is_current in versions if is_current] == [f"v{fatal}"] * 4


def test_a_comparison_of_ids_that_dies_anywhere_closes_what_is_gone_and_brings_back_what_was_lost(
    rounds: Rounds,
) -> None:
    rounds.step, before, history = Compare, rounds.table(), rounds.loaded.history('"ID", "NAME", "_VALID_TO"::varchar')
    lose_one = f"delete from {{0}} where \"ID\" = '{key(3)}'"
    ghost = f"insert into {{0}} by name select * replace ('{{{{}}}}' as \"ID\") from {{0}} where \"ID\" = '{key(1)}'"

    def change(number: int) -> None:
        rounds.damage(lose_one)
        rounds.damage(ghost.replace("{{}}", key(number)))

    change(100)
    calls = rounds.calls("unharmed")
    assert calls >= 20, "every change is counted"

    for fatal in fatal_calls(calls):
        rounds.damage(f"delete from {{0}} where \"ID\" >= '{key(100)}'")
        change(100 + fatal)
        outcome = rounds.killed_and_retried(f"killed-{fatal}", fatal)

        assert (outcome.state, outcome.tally) == (RunState.PARTIAL, Tally(2, created=1, deleted=1)), f"call {fatal}"
        *living, closed = rounds.table()
        assert living == before, f"call {fatal} of {calls}"
        assert (closed[0], *closed[3:]) == (key(100 + fatal), True, "id comparison"), f"call {fatal} of {calls}"
        known = rounds.loaded.history('"ID", "NAME", "_VALID_TO"::varchar')
        assert [each for each in known if each[0] < key(100)] == history


def test_an_audit_that_dies_anywhere_puts_right_and_tells_the_same(rounds: Rounds) -> None:
    rounds.step, rounds.params, before = Audit, {"everything": True}, rounds.table()
    rounds.loaded.source.fields = DESCRIPTION.fields  # type: ignore[attr-defined]  # nothing computed
    lose_one = f"delete from {{0}} where \"ID\" = '{key(3)}'"
    by_hand = f"update {{0}} set \"NAME\" = 'by hand' where \"ID\" = '{key(1)}'"

    def change() -> None:
        rounds.damage(lose_one)
        rounds.damage(by_hand)
        rounds.loaded.source.clock += HOUR  # type: ignore[attr-defined]

    change()
    calls = rounds.calls("unharmed")
    assert calls >= 20, "every change is counted"
    wanted = rounds.told("unharmed")
    assert wanted[1:] == [("different", key(1), "name", "repaired"), ("missing", key(3), "", "repaired")]

    for fatal in fatal_calls(calls):
        change()
        outcome = rounds.killed_and_retried(f"killed-{fatal}", fatal)

        assert (outcome.state, outcome.tally) == (RunState.PARTIAL, Tally(4, updated=2, unchanged=2)), f"call {fatal}"
        assert rounds.table() == before, f"call {fatal} of {calls}"
        assert rounds.told(f"killed-{fatal}") == wanted, f"call {fatal} of {calls}"
