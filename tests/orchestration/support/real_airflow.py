"""
Airflow's own processes on SQLite with the LocalExecutor, for a test, and nothing of them afterwards.

Each is started in a session of its own, and all of a session is ended: the API server overwrites the environment that
the system shows of it (it sets its title), so that a mark there would not find it again.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

REPOSITORY = Path(__file__).resolve().parents[3]
AIRFLOW = str(Path(sys.executable).parent / "airflow")


class RealAirflow:
    """Runs of the DAGs in one folder, through the REST API."""

    def __init__(self, url: str, home: Path) -> None:
        self.url = url
        self.home = home
        self._client = httpx.Client(base_url=f"{url}/api/v2", timeout=30, trust_env=False)

    def sign_in(self) -> None:
        token = httpx.get(f"{self.url}/auth/token", timeout=30, trust_env=False).json()["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str) -> dict[str, Any]:
        return dict(self._client.get(path).raise_for_status().json())

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return dict(self._client.post(path, json=dict(body)).raise_for_status().json())

    def trigger(self, dag_id: str, **conf: Any) -> str:
        return str(self.post(f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"])

    def state(self, dag_id: str, run_id: str) -> str:
        return str(self.get(f"/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def run(self, dag_id: str, *, timeout_s: float = 90, **conf: Any) -> str:
        """Trigger and wait for the end; returns `state`."""
        run_id = self.trigger(dag_id, **conf)
        wait_until(lambda: self.state(dag_id, run_id) in ("success", "failed"), timeout_s, f"{dag_id} to end")
        return self.state(dag_id, run_id)

    def clear(self, dag_id: str, run_id: str) -> None:
        self.post(f"/dags/{dag_id}/dagRuns/{run_id}/clear", {"dry_run": False})

    def knows(self, dag_id: str) -> bool:
        return bool(self._client.get(f"/dags/{dag_id}").status_code == 200)

    def log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text(errors="replace")


def wait_until(is_so: Callable[[], bool], timeout_s: float, what: str) -> None:
    give_up = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > give_up:
            raise TimeoutError(f"Waited {timeout_s:.0f} s for {what}.")
        time.sleep(0.25)


@contextmanager
def real_airflow(home: Path, *, dags: Path, more: Mapping[str, str]) -> Iterator[RealAirflow]:
    """Scheduler, dag-processor, triggerer and API server; ends every process that carries this run's mark."""
    url = f"http://127.0.0.1:{_free_port()}"
    environment = {**_environment(home, dags, url), **more}
    started: list[subprocess.Popen[bytes]] = []
    subprocess.run([AIRFLOW, "db", "migrate"], env=environment, check=True, capture_output=True, timeout=180)
    commands = {
        "api-server": ("api-server", "--host", "127.0.0.1", "--port", url.rsplit(":", 1)[1], "--workers", "1"),
        "scheduler": ("scheduler", "--skip-serve-logs"),
        "dag-processor": ("dag-processor",),
        "triggerer": ("triggerer", "--skip-serve-logs"),
    }
    try:
        for name, command in commands.items():
            started.append(_start((AIRFLOW, *command), environment, home / f"{name}.log"))
        airflow = RealAirflow(url, home)
        wait_until(lambda: _is_healthy(url), 120, "Airflow to be healthy")
        airflow.sign_in()
        yield airflow
    finally:
        _stop(started)


def _start(command: tuple[str, ...], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            env=dict(environment),
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _stop(started: list[subprocess.Popen[bytes]], *, patience_s: float = 8) -> None:
    """SIGTERM to each, then SIGKILL to whatever is left of its session."""
    for process in started:
        process.terminate()
    give_up = time.monotonic() + patience_s
    sessions = {process.pid for process in started}
    while (left := _of_sessions(sessions)) and time.monotonic() < give_up:
        psutil.wait_procs(left, timeout=0.5)
    for process in _of_sessions(sessions):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    for parent in started:
        parent.wait(10)


def _of_sessions(sessions: set[int]) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            if os.getsid(process.pid) in sessions and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _is_healthy(url: str) -> bool:
    try:
        health = httpx.get(f"{url}/api/v2/monitor/health", timeout=5, trust_env=False).json()
    except (httpx.HTTPError, ValueError):
        return False
    parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
    return all(health.get(part, {}).get("status") == "healthy" for part in parts)


def _environment(home: Path, dags: Path, url: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "CRM_", "PYTHONPATH"))}
    settings = {
        "CORE__DAGS_FOLDER": str(dags),
        "CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "3",
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "CORE__FERNET_KEY": "",
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "API__BASE_URL": url,
        "API__SECRET_KEY": secrets.token_hex(32),
        "API_AUTH__JWT_SECRET": secrets.token_hex(48),
        "LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "LOGGING__COLORED_CONSOLE_LOG": "False",
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        "DAG_PROCESSOR__PARSING_PROCESSES": "1",
    }
    own = {f"AIRFLOW__{name}": value for name, value in settings.items()}
    return {
        **kept,
        **own,
        "AIRFLOW_HOME": str(home),
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
