"""One local warehouse for the whole session, started as the stack starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import snowflake.connector

from crm_patterns.warehouse.snowflake import SnowflakeWarehouse

ROOT = Path(__file__).resolve().parents[2]
USER, PASSWORD = "ENGINEER", "not-a-secret"

Connect = Callable[[], snowflake.connector.SnowflakeConnection]


@pytest.fixture(scope="session")
def warehouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Host, port and CA bundle of a running local warehouse; its data is thrown away afterwards."""
    data = tmp_path_factory.mktemp("warehouse")
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


def _wait_for(ready: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + 60
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > give_up:
            raise AssertionError(f"The local warehouse did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.05)


@pytest.fixture(scope="session")
def connection_arguments(warehouse_server: dict[str, str]) -> Iterator[dict[str, object]]:
    """What `snowflake.connector.connect` needs to reach it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", warehouse_server["bundle"])
        yield {
            "user": USER, "password": PASSWORD, "account": "local", "database": "CRM", "schema": "PUBLIC",
            "host": warehouse_server["host"], "port": int(warehouse_server["port"]),
            "insecure_mode": True, "login_timeout": 10, "network_timeout": 20,
        }  # fmt: skip


@pytest.fixture(scope="session")
def connect(connection_arguments: dict[str, object]) -> Connect:
    return lambda: snowflake.connector.connect(**connection_arguments)


@pytest.fixture(scope="session")
def shared_warehouse(connect: Connect) -> Iterator[SnowflakeWarehouse]:
    warehouse = SnowflakeWarehouse(connect, sql_root=ROOT / "include" / "sql")
    yield warehouse
    warehouse.close()


@pytest.fixture
def warehouse(shared_warehouse: SnowflakeWarehouse) -> SnowflakeWarehouse:
    return shared_warehouse


@pytest.fixture
def schema(warehouse: SnowflakeWarehouse) -> str:
    """A schema of this test alone."""
    name = f"T_{uuid.uuid4().hex[:12]}".upper()
    warehouse.run("control/create_schema", names={"schema": name})
    return name


os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
