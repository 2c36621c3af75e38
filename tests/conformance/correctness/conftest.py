from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy import create_engine

from crm_patterns.state import OperationalState
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from crm_patterns.warehouse.stage import ParquetStage
from tests.conformance.correctness.org_and_warehouse import OrgAndWarehouse
from tests.conformance.salesforce_world import SalesforceWorld
from tests.sandbox_process import SandboxProcess
from tests.sql.conftest import connect, connection_arguments, schema, shared_warehouse, warehouse, warehouse_server

__all__ = ["connect", "connection_arguments", "schema", "shared_warehouse", "warehouse", "warehouse_server"]


@pytest.fixture(scope="module")
def org() -> Iterator[SandboxProcess]:
    with SandboxProcess(size=60, only="Account") as process:
        yield process


@pytest.fixture(scope="module")
def clock() -> Iterator[datetime]:
    """Later by a day for each test of a module: what one test did lies in the past of the next."""
    return (datetime.now(UTC).replace(microsecond=0) + timedelta(days=day) for day in itertools.count())


@pytest.fixture
def way(
    org: SandboxProcess,
    clock: Iterator[datetime],
    warehouse: SnowflakeWarehouse,
    connect: Callable[[], Any],
    schema: str,
    tmp_path: Path,
) -> Iterator[OrgAndWarehouse]:
    """From a fresh state and schema; the org keeps what earlier tests of the module did to it."""
    state = OperationalState(create_engine(f"sqlite:///{tmp_path / 'state.db'}"))
    connection = connect()
    world = SalesforceWorld(org)
    on_its_way = OrgAndWarehouse(
        world=world,
        now=next(clock),
        warehouse=warehouse,
        stage=ParquetStage(LocalFileSystem(), str(tmp_path / "stage")),
        state=state,
        schema=schema,
        rows=lambda text: connection.cursor().execute(text).fetchall(),
    )
    on_its_way.later(seconds=0)
    yield on_its_way
    world.calm()
    world.control("POST", "clock", {})
    connection.close()
    state.close()
