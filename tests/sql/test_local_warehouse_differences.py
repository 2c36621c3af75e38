"""
Where the local warehouse is not Snowflake: each test states what Snowflake does, and is known to fail locally.

`strict`: a new version of the local warehouse that does it right shows up here as a failure. The same list, with what
it means for us, is docs/local-warehouse.md; the tests of tests/sql/live own these cases on a real account.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector

from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from tests.sql.attempts import loaded, order

COPY = "copy into t from"
PARQUET = "file_format = (type = parquet use_logical_type = true) match_by_column_name = case_insensitive"


def differs(reason: str) -> pytest.MarkDecorator:
    return pytest.mark.xfail(
        strict=True, reason=reason, raises=(snowflake.connector.Error, AssertionError, pytest.fail.Exception)
    )


@pytest.fixture
def cursor(connect: Any, schema: str) -> Any:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(f'use schema "{schema}"')
        yield cursor


@differs("MERGE cannot run in an explicit transaction")
def test_a_merge_runs_inside_a_transaction(cursor: Any) -> None:
    cursor.execute("create table t (id int, v int)")

    cursor.execute("begin")
    try:
        cursor.execute(
            "merge into t using (select 1 as id, 2 as v) s on t.id = s.id "
            "when not matched then insert (id, v) values (s.id, s.v)"
        )
    except snowflake.connector.Error:
        cursor.execute("rollback")
        raise
    cursor.execute("commit")

    assert cursor.execute("select v from t").fetchall() == [(2,)]


@differs("MERGE runs as several statements; a failure in a later one leaves the earlier ones done")
def test_a_merge_that_fails_changes_nothing(cursor: Any) -> None:
    cursor.execute("create table t (id int, v int not null)")
    cursor.execute("insert into t values (1, 1)")

    with pytest.raises(snowflake.connector.Error):
        cursor.execute(
            "merge into t using (select 1 as id, 10 as v union all select 2, null) s on t.id = s.id "
            "when matched then update set v = s.v when not matched then insert (id, v) values (s.id, s.v)"
        )

    assert cursor.execute("select id, v from t").fetchall() == [(1, 1)]


@differs("two source rows of one key are not refused by MERGE")
def test_a_merge_refuses_two_rows_of_one_key(cursor: Any) -> None:
    cursor.execute("create table t (id int, v int)")
    cursor.execute("insert into t values (1, 1)")

    with pytest.raises(snowflake.connector.ProgrammingError) as refused:
        cursor.execute(
            "merge into t using (select 1 as id, 10 as v union all select 1, 20) s on t.id = s.id "
            "when matched then update set v = s.v"
        )

    assert refused.value.errno == 100090


@differs("a column alias in the source of a MERGE is taken for a column of the target")
def test_an_alias_in_the_source_of_a_merge_is_the_sources_own(cursor: Any) -> None:
    cursor.execute("create table t (id int, stamp int)")
    cursor.execute("create table s (id int, changed int)")

    cursor.execute(
        "merge into t as kept using (select s.id, s.changed as stamp from s "
        "qualify row_number() over (partition by s.id order by stamp desc) = 1) as incoming on kept.id = incoming.id "
        "when not matched then insert (id, stamp) values (incoming.id, incoming.stamp)"
    )


@differs("a text longer than its column is loaded")
def test_a_text_longer_than_its_column_is_refused(cursor: Any) -> None:
    cursor.execute("create table t (v varchar(2))")

    with pytest.raises(snowflake.connector.Error):
        cursor.execute("insert into t values ('abc')")


@differs("ON_ERROR = CONTINUE is not there")
def test_a_copy_can_go_on_after_a_bad_row(warehouse: SnowflakeWarehouse, cursor: Any, schema: str) -> None:
    cursor.execute("create stage landing")
    cursor.execute("create table t (id int)")

    cursor.execute(f"{COPY} @{schema}.landing/a/ {PARQUET} on_error = continue")


@differs("LIST takes no path")
def test_the_files_of_a_folder_are_listed(cursor: Any, schema: str) -> None:
    cursor.execute("create stage landing")

    assert cursor.execute(f"list @{schema}.landing/a/").fetchall() == []


@differs("REMOVE is not there")
def test_files_are_removed(cursor: Any, schema: str) -> None:
    cursor.execute("create stage landing")

    cursor.execute(f"remove @{schema}.landing/a/")


@differs("a session's time zone cannot be set")
def test_a_session_has_a_time_zone(cursor: Any) -> None:
    cursor.execute("alter session set timezone = 'UTC'")


@differs("a TIMESTAMP_TZ forgets its offset")
def test_a_timestamp_keeps_its_offset(cursor: Any) -> None:
    (moment,) = cursor.execute("select '2026-03-01 12:00:00 +05:30'::timestamp_tz").fetchone()

    assert isinstance(moment, datetime)
    assert str(moment.utcoffset()) == "5:30:00"


@differs("comments of columns are taken, and forgotten")
@pytest.mark.parametrize("statement", ["create", "modify"])
def test_a_column_keeps_its_comment(cursor: Any, schema: str, statement: str) -> None:
    cursor.execute(f"create table t (v varchar{' comment ' + repr('what it means') if statement == 'create' else ''})")
    if statement == "modify":
        cursor.execute("alter table t modify column v comment 'what it means'")

    found = cursor.execute(
        f"select comment from information_schema.columns where table_schema = '{schema}' and table_name = 'T'"
    ).fetchall()

    assert found == [("what it means",)]


@differs("schema evolution is not there")
def test_a_table_takes_up_new_columns_by_itself(cursor: Any) -> None:
    cursor.execute("create table t (id int)")

    cursor.execute("alter table t set enable_schema_evolution = true")


@differs("a file that was loaded before is loaded again unless FORCE is left out altogether")
def test_force_false_is_like_no_force(warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path, cursor: Any) -> None:
    attempt = loaded(warehouse, schema, tmp_path, [order()])
    cursor.execute(f'create table t like "{schema}"."{attempt.name}"')
    file = next(tmp_path.rglob("part-*.parquet"))
    cursor.execute(f"put 'file://{file}' @{schema}.landing/again auto_compress = false")
    copy = f"{COPY} @{schema}.landing/again/ {PARQUET}"

    cursor.execute(copy)
    cursor.execute(f"{copy} force = false")

    assert cursor.execute("select count(*) from t").fetchone() == (1,)


@differs("a second PUT of the same file without OVERWRITE says that it uploaded it")
def test_a_file_that_is_there_is_skipped(cursor: Any, schema: str, tmp_path: Path) -> None:
    cursor.execute("create stage landing")
    (tmp_path / "a.txt").write_text("a")
    put = f"put 'file://{tmp_path}/a.txt' @{schema}.landing/a auto_compress = false"

    cursor.execute(put)
    again = cursor.execute(put).fetchall()

    assert "SKIPPED" in again[0]


@differs("CURRENT_ACCOUNT is not there")
def test_an_account_has_a_name(cursor: Any) -> None:
    (account,) = cursor.execute("select current_account()").fetchone()

    assert account
