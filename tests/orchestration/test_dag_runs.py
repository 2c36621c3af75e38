"""
The DAG as Airflow runs it, against the sandbox and the local warehouse: the good way, and each bad input.

`dag.test()` runs the real operators, hooks, connections and retry decisions in one process, without a scheduler.
"""

from __future__ import annotations

import json
import shutil
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

    def told(self, object_name: str, *, step: str) -> str:
        """Run one object, which must fail in `step`; the sentence and the fix that people read, in lower case."""
        outcome = self.outcome(self.run(object_name, expect="failed"), object_name)
        assert outcome.failed_step == step
        assert outcome.fix, outcome.problem
        return f"{outcome.problem} {outcome.fix}".lower()

    def change(self, patch: pytest.MonkeyPatch, name: str, *, password: str | None = None, **extra: str) -> None:
        """The same connection with other values."""
        given = self.connections[name]
        changed = {**given, "extra": {**given["extra"], **extra}, **({"password": password} if password else {})}
        patch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(changed))

    def settings(self, patch: pytest.MonkeyPatch, old: str, new: str) -> None:
        """The shipped settings with one text replaced."""
        copy = self.folder / "include"
        shutil.copytree(ROOT / "include", copy)
        file = copy / "config" / "warehouse_elt.yaml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))
        patch.setenv("CRM_PATTERNS_INCLUDE", str(copy))


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


def test_a_password_that_is_wrong_is_named_and_never_shown(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    stand.change(monkeypatch, "SALESFORCE_DEFAULT", consumer_secret="hunter2")

    told = stand.told("Lead", step="extract")

    assert "consumer" in told
    assert "hunter2" not in told


def test_a_host_that_does_not_answer_is_named(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    stand.change(monkeypatch, "SALESFORCE_DEFAULT", login_url="http://127.0.0.1:9")

    assert "127.0.0.1:9" in stand.told("Lead", step="extract")


def test_a_key_that_expired_is_named(stand: Stand) -> None:
    expired = '{"error": "invalid_grant", "error_description": "expired access/refresh token"}'
    fault = {"kind": "status", "path": "/oauth2/token", "status": 400, "body": expired, "count": None}
    stand.sandbox.control("POST", "faults", fault)

    assert "expired" in stand.told("Lead", step="extract")


def test_a_quota_that_is_used_up_is_named(stand: Stand) -> None:
    stand.sandbox.control("POST", "faults", {"preset": "daily_limit", "path": "/query", "count": None})

    told = stand.told("Lead", step="extract")

    assert "request" in told or "limit" in told or "quota" in told
    assert "24 h" in told or "day" in told


def test_a_warehouse_password_that_is_wrong_is_named_and_nothing_is_published(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.change(monkeypatch, "SNOWFLAKE_DEFAULT", password="hunter2")

    told = stand.told("Campaign", step="load")

    assert "password" in told
    assert "hunter2" not in told
    assert stand.rows("select count(*) as n from information_schema.tables where table_name = 'CAMPAIGN'") == [(0,)]


def test_an_object_that_does_not_exist_is_named_with_the_one_that_was_meant(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.settings(monkeypatch, "- name: Opportunity\n", "- name: Opportunty\n")

    told = stand.told("Opportunty", step="extract")

    assert "no object opportunty" in told
    assert "opportunity" in told.replace("opportunty", "")


def test_settings_that_are_wrong_are_an_import_error_that_says_where(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.dag_processing.dagbag import DagBag

    stand.settings(monkeypatch, "overlap_s:", "overlap:")

    errors = "".join(DagBag(dag_folder=str(ROOT / "dags")).import_errors.values())

    assert "overlap: no such setting; did you mean overlap_s?" in errors
