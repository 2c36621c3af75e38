"""
The DAG as Airflow runs it, against the sandbox and the local warehouse: the good way, and each bad input.

`dag.test()` runs the real operators, hooks, connections and retry decisions in one process, without a scheduler.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox_process import SandboxProcess
from tests.sql.conftest import PASSWORD, USER

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(600)


@dataclass
class Stand:
    """Where everything is; connections are environment variables, as in production."""

    sandbox: SandboxProcess
    connections: dict[str, dict[str, Any]]
    folder: Path
    rows: Callable[[str], list[tuple[Any, ...]]]

    def run(self, *objects: str, expect: str = "success", **conf: Any) -> Any:
        """One manual run; returns the DAG run, whose state must be `expect`."""
        run = dag().test(run_conf={"objects": list(objects), **conf})
        assert str(run.state) == expect, {t.task_id: str(t.state) for t in run.get_task_instances()}
        return run

    def outcome(self, run: Any, object_name: str) -> Any:
        from crm_patterns.core.ports import RunKey
        from crm_patterns.hooks.state import StateHook

        return StateHook().state().outcome(RunKey(run.dag_id, run.run_id), object_name)


def dag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(ROOT / "dags"))
    assert bag.import_errors == {}
    found = bag.dags["crm_warehouse_elt"]
    for task in found.tasks:
        task.retries = 0
    found.deadline = None  # `dag.test()` of Airflow 3.3 looks it up by an id that only the dag-processor gives
    return found


@pytest.fixture(scope="module")
def metadata_database() -> None:
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture(scope="module")
def salesforce(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
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
                "account": "local", "database": "CRM", "host": warehouse_server["host"],
                "port": int(warehouse_server["port"]), "insecure_mode": True, "network_timeout": 20,
            },
        },
        "CRM_STAGE": {"conn_type": "file", "extra": {"path": str(tmp_path / "stage")}},
        "CRM_STATE": {"conn_type": "sqlite", "host": str(tmp_path / "state.db")},
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


def test_objects_arrive_and_a_second_run_moves_nothing(stand: Stand) -> None:
    first = stand.run("Account", "Product2")
    second = stand.run("Account", "Product2", mode="full")

    truth = stand.sandbox.control("GET", "truth?objects=Account,Product2")
    for name, table in (("Account", "ACCOUNT"), ("Product2", "PRODUCT_2")):
        outcome, again = stand.outcome(first, name), stand.outcome(second, name)
        assert outcome.tally.read == outcome.source_count > 0
        assert stand.rows(f"select count(*) as n from salesforce.{table}") == [(outcome.tally.created,)]
        assert (again.tally.created, again.tally.updated) == (0, 0)
        assert again.tally.unchanged == outcome.tally.created
        assert outcome.tally.created >= truth[name]["records"]


def test_a_dry_run_says_what_it_would_read_and_writes_nothing(stand: Stand) -> None:
    run = stand.run("Contact", dry_run=True)

    assert stand.outcome(run, "Contact") is None
    assert not (stand.folder / "stage").exists()
    assert stand.rows("select count(*) as n from information_schema.tables where table_name = 'CONTACT'") == [(0,)]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"consumer_secret": "wrong"}, "consumer"),
        ({"login_url": "http://127.0.0.1:9"}, "127.0.0.1:9"),
    ],
    ids=["wrong password", "unreachable host"],
)
def test_a_salesforce_connection_that_does_not_work_says_why_and_what_to_do(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], says: str
) -> None:
    connection = stand.connections["SALESFORCE_DEFAULT"]
    broken = {**connection, "extra": {**connection["extra"], **changed}}
    monkeypatch.setenv("AIRFLOW_CONN_SALESFORCE_DEFAULT", json.dumps(broken))

    outcome = stand.outcome(stand.run("Lead", expect="failed"), "Lead")

    assert outcome.failed_step == "extract"
    assert says in f"{outcome.problem} {outcome.fix}".lower()
    assert outcome.fix
    assert "wrong" not in outcome.problem
    assert not (stand.folder / "stage").exists()
