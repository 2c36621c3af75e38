"""The processes of the local stack, and how each one says that it is ready."""

import os
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from stack.installation import API_SERVER, HUBSPOT, MARKETO, PARDOT, SALESFORCE, SLACK, WAREHOUSE, Installation

SCHEDULER = "airflow-scheduler"
DAG_PROCESSOR = "airflow-dag-processor"
TRIGGERER = "airflow-triggerer"
SANDBOX_SIZE_VARIABLE = "CRM_SANDBOX_SIZE"
SANDBOX_SIZE = "10000"
MARKETO_PEOPLE = PARDOT_PEOPLE = "1000"


@dataclass(frozen=True, slots=True)
class Service:
    """One process. `is_ready` is told when the process started (seconds since 1970) and asks the process itself."""

    name: str
    command: tuple[str, ...]
    is_ready: Callable[[float], bool]


def outside_services(installation: Installation) -> list[Service]:
    """What Airflow talks to: the warehouse and the systems of the sandbox."""
    size = os.environ.get(SANDBOX_SIZE_VARIABLE, SANDBOX_SIZE)
    return [
        _warehouse(installation),
        _sandbox(installation, SALESFORCE, "--size", size),
        _sandbox(installation, SLACK),
        # The people of a new account are imported from the org (people.py), as a company would.
        _sandbox(installation, HUBSPOT, "--size", "0"),
        # Marketo's people are those of the org by their number.
        _sandbox(installation, MARKETO, "--size", MARKETO_PEOPLE),
        _pardot(installation),
    ]


def airflow_services(installation: Installation) -> list[Service]:
    """Airflow, one process per part.

    Task logs are read from the shared folder, so neither scheduler nor triggerer needs a log server of its own.
    """
    airflow = str(Path(sys.executable).parent / "airflow")
    port = str(installation.ports[API_SERVER])
    return [
        Service(
            API_SERVER,
            (airflow, "api-server", "--host", "127.0.0.1", "--port", port, "--workers", "1"),
            lambda _: airflow_health(installation).get("metadatabase", {}).get("status") == "healthy",
        ),
        Service(SCHEDULER, (airflow, "scheduler", "--skip-serve-logs"), _beats(installation, "scheduler")),
        Service(DAG_PROCESSOR, (airflow, "dag-processor"), _beats(installation, "dag_processor")),
        Service(TRIGGERER, (airflow, "triggerer", "--skip-serve-logs"), _beats(installation, "triggerer")),
    ]


def airflow_health(installation: Installation) -> dict[str, Any]:
    """What the API server says of all parts of Airflow; empty while it does not answer."""
    try:
        answer = httpx.get(f"{installation.url(API_SERVER)}/api/v2/monitor/health", timeout=5, trust_env=False)
        return dict(answer.raise_for_status().json())
    except (httpx.HTTPError, ValueError):
        return {}


def _beats(installation: Installation, part: str) -> Callable[[float], bool]:
    """Ready when the part has sent a heartbeat since its process started; an older one is its predecessor's."""

    def is_ready(started_at: float) -> bool:
        said = airflow_health(installation).get(part, {})
        beat = said.get(f"latest_{part}_heartbeat")
        return said.get("status") == "healthy" and bool(beat) and datetime.fromisoformat(beat).timestamp() >= started_at

    return is_ready


def _warehouse(installation: Installation) -> Service:
    home = installation.home
    command = (sys.executable, "-m", "stack.warehouse", "--data", str(home.warehouse), "--tls", str(home.tls))
    return _serving(installation, WAREHOUSE, command)


def _sandbox(installation: Installation, name: str, *options: str) -> Service:
    data = str(installation.home.service_data(name))
    return _serving(installation, name, (sys.executable, "-m", "sandbox", name, "--data", data, *options))


def _pardot(installation: Installation) -> Service:
    """It takes the tokens of the Salesforce org, waits for that one to come up, and has people of it."""
    org = str(installation.home.service_data(SALESFORCE))
    return _sandbox(installation, PARDOT, "--salesforce-data", org, "--size", PARDOT_PEOPLE)


def _serving(installation: Installation, name: str, command: tuple[str, ...]) -> Service:
    """A service of ours: listens on its port, writes its ready file, then answers HTTP."""
    ready_file = installation.home.ready_file(name)

    def is_ready(_: float) -> bool:
        if not ready_file.exists():
            return False
        trusted = ssl.create_default_context(cafile=installation.home.tls / "bundle.pem")
        try:
            httpx.get(installation.url(name), timeout=5, verify=trusted, trust_env=False)
        except httpx.HTTPError:
            return False
        return True

    listening = ("--port", str(installation.ports[name]), "--ready-file", str(ready_file))
    return Service(name, (*command, *listening), is_ready)
