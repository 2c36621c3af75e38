"""The adapter itself: what it says when something is wrong, and several tasks at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector

from crm_patterns.core.contracts import ContractField, FieldKind
from crm_patterns.core.errors import FixSettings, RetryLater, StopRun
from crm_patterns.core.ports import Table
from crm_patterns.warehouse.parquet_files import Sizes
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from tests.sql.attempts import NOON, ORDER, loaded, order, publish, target_of

SQL = Path(__file__).resolve().parents[2] / "include" / "sql"


def test_an_empty_moment_stays_empty(warehouse: SnowflakeWarehouse, schema: str) -> None:
    warehouse._execute(f'create table "{schema}"."T" (id int, tz timestamp_tz, ntz timestamp_ntz)', {})
    warehouse._execute(f'insert into "{schema}"."T" values (1, null, null)', {})
    warehouse._execute(f'insert into "{schema}"."T" select 2, %(at)s::timestamp_tz, null', {"at": NOON})

    rows = warehouse._execute(f'select tz, ntz from "{schema}"."T" order by id', {})

    assert rows == [(None, None), (NOON, None)]


def test_a_wrong_password_is_for_a_person(connection_arguments: dict[str, Any]) -> None:
    wrong = {**connection_arguments, "password": "wrong"}
    warehouse = SnowflakeWarehouse(lambda: snowflake.connector.connect(**wrong), sql_root=SQL)

    with pytest.raises(FixSettings, match="refuses this user and password"):
        warehouse.columns(Table("A", "B"))


def test_a_host_that_does_not_answer_is_worth_another_try(connection_arguments: dict[str, Any]) -> None:
    nowhere = {**connection_arguments, "port": 1, "login_timeout": 1}
    warehouse = SnowflakeWarehouse(lambda: snowflake.connector.connect(**nowhere), sql_root=SQL)

    with pytest.raises(RetryLater, match="cannot be reached"):
        warehouse.run("control/create_schema", names={"schema": "A"})


def test_a_table_that_is_not_there_is_named_and_has_no_columns(warehouse: SnowflakeWarehouse, schema: str) -> None:
    with pytest.raises(FixSettings, match=rf"{schema}\.NOTHING does not exist"):
        warehouse.run("control/count_rows", names={"table": Table(schema, "NOTHING")})

    assert warehouse.columns(Table(schema, "NOTHING")) == {}
    assert warehouse.columns(Table("NO_SUCH_SCHEMA", "NOTHING")) == {}


def test_columns_have_the_types_that_the_contract_asks_for(warehouse: SnowflakeWarehouse, schema: str) -> None:
    columns = warehouse.columns(target_of(warehouse, schema))

    assert {field.column: warehouse.column_type(field) for field in ORDER.fields}.items() <= columns.items()
    assert columns["_synced_at"] == columns["_source_modified_at"] == "TIMESTAMP_TZ"


def test_a_new_column_is_added_once_and_empty(warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path) -> None:
    target = target_of(warehouse, schema)
    publish(warehouse, target, loaded(warehouse, schema, tmp_path, [order()]))
    region = ContractField("Region__c", "region_c", FieldKind.TEXT)

    for _ in (1, 2):
        warehouse.run("warehouse_elt/add_column", names={"table": target, "field": region})

    assert warehouse.columns(target)["region_c"] == "VARCHAR"


def test_several_files_are_one_load_and_a_second_load_replaces_the_first(
    warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path
) -> None:
    rows = [order(str(number)) for number in range(500)]

    attempt = loaded(warehouse, schema, tmp_path, rows, sizes=Sizes(row_group_rows=100, part_bytes=1))

    assert len(list(tmp_path.rglob("part-*.parquet"))) == 5
    assert warehouse.run("control/count_rows", names={"table": attempt}) == [(500,)]


def test_a_file_that_is_no_parquet_loads_nothing(warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path) -> None:
    attempt, landing = Table(schema, "ORDER__BAD"), Table(schema, "LANDING")
    (tmp_path / "part-00000.parquet").write_bytes(b"not parquet")
    warehouse.run("control/create_stage", names={"stage": landing})
    warehouse.run("warehouse_elt/create_attempt", names={"table": attempt, "contract": ORDER})
    warehouse.upload(tmp_path / "part-00000.parquet", stage_path=f"{schema}.LANDING/order__bad")
    names = {"table": attempt, "stage": landing, "folder": "order__bad", "contract": ORDER}

    with pytest.raises((StopRun, RetryLater), match=r"ORDER__BAD"):
        warehouse.run("warehouse_elt/copy_into_attempt", names=names)

    assert warehouse.run("control/count_rows", names={"table": attempt}) == [(0,)]


def test_tasks_that_make_load_and_merge_at_the_same_time_do_not_hinder_each_other(
    connect: Callable[[], Any], schema: str, tmp_path: Path
) -> None:
    together = threading.Barrier(4)

    def task(number: int) -> tuple[tuple[int, ...], int]:
        warehouse = SnowflakeWarehouse(connect, sql_root=SQL)
        try:
            together.wait()
            warehouse.run("control/create_schema", names={"schema": f"{schema}_SHARED"})
            warehouse.run("control/create_stage", names={"stage": Table(f"{schema}_SHARED", "LANDING")})
            folder = tmp_path / str(number)
            attempt = loaded(warehouse, f"{schema}_SHARED", folder, [order(f"{number}-{n}") for n in range(50)])
            return publish(warehouse, target_of(warehouse, f"{schema}_SHARED"), attempt)
        finally:
            warehouse.close()

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(task, range(4)))

    assert told == [((50, 0, 0, 0), 50)] * 4


def test_a_privilege_is_granted(connect: Callable[[], Any], schema: str) -> None:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(f'grant usage on schema "{schema}" to role public')

        assert cursor.fetchall() == [("Statement executed successfully.",)]
