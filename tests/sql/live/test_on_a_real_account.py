"""
The tests of tests/sql on a real account, and what only a real account can tell.

    CRM_PATTERNS_LIVE_SNOWFLAKE='{"account": …, "user": …, …}' pytest tests/sql/live -m live
"""

from __future__ import annotations

from typing import Any

import pytest
import snowflake.connector

from crm_patterns.core.errors import FixSettings
from crm_patterns.core.own_columns import OWN_COLUMNS
from crm_patterns.core.ports import Table
from crm_patterns.steps.comment_columns import comment_columns
from crm_patterns.warehouse.errors import translate
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from tests.sql.attempts import ORDER, target_of
from tests.sql.test_comments import *  # noqa: F403
from tests.sql.test_current_table import *  # noqa: F403
from tests.sql.test_every_statement import *  # noqa: F403
from tests.sql.test_local_warehouse_differences import *  # noqa: F403
from tests.sql.test_publishing_in_any_order import *  # noqa: F403
from tests.sql.test_quality import *  # noqa: F403

pytestmark = pytest.mark.live


def test_a_wrong_password_is_for_a_person(connection_arguments: dict[str, Any]) -> None:
    given = {**connection_arguments, "password": "wrong", "login_timeout": 10}
    given.pop("private_key_file", None)

    with pytest.raises(snowflake.connector.Error) as refused:
        snowflake.connector.connect(**given)

    assert isinstance(translate(refused.value, what="", role="", place="the account"), FixSettings)


def test_a_table_that_is_not_there_is_for_a_person(warehouse: SnowflakeWarehouse, schema: str) -> None:
    with pytest.raises(FixSettings, match=rf"{schema}\.NOTHING does not exist"):
        warehouse.run("control/count_rows", names={"table": Table(schema, "NOTHING")})


def test_a_files_times_do_not_depend_on_the_sessions_zone(
    connection_arguments: dict[str, Any], warehouse: SnowflakeWarehouse, schema: str, tmp_path: Any
) -> None:
    from tests.sql.attempts import NOON, loaded, order

    elsewhere = {**connection_arguments, "session_parameters": {"TIMEZONE": "Asia/Tokyo"}}
    tokyo = SnowflakeWarehouse(lambda: snowflake.connector.connect(**elsewhere), sql_root=warehouse.templates.root)
    try:
        attempt = loaded(tokyo, schema, tmp_path, [order()])
        (moment,) = warehouse._execute(f'select "SYSTEM_MODSTAMP" from "{schema}"."{attempt.name}"', {})[0]
    finally:
        tokyo.close()

    assert moment == NOON


def test_the_columns_say_what_they_mean(warehouse: SnowflakeWarehouse, schema: str) -> None:
    table = target_of(warehouse, schema)
    comment_columns(warehouse, table, ORDER, OWN_COLUMNS)

    described = warehouse.run("control/describe_table", names={"table": table})

    assert {str(row[0]): row[9] for row in described}["NAME"] == "From the field Name."
