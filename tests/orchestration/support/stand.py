"""The DAGs as Airflow runs them, against the sandbox and the local warehouse, in one process without a scheduler."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from crm_patterns.clients.retrying import Patience
from tests.sandbox_process import SandboxProcess
from tests.sql.conftest import PASSWORD, USER

SCHEMAS = ("SALESFORCE", "SALESFORCE_HISTORY", "MARTS", "OPS", "CRM_ATTEMPTS")
ROOT = Path(__file__).resolve().parents[3]
ROLE = "CRM_LOADER"
KEYS = {"hash": "a key for hashes, of the tests alone", "stage": "a key for stages, of the tests alone"}


@dataclass
class Stand:
    """Where everything is; connections are environment variables, as in production."""

    sandbox: SandboxProcess
    connections: dict[str, dict[str, Any]]
    folder: Path
    rows: Callable[[str], list[tuple[Any, ...]]]
    schema: str = "SALESFORCE"

    def run(
        self, *objects: str, expect: str = "success", dag_id: str = "crm_warehouse_elt", retries: int = 0, **conf: Any
    ) -> Any:
        """One manual run over all that was written before it; returns the DAG run, whose state must be `expect`."""
        time.sleep(1 - time.time() % 1)  # stamps are whole seconds, and the second a window ends in is outside of it
        with briefer_pauses():
            run = dag(dag_id, retries=retries).test(run_conf={"objects": list(objects), **conf})
        assert str(run.state) == expect, {t.task_id: str(t.state) for t in run.get_task_instances()}
        return run

    def outcome(self, run: Any, object_name: str) -> Any:
        from crm_patterns.core.ports import RunKey
        from crm_patterns.hooks.state import StateHook

        return StateHook().state().outcome(RunKey(run.dag_id, run.run_id), object_name)

    def told(self, object_name: str, *, step: str) -> str:
        """Run one object, which must fail in `step`; the sentence and the fix that people read, in lower case."""
        outcome = self.outcome(self.run(object_name, expect="failed"), object_name)
        assert outcome.failed_step == step
        assert outcome.fix, outcome.problem
        return f"{outcome.problem} {outcome.fix}".lower()

    def unreachable(self, patch: pytest.MonkeyPatch) -> None:
        """A source that nobody listens at, and a client that believes it after a second."""
        self.change(patch, "SALESFORCE_DEFAULT", login_url="http://127.0.0.1:9")
        for module in ("transport", "salesforce.client"):
            patch.setattr(f"crm_patterns.clients.{module}.Patience", partial(Patience, unreachable_limit_s=1.0))

    def formula(self, object_name: str, field: str, sql: str) -> None:
        """Other computed values at the source, and no new stamp."""
        self.sandbox.control("POST", "change_formula", {"object": object_name, "field": field, "sql": sql})

    def change(self, patch: pytest.MonkeyPatch, name: str, *, password: str | None = None, **extra: str) -> None:
        """The same connection with other values."""
        given = self.connections[name]
        changed = {**given, "extra": {**given["extra"], **extra}, **({"password": password} if password else {})}
        patch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(changed))

    def settings(self, patch: pytest.MonkeyPatch, old: str, new: str) -> None:
        """The shipped settings with one text replaced; a second call replaces another."""
        copy = self.folder / "include"
        if not copy.exists():
            shutil.copytree(ROOT / "include", copy)
        file = copy / "config" / "warehouse_elt.yaml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))
        patch.setenv("CRM_PATTERNS_INCLUDE", str(copy))


@contextmanager
def briefer_pauses() -> Iterator[None]:
    """`dag.test()` sleeps a second whenever no task is ready, once for each rank of tasks that end as skipped."""
    sleep = time.sleep

    def sleep_less_in_the_loop(seconds: float) -> None:
        caller = sys._getframe(1).f_code
        is_the_loop = caller.co_name == "test" and caller.co_filename.endswith("sdk/definitions/dag.py")
        sleep(0.05 if is_the_loop else seconds)

    time.sleep = sleep_less_in_the_loop
    try:
        yield
    finally:
        time.sleep = sleep


def dag(dag_id: str = "crm_warehouse_elt", *, retries: int = 0) -> Any:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(ROOT / "dags"))
    assert bag.import_errors == {}
    found = bag.dags[dag_id]
    for task in found.tasks:
        task.retries, task.retry_delay = retries, timedelta()
    found.deadline = None  # `dag.test()` of Airflow 3.3 looks it up by an id that only the dag-processor gives
    return found


@pytest.fixture(scope="module")
def metadata_database() -> None:
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture(scope="module")
def salesforce(tmp_path_factory: pytest.TempPathFactory, connect: Callable[[], Any]) -> Iterator[SandboxProcess]:
    """An org of the module's own; what the warehouse holds of another module's org is gone."""
    with connect() as connection:
        for name in SCHEMAS:
            connection.cursor().execute(f"drop schema if exists {name} cascade")
    with SandboxProcess("salesforce", size=200, data=tmp_path_factory.mktemp("org")) as sandbox:
        yield sandbox


@pytest.fixture
def stand(
    metadata_database: None,
    salesforce: SandboxProcess,
    warehouse_server: dict[str, str],
    connect: Callable[[], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stand]:
    credentials = salesforce.credentials
    connections: dict[str, dict[str, Any]] = {
        "SALESFORCE_DEFAULT": {
            "conn_type": "salesforce",
            "extra": {name: credentials[name] for name in ("consumer_key", "consumer_secret", "login_url")},
        },
        "SNOWFLAKE_DEFAULT": {
            "conn_type": "snowflake", "login": USER, "password": PASSWORD, "schema": "PUBLIC",
            "extra": {
                "account": "local", "database": "CRM", "role": ROLE, "host": warehouse_server["host"],
                "port": int(warehouse_server["port"]), "insecure_mode": True, "network_timeout": 20,
            },
        },
        "CRM_STAGE": {"conn_type": "file", "extra": {"path": str(tmp_path / "stage")}},
        "CRM_STATE": {"conn_type": "sqlite", "host": str(tmp_path / "state.db")},
        "CRM_KEYS": {"conn_type": "generic", "password": KEYS["hash"], "extra": {"stage_secret": KEYS["stage"]}},
        "SLACK_DEFAULT": {"conn_type": "slackwebhook", "host": "127.0.0.1:9", "schema": "http", "password": "T/B/X"},
    }  # fmt: skip
    for name, value in connections.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(value))
    monkeypatch.setenv("CRM_PATTERNS_STAGE_ROOT", f"file://{tmp_path / 'stage'}")
    monkeypatch.setenv("CRM_PATTERNS_DATA_DOCS", str(tmp_path / "docs"))
    monkeypatch.setenv("CRM_PATTERNS_LAG_S", "0")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", warehouse_server["bundle"])

    def rows(text: str) -> list[tuple[Any, ...]]:
        connection = connect()
        try:
            return list(connection.cursor().execute(text).fetchall())
        finally:
            connection.close()

    yield Stand(salesforce, connections, tmp_path, rows)
    salesforce.control("DELETE", "faults")
