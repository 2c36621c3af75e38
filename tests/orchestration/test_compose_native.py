"""The processes of docker-compose.yaml with their own commands and environment, as plain processes.

No container engine is needed: hosts, ports and folders are replaced by this machine's, nothing else. PostgreSQL is the
real one where the machine has its server programs, SQLite otherwise; Celery is tried where there is a redis-server,
the LocalExecutor otherwise. What could not be real is said in the test's output.
"""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from stack import members
from stack.members import SERVICE_MARK, STACK_MARK
from stack.ports import choose_ports

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]
LISTENING = {
    "api-server:8080": "api-server",
    "postgres:5432": "postgres",
    "redis:6379": "redis",
    "storage:5000": "storage",
    "warehouse:8443": "warehouse",
    "salesforce:8080": "salesforce",
    "slack:8080": "slack",
    "hubspot:8080": "hubspot",
    "marketo:8080": "marketo",
    "pardot:8080": "pardot",
}
PROOF = """
from datetime import datetime
from airflow.sdk import Asset, BaseHook, ObjectStoragePath, dag, task

@dag(schedule=None, start_date=datetime(2026, 1, 1), is_paused_upon_creation=False)
def proof():
    @task(pool="crm_warehouse")
    def warehouse():
        from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook
        assert SnowflakeHook("snowflake_default").get_first("select 41 + 1 as n") == (42,)

    @task
    def stage():
        import os
        path = ObjectStoragePath(os.environ["CRM_PATTERNS_STAGE_ROOT"], conn_id="crm_stage") / "proof.txt"
        path.write_text("kept")
        assert path.read_text() == "kept"

    @task
    def systems():
        import urllib.request
        login_url = BaseHook.get_connection("salesforce_default").extra_dejson["login_url"]
        assert urllib.request.urlopen(login_url + "/services/data", timeout=10).status == 200
        hubspot = BaseHook.get_connection("hubspot_default")
        assert hubspot.host == "127.0.0.1" and hubspot.password.startswith("pat-")
        from crm_patterns.hooks.marketo import MarketoHook
        works, told = MarketoHook().test_connection()
        assert works, told
        from crm_patterns.hooks.pardot import PardotHook
        works, told = PardotHook().test_connection()
        assert works, told
        slack = BaseHook.get_connection("slack_default")
        assert slack.host.endswith("/services")

    [warehouse(), stage(), systems()]

proof()
"""


