"""A real Snowflake account instead of the local warehouse: every fixture above it stays the same."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
import snowflake.connector

from crm_patterns.warehouse.snowflake import SnowflakeWarehouse

VARIABLE = "CRM_PATTERNS_LIVE_SNOWFLAKE"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Here nothing is known to fail: what the local warehouse cannot do, a real account must."""
    for item in items:
        if "live" in item.path.parts:
            item.own_markers = [mark for mark in item.own_markers if mark.name != "xfail"]
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session")
def connection_arguments() -> dict[str, Any]:
    """Arguments of `snowflake.connector.connect` as JSON: account, user, password or key, database, warehouse, role."""
    given = os.environ.get(VARIABLE)
    if not given:
        pytest.skip(
            f"{VARIABLE} is not set: it holds, as JSON, the arguments of snowflake.connector.connect for an account in "
            "whose database a role may create schemas."
        )
    return dict(json.loads(given))


@pytest.fixture
def schema(warehouse: SnowflakeWarehouse, schema: str, connect: Any) -> Iterator[str]:
    """The test's own schema, dropped afterwards: a real account keeps, and bills, what is left behind."""
    yield schema
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(f'drop schema if exists "{schema}" cascade')


@pytest.fixture(scope="session")
def connect(connection_arguments: dict[str, Any]) -> Any:
    return lambda: snowflake.connector.connect(**connection_arguments)
