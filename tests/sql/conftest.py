"""One local warehouse for the whole session, started as the stack starts it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator

import pytest
import snowflake.connector

from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from tests.warehouse_process import PASSWORD, ROOT, USER, connection_arguments_of, warehouse_process

__all__ = ["PASSWORD", "ROOT", "USER"]

Connect = Callable[[], snowflake.connector.SnowflakeConnection]


@pytest.fixture(scope="session")
def warehouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Host, port and CA bundle of a running local warehouse; its data is thrown away afterwards."""
    with warehouse_process(tmp_path_factory.mktemp("warehouse")) as server:
        yield server


@pytest.fixture(scope="session")
def connection_arguments(warehouse_server: dict[str, str]) -> Iterator[dict[str, object]]:
    """What `snowflake.connector.connect` needs to reach it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", warehouse_server["bundle"])
        yield connection_arguments_of(warehouse_server)


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
