"""The whole local stack in a folder of its own: Airflow's real scheduler, the sandbox, the warehouse, as `make up`."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import snowflake.connector
import yaml

from stack import members
from stack.airflow_api import AirflowApi
from stack.connections import stack_connections
from stack.demo import start_run, wait_until_known
from stack.home import StackHome
from stack.installation import SALESFORCE, SLACK, Installation

ROOT = Path(__file__).resolve().parents[2]
DAG_ID = "crm_warehouse_elt"
SETTINGS = yaml.safe_load((ROOT / "include" / "config" / "warehouse_elt.yaml").read_text(encoding="utf-8"))
OBJECTS = [item["name"] for item in SETTINGS["objects"]]
ENDED = ("success", "failed")
SIZE = 300
# Every window with rows is read by a bulk job, and a retry comes within seconds.
QUICK = {"CRM_PATTERNS_REST_BELOW_ROWS": "0", "CRM_PATTERNS_RETRY_DELAY_S": "1"}


class RealStack:
    """Runs of the DAG, the org, Slack and the warehouse; nothing of it is reached but over the wire."""

    def __init__(self, installation: Installation, airflow: AirflowApi, warehouse: Any) -> None:
        self.installation = installation
        self.airflow = airflow
        self._warehouse = warehouse

    def first_run(self) -> str:
        """Switch the DAG on; the id of the run that its schedule makes."""
        wait_until_known(self.airflow, DAG_ID)
        return start_run(self.airflow, DAG_ID, print)

    def trigger(self, *objects: str, **conf: Any) -> str:
        return self.airflow.trigger(DAG_ID, {"objects": list(objects), **conf})

    def run(self, *objects: str, expect: str = "success", **conf: Any) -> str:
        """One manual run to its end, which must be `expect`; its id."""
        run_id = self.trigger(*objects, **conf)
        assert self.ended(run_id) == expect, self.task_states(run_id)
        return run_id

    def ended(self, run_id: str, *, within_s: float = 300) -> str:
        until(lambda: self.dag_run(run_id)["state"] in ENDED, within_s, lambda: f"{run_id}: {self.task_states(run_id)}")
        return str(self.dag_run(run_id)["state"])

    def dag_run(self, run_id: str) -> dict[str, Any]:
        found = self.airflow.find(f"/dags/{DAG_ID}/dagRuns/{quote(run_id)}")
        assert found is not None, run_id
        return found

    def task(self, run_id: str, task_id: str) -> dict[str, Any]:
        found = self.airflow.find(f"/dags/{DAG_ID}/dagRuns/{quote(run_id)}/taskInstances/{task_id}")
        assert found is not None, task_id
        return found

    def task_states(self, run_id: str) -> dict[str, str]:
        """Those that are neither done nor skipped."""
        every = self.airflow.every(f"/dags/{DAG_ID}/dagRuns/{quote(run_id)}/taskInstances", "task_instances")
        return {task["task_id"]: task["state"] for task in every if task["state"] not in ("success", "skipped")}

    def org(self, method: str, path: str, body: Any = None) -> Any:
        return self._control(SALESFORCE, method, path, body)

    def slack(self, method: str, path: str, body: Any = None) -> Any:
        return self._control(SLACK, method, path, body)

    def told(self) -> list[dict[str, Any]]:
        """What Slack has taken since its messages were last cleared, oldest first."""
        return [message["payload"] for message in self.slack("GET", "messages")["messages"]]

    def backfill(self, object_name: str, first: datetime, last: datetime, **options: Any) -> int:
        """Ask for a backfill of the intervals that start from `first` to `last`; its number."""
        body = {"dag_id": DAG_ID, "from_date": zulu(first), "to_date": zulu(last), "max_active_runs": 2, **options}
        body["dag_run_conf"] = {"objects": [object_name]}
        answer = self.airflow.http.post("/api/v2/backfills", json=body)
        assert not answer.is_error, answer.text
        return int(answer.json()["id"])

    def backfilled(self, number: int, *, within_s: float = 300) -> list[dict[str, Any]]:
        """The runs of a backfill at its end, oldest interval first."""
        path = f"/backfills/{number}"
        until(lambda: (self.airflow.find(path) or {})["completed_at"], within_s, f"backfill {number} to end")
        asked = self.airflow.find(path) or {}
        span = {"logical_date_gte": asked["from_date"], "logical_date_lte": asked["to_date"]}
        runs = self.airflow.every(f"/dags/{DAG_ID}/dagRuns", "dag_runs", run_type="backfill", **span)
        return sorted(runs, key=lambda run: str(run["data_interval_start"]))

    def delete(self, object_name: str, key: str) -> None:
        """As a person would, in the org itself."""
        extra = stack_connections(self.installation)["salesforce_default"]["extra"]
        pair = (extra["consumer_key"], extra["consumer_secret"])
        with httpx.Client(base_url=self.installation.url(SALESFORCE), timeout=30, trust_env=False) as org:
            granted = org.post("/services/oauth2/token", data={"grant_type": "client_credentials"}, auth=pair)
            bearer = {"Authorization": f"Bearer {granted.raise_for_status().json()['access_token']}"}
            path = f"/services/data/v62.0/sobjects/{object_name}/{key}"
            org.delete(path, headers=bearer).raise_for_status()

    def _control(self, service: str, method: str, path: str, body: Any) -> Any:
        url = f"{self.installation.url(service)}/__sandbox__/{path}"
        answer = httpx.request(method, url, json=body, timeout=60, trust_env=False)
        assert not answer.is_error, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def requests(self, *, after: int = 0, **wanted: str) -> list[dict[str, Any]]:
        """The org's journal from request number `after` on, oldest first."""
        query = httpx.QueryParams({"after": str(after), "limit": "10000", **wanted})
        return list(self.org("GET", f"requests?{query}")["requests"])

    def last_request(self) -> int:
        return max((request["number"] for request in self.requests()), default=0)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._warehouse.cursor() as cursor:
            return list(cursor.execute(statement, values or None).fetchall())

    def outcomes(self, run_id: str) -> dict[str, dict[str, Any]]:
        """OPS.OUTCOMES of a run by object; column names in lower case."""
        with self._warehouse.cursor(snowflake.connector.DictCursor) as cursor:
            found = cursor.execute("select * from OPS.OUTCOMES where run_id = %s", (run_id,)).fetchall()
        return {row["OBJECT_NAME"]: {name.lower(): value for name, value in row.items()} for row in found}

    def recorded_type(self, run_id: str) -> str:
        """OPS.RUNS.run_type."""
        return str(self.rows("select run_type from OPS.RUNS where run_id = %s", run_id)[0][0])

    def watermarks(self) -> dict[str, str]:
        import sqlite3

        with sqlite3.connect(f"file:{self.installation.home.state / 'crm_state.db'}?mode=ro", uri=True) as state:
            return dict(state.execute("select object_name, watermark from crm_watermarks").fetchall())

    def truth(self, *objects: str) -> dict[str, tuple[int, str]]:
        """Living records of the org by object: how many, and the checksum of their ids and stamps."""
        told = self.org("GET", f"truth?objects={','.join(objects)}")
        return {name: (told[name]["records"], told[name]["checksum"]) for name in objects}

    def published(self, *objects: str) -> dict[str, tuple[int, str]]:
        """The same numbers of the tables that people query."""
        return {name: self._published(name) for name in objects}

    def _published(self, object_name: str) -> tuple[int, str]:
        rows = self.rows(f"select id, _source_modified_at from {table(object_name)} where not _deleted")
        lines = sorted(f"{key},{stamp(at)}" for key, at in rows)
        return len(rows), hashlib.md5("\n".join(lines).encode()).hexdigest()