class Machine:
    """The hosts, ports and folders of the containers, on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.identity = secrets.token_hex(8)
        self.ports = choose_ports(LISTENING.values(), previous={}, running=[])
        self.folders = {"/opt/airflow/dags": folder / "dags", "/opt/airflow/plugins": ROOT / "plugins"}
        for name in ("/secrets", "/tls", "/opt/airflow/logs", "/opt/airflow/data-docs"):
            self.folders[name] = folder / name.strip("/").replace("/", "-")
        for here in self.folders.values():
            here.mkdir(exist_ok=True)
        (folder / "dags" / "proof.py").write_text(PROOF)

    def here(self, text: str, *, service: str = "") -> str:
        """A text of docker-compose.yaml with places of this machine."""
        for there, name in LISTENING.items():
            text = text.replace(there, f"127.0.0.1:{self.ports[name]}")
        for there, here in self.folders.items():
            text = text.replace(there, str(here))
        for there in ("/data", "/tmp/ready.json"):
            text = text.replace(f"={there}", f"={self.folder / service}{there.replace('/tmp', '')}")
        text = text.replace("=/salesforce", f"={self.folder / 'salesforce' / 'data'}")
        return text.replace("0.0.0.0", "127.0.0.1")

    def command(self, service: str) -> list[str]:
        """The command of a service, its own port instead of the container's."""
        words = [self.here(word, service=service) for word in SERVICES[service]["command"]]
        for option in ("--port=8080", "--port=8443"):
            words = [f"--port={self.ports[service]}" if word == option else word for word in words]
        if service == "storage":
            words[words.index("5000")] = str(self.ports[service])
        if words[0] == "airflow":
            return [str(Path(sys.executable).parent / "airflow"), *words[1:]]
        return words if words[0] == "bash" else [sys.executable, "-m", *words]

    def environment(self, service: str) -> dict[str, str]:
        """The environment of a service over the bare necessities, never over the test's own Airflow settings."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        kept = {"PATH": path, "HOME": str(self.folder), STACK_MARK: self.identity, SERVICE_MARK: service}
        given = {key: self.here(value) for key, value in SERVICES[service].get("environment", {}).items()}
        if given:
            given |= {"AIRFLOW_HOME": str(self.folder / "airflow"), "AIRFLOW__API__PORT": str(self.ports["api-server"])}
            if not shutil.which("redis-server"):
                given["AIRFLOW__CORE__EXECUTOR"] = "LocalExecutor"
        return {**kept, **given, "SPT_NOENV": "1", "NO_PROXY": "127.0.0.1", "AWS_EC2_METADATA_DISABLED": "true"}

    def run(self, service: str, *more: str) -> None:
        """A one-shot service, to its end."""
        command = [*self.command(service), *more]
        result = subprocess.run(
            command, env=self.environment(service), cwd=ROOT, capture_output=True, text=True, timeout=180, check=False
        )
        assert result.returncode == 0, f"{service}: {result.stdout[-1500:]}{result.stderr[-1500:]}"

    def start(self, service: str) -> None:
        """A lasting service."""
        (self.folder / service).mkdir(exist_ok=True)
        log = self.folder / f"{service}.log"
        members.start(self.command(service), environment=self.environment(service), log=log, folder=ROOT)

    def wait(self, service: str, is_ready: Any, *, within_s: float = 120) -> None:
        """Until a service is ready, or fail with the end of its log."""
        give_up = time.monotonic() + within_s
        while not is_ready():
            log = self.folder / f"{service}.log"
            assert time.monotonic() < give_up, f"{service} was not ready: {log.read_text()[-3000:]}"
            time.sleep(0.3)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    there = Machine(tmp_path)
    try:
        yield there
    finally:
        members.stop(there.identity, patience_s=5)


def as_postgres() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    return {"user": pwd.getpwnam("postgres").pw_uid} if os.geteuid() == 0 else {}


@contextmanager
def postgres_on(machine: Machine) -> Iterator[bool]:
    """A real PostgreSQL with the user, password and databases of the compose file; False where there is none."""
    try:
        identity = as_postgres()
    except KeyError:
        identity = None
    if identity is None or not (shutil.which("initdb") and shutil.which("postgres") and shutil.which("psql")):
        yield False
        return
    folder = Path(tempfile.mkdtemp(prefix="crm-postgres-"))  # pytest's own folders are closed to other users
    password = (machine.folders["/secrets"] / "postgres_password").read_text()
    (folder / "password").write_text(password)
    for path in (folder, folder / "password"):
        os.chown(path, identity.get("user", -1), -1)
    data = str(folder / "data")
    create = ["initdb", "-D", data, "-U", "airflow", "-A", "scram-sha-256", f"--pwfile={folder / 'password'}"]
    subprocess.run(create, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=60, **identity)
    serve = ["postgres", "-D", data, "-p", str(machine.ports["postgres"]), "-k", str(folder), "-h", "127.0.0.1"]
    with (machine.folder / "postgres.log").open("wb") as log:
        server = subprocess.Popen(serve, cwd=folder, stdout=log, stderr=log, **identity)
    try:
        create_databases(machine, password)
        yield True
    finally:
        server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
        server.wait(timeout=30)
        shutil.rmtree(folder)


def create_databases(machine: Machine, password: str) -> None:
    where = ["-h", "127.0.0.1", "-p", str(machine.ports["postgres"]), "-U", "airflow", "-d", "postgres"]
    environment = {**os.environ, "PGPASSWORD": password}

    def psql(statement: str) -> bool:
        command = ["psql", *where, "-c", statement]
        return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=30).returncode == 0

    machine.wait("postgres", lambda: psql("select 1"))
    assert psql("create database airflow owner airflow")
    assert psql("create database crm_state owner airflow")


def use_sqlite(machine: Machine) -> None:
    settings = machine.folders["/secrets"] / "airflow.cfg"
    lines = settings.read_text().splitlines()
    address = f"sql_alchemy_conn = sqlite:///{machine.folder / 'airflow.db'}"
    settings.write_text("\n".join(address if line.startswith("sql_alchemy_conn") else line for line in lines))


def answers(url: str) -> bool:
    try:
        httpx.get(url, timeout=5, trust_env=False, verify=False)
    except httpx.HTTPError:
        return False
    return True


def start_the_outside_world(machine: Machine) -> None:
    for service in ("storage", "warehouse", "salesforce", "hubspot", "marketo", "pardot", "slack"):
        machine.start(service)
    for service in ("storage", "warehouse", "salesforce", "hubspot", "marketo", "pardot", "slack"):
        scheme = "https" if service == "warehouse" else "http"
        url = f"{scheme}://127.0.0.1:{machine.ports[service]}"
        machine.wait(service, lambda url=url: answers(url))
    bucket = f"http://127.0.0.1:{machine.ports['storage']}/crm-stage"
    assert httpx.put(bucket, trust_env=False).status_code == 200
    command = machine.command("connections")
    command[command.index("/data")] = str(machine.folder / "salesforce" / "data")
    command[command.index("/marketo")] = str(machine.folder / "marketo" / "data")
    command[command.index("/pardot")] = str(machine.folder / "pardot" / "data")
    command[command.index("/hubspot")] = str(machine.folder / "hubspot" / "data")
    subprocess.run(command, cwd=ROOT, env=machine.environment("connections"), check=True, timeout=60)
    connections = machine.folders["/secrets"] / "connections.json"
    document = machine.here(connections.read_text())
    kept = json.loads(document)
    kept["snowflake_default"]["extra"] |= {"host": "127.0.0.1", "port": machine.ports["warehouse"]}
    kept["crm_state"] |= {"host": "127.0.0.1", "port": machine.ports["postgres"]}
    kept["hubspot_default"] |= {"host": "127.0.0.1", "port": machine.ports["hubspot"]}
    connections.write_text(json.dumps(kept))


def health(machine: Machine) -> dict[str, str]:
    try:
        answer = httpx.get(f"http://127.0.0.1:{machine.ports['api-server']}/api/v2/monitor/health", trust_env=False)
        return {part: said["status"] for part, said in answer.raise_for_status().json().items()}
    except httpx.HTTPError:
        return {}


def run_the_proof(machine: Machine) -> str:
    password = json.loads((machine.folders["/secrets"] / "passwords.json").read_text())["admin"]
    with httpx.Client(base_url=f"http://127.0.0.1:{machine.ports['api-server']}", trust_env=False, timeout=30) as api:
        token = api.post("/auth/token", json={"username": "admin", "password": password}).json()["access_token"]
        api.headers["Authorization"] = f"Bearer {token}"
        machine.wait("dag-processor", lambda: api.get("/api/v2/dags/proof").status_code == 200)
        answer = api.post("/api/v2/dags/proof/dagRuns", json={"logical_date": None}).raise_for_status()
        run = f"/api/v2/dags/proof/dagRuns/{answer.json()['dag_run_id']}"
        machine.wait("scheduler", lambda: api.get(run).json()["state"] in ("success", "failed"))
        return str(api.get(run).json()["state"])


def test_airflow_of_the_compose_file_runs_a_dag_against_everything_around_it(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.run("secrets", "--postgres", f"127.0.0.1:{machine.ports['postgres']}")
    with postgres_on(machine) as postgres:
        if not postgres:
            use_sqlite(machine)
        try:
            start_and_prove(machine, capsys, database="PostgreSQL" if postgres else "SQLite (no PostgreSQL here)")
        finally:
            members.stop(machine.identity, patience_s=5)


def start_and_prove(machine: Machine, capsys: pytest.CaptureFixture[str], *, database: str) -> None:
    celery = bool(shutil.which("redis-server"))
    with capsys.disabled():
        executor = "Celery" if celery else "LocalExecutor (no redis-server here)"
        sys.stdout.write(f"\n  metadata on {database}, {executor}\n")
    start_the_outside_world(machine)
    machine.run("migrate")
    if celery:
        redis = ["redis-server", "--port", str(machine.ports["redis"]), "--save", ""]
        log = machine.folder / "redis.log"
        members.start(redis, environment=machine.environment("storage"), log=log, folder=machine.folder)
        machine.start("worker")

    for service in ("api-server", "scheduler", "dag-processor", "triggerer"):
        machine.start(service)
    parts = ("metadatabase", "scheduler", "dag_processor", "triggerer")
    machine.wait("scheduler", lambda: [health(machine).get(part) for part in parts] == ["healthy"] * 4)

    assert run_the_proof(machine) == "success"
