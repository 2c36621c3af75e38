"""A local warehouse in a process of its own, started as the stack starts it, for tests and benchmarks."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
USER, PASSWORD = "ENGINEER", "not-a-secret"


@contextmanager
def warehouse_process(data: Path) -> Iterator[dict[str, str]]:
    """Host, port and CA bundle of a running local warehouse that keeps its data in `data`."""
    ready = data / "ready.json"
    (data / "users.json").write_text(json.dumps({USER: PASSWORD}))
    command = [sys.executable, "-m", "stack.warehouse", "--data", str(data), "--port", "0", "--ready-file", str(ready)]
    with (data / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for(ready, process, data / "log")
        url = urlsplit(json.loads(ready.read_text())["url"])
        yield {"host": str(url.hostname), "port": str(url.port), "bundle": str(data / "tls" / "bundle.pem")}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


def connection_arguments_of(server: dict[str, str], *, network_timeout_s: int = 20) -> dict[str, object]:
    """What `snowflake.connector.connect` needs to reach it, beside REQUESTS_CA_BUNDLE."""
    return {
        "user": USER, "password": PASSWORD, "account": "local", "database": "CRM", "schema": "PUBLIC",
        "host": server["host"], "port": int(server["port"]),
        "insecure_mode": True, "login_timeout": 10, "network_timeout": network_timeout_s,
    }  # fmt: skip


def _wait_for(ready: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + 60
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > give_up:
            raise AssertionError(f"The local warehouse did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.05)