def table(object_name: str) -> str:
    from crm_patterns.patterns.naming import table_name

    return f"SALESFORCE.{table_name(object_name)}"


def stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def zulu(moment: datetime) -> str:
    """As Airflow writes it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def until(is_so: Callable[[], Any], within_s: float, what: str | Callable[[], str]) -> None:
    give_up = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > give_up:
            raise TimeoutError(f"Waited {within_s:.0f} s for {what if isinstance(what, str) else what()}.")
        time.sleep(0.2)


@contextmanager
def real_stack(home: Path, more: Mapping[str, str] = QUICK) -> Iterator[RealStack]:
    """Up, and down again with nothing left running."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    environment |= {"CRM_STACK_HOME": str(home), "CRM_SANDBOX_SIZE": str(SIZE), **more}
    try:
        _stack("up", environment)
        installation = Installation.existing(StackHome(home))
        with pytest.MonkeyPatch.context() as patch, AirflowApi(installation) as airflow:
            patch.setenv("REQUESTS_CA_BUNDLE", str(installation.home.tls / "bundle.pem"))
            warehouse = _connect(installation)
            try:
                yield RealStack(installation, airflow, warehouse)
            finally:
                warehouse.close()
    finally:
        _stack("down", environment)
        identity = json.loads((home / "stack.json").read_text())["id"]
        assert members.members(identity) == []


def _stack(command: str, environment: Mapping[str, str]) -> None:
    arguments = [sys.executable, "-m", "stack", command]
    done = subprocess.run(
        arguments, cwd=ROOT, env=dict(environment), capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr


def _connect(installation: Installation) -> Any:
    offered = stack_connections(installation)["snowflake_default"]
    extra = offered["extra"]
    return snowflake.connector.connect(
        user=offered["login"], password=offered["password"], account=extra["account"], database=extra["database"],
        schema=offered["schema"], host=extra["host"], port=extra["port"], insecure_mode=True, login_timeout=10,
        network_timeout=30,
    )  # fmt: skip
