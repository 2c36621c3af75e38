"""`make up`, `make env`, `make down` and what can go wrong with them, in a folder of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from stack import members

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
SERVICES = {
    "warehouse",
    "salesforce",
    "slack",
    "hubspot",
    "marketo",
    "pardot",
    "airflow-api-server",
    "airflow-scheduler",
    "airflow-dag-processor",
    "airflow-triggerer",
}
IN_THE_SHELL = """
eval "$({stack} env)"
command -v airflow
airflow pools list --output json
airflow connections get salesforce_default --output json
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "a stack"
    yield folder
    stack(folder, "down")
    assert members.members(identity(folder)) == []


def environment(folder: Path) -> dict[str, str]:
    """The test's own Airflow settings are left out; the stack would not take them anyway."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {**kept, "CRM_STACK_HOME": str(folder), "CRM_SANDBOX_SIZE": "50"}


def stack(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stack", *command],
        cwd=ROOT,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def identity(folder: Path) -> str:
    file = folder / "stack.json"
    return str(json.loads(file.read_text())["id"]) if file.exists() else "no stack"


def pids(folder: Path) -> dict[str, int]:
    return {file.stem: json.loads(file.read_text())["pid"] for file in (folder / "pids").glob("*.json")}


def test_up_is_healthy_twice_and_down_leaves_nothing_but_data(home: Path) -> None:
    first = stack(home, "up")
    assert first.returncode == 0, first.stderr
    running = pids(home)
    assert running.keys() == SERVICES
    url = f"http://127.0.0.1:{json.loads((home / 'stack.json').read_text())['ports']['airflow-api-server']}"
    health = httpx.get(f"{url}/api/v2/monitor/health", trust_env=False).json()
    assert {part["status"] for part in health.values()} == {"healthy"}

    assert stack(home, "up").returncode == 0
    assert pids(home) == running
    assert stack(home, "status").returncode == 0

    script = IN_THE_SHELL.format(stack=f"{sys.executable} -m stack")
    shell = subprocess.run(
        ["sh", "-ec", script], cwd=ROOT, env=environment(home), capture_output=True, text=True, check=True, timeout=120
    )
    assert shell.stdout.splitlines()[0] == str(Path(sys.executable).parent / "airflow")
    assert "crm_salesforce" in shell.stdout
    assert "consumer_key" in shell.stdout

    os.kill(running["slack"], signal.SIGKILL)  # one part is missing: only that one is started
    assert stack(home, "up").returncode == 0
    assert {name for name, pid in pids(home).items() if pid != running[name]} == {"slack"}

    workers = [process.pid for process in members.members(identity(home))]
    assert len(workers) > len(SERVICES)
    assert stack(home, "down").returncode == 0
    assert members.members(identity(home)) == []
    alive = [pid for pid in workers if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]
    assert alive == []
    assert (home / "airflow" / "airflow.db").exists()
    assert stack(home, "status").returncode == 1


def heed_interrupts() -> None:
    """As in a person's terminal, wherever the tests run: what a shell starts in the background ignores SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_up_stops_what_it_had_started(home: Path, number: int) -> None:
    starting = subprocess.Popen(
        [sys.executable, "-m", "stack", "up"], cwd=ROOT, env=environment(home), stderr=subprocess.PIPE, text=True,
        preexec_fn=heed_interrupts,
    )  # fmt: skip
    give_up = time.monotonic() + 60
    while not (home / "pids" / "warehouse.json").exists():
        assert time.monotonic() < give_up
        time.sleep(0.1)

    starting.send_signal(number)
    _, said = starting.communicate(timeout=60)

    assert starting.returncode != 0
    assert "stopping what was started" in said
    assert members.members(identity(home)) == []


def test_down_finds_what_a_killed_up_has_left(home: Path) -> None:
    starting = subprocess.Popen([sys.executable, "-m", "stack", "up"], cwd=ROOT, env=environment(home))
    give_up = time.monotonic() + 60
    while not (home / "pids" / "warehouse.json").exists():
        assert time.monotonic() < give_up
        time.sleep(0.1)
    starting.kill()
    starting.wait()
    assert members.members(identity(home))
    for file in (home / "pids").glob("*.json"):
        file.unlink()

    assert stack(home, "down").returncode == 0

    assert members.members(identity(home)) == []


def test_a_part_that_cannot_start_is_named_with_its_reason_and_its_log(home: Path) -> None:
    (home / "warehouse").mkdir(parents=True)
    (home / "warehouse" / "CRM.db").write_text("this is no database " * 500)

    failed = stack(home, "up")

    assert failed.returncode == 1
    assert "warehouse ended while it was starting" in failed.stderr
    assert "not a valid DuckDB database file" in failed.stderr
    assert str(home / "logs" / "warehouse.log") in failed.stderr
    assert members.members(identity(home)) == []


def test_nothing_to_stop_and_nothing_to_show_is_said_plainly(home: Path) -> None:
    assert "nothing was running" in stack(home, "down").stderr
    assert "Start it with `make up`" in stack(home, "env").stderr
