"""The local warehouse through Airflow's own, unmodified SnowflakeHook and the real connector, over TLS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]

MERGE = """
    merge into CRM.SALES.KEPT as kept
    using (select column1 as id, column2 as n from values (1, {n}), (2, {n}), ({own}, {n})) as incoming
        on kept.id = incoming.id
    when matched and incoming.n >= kept.n then update set n = incoming.n
    when not matched then insert (id, n) values (incoming.id, incoming.n)
"""
MERGE_FROM_A_PROCESS = """
import os, sys
from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook
hook = SnowflakeHook("snowflake_default", log_sql=False)
for n in range(5):
    hook.run(os.environ["STATEMENT"].format(n=n, own=int(sys.argv[1])))
"""


@dataclass(frozen=True, slots=True)
class Warehouse:
    port: int
    tls: Path

    def environment(self, *, password: str = "right") -> dict[str, str]:
        connection = {
            "conn_type": "snowflake",
            "login": "CRM_LOADER",
            "password": password,
            "schema": "PUBLIC",
            "extra": {"account": "local", "host": "127.0.0.1", "port": self.port, "database": "CRM", "role": "R"},
        }
        bundle = str(self.tls / "bundle.pem")
        return {
            "AIRFLOW_CONN_SNOWFLAKE_DEFAULT": json.dumps(connection),
            "REQUESTS_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
            "NO_PROXY": "127.0.0.1",
            "SNOWFLAKE_DISABLE_PLATFORM_DETECTION": "true",
        }


@contextmanager
def serving(data: Path) -> Iterator[Warehouse]:
    ready = data.parent / "ready.json"
    ready.unlink(missing_ok=True)
    data.mkdir(exist_ok=True)
    (data / "users.json").write_text('{"CRM_LOADER": "right"}')
    command = [sys.executable, "-m", "stack.warehouse", "--data", str(data), "--ready-file", str(ready)]
    with (data.parent / "warehouse.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        give_up = time.monotonic() + 60
        while not ready.exists():
            assert process.poll() is None, (data.parent / "warehouse.log").read_text()
            assert time.monotonic() < give_up, "the warehouse did not start"
            time.sleep(0.05)
        url = json.loads(ready.read_text())["url"]
        yield Warehouse(int(url.rsplit(":", 1)[1]), data / "tls")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) in (0, -signal.SIGTERM)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    with serving(tmp_path_factory.mktemp("warehouse") / "data") as served:
        yield served


@pytest.fixture
def hook(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Any:
    return hook_for(warehouse, monkeypatch)


def hook_for(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, *, password: str = "right") -> Any:
    from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

    for name, value in warehouse.environment(password=password).items():
        monkeypatch.setenv(name, value)
    return SnowflakeHook("snowflake_default", log_sql=False)


def load_parquet(hook: Any, folder: Path, rows: int) -> None:
    part = folder / "part-00000.parquet"
    pq.write_table(pa.table({"ID": list(range(rows)), "NAME": [f"n{row}, 'quoted'\n" for row in range(rows)]}), part)
    hook.run("create schema if not exists CRM.SALES")
    hook.run("create or replace table CRM.SALES.LANDED (id number(38, 0), name varchar)")
    hook.run("create stage if not exists CRM.SALES.LANDING")
    hook.run(f"put 'file://{part}' @CRM.SALES.LANDING/{folder.name}/ auto_compress = false")
    hook.run(
        f"copy into CRM.SALES.LANDED from @CRM.SALES.LANDING/{folder.name}/"
        " file_format = (type = parquet) match_by_column_name = case_insensitive"
    )


def test_the_stock_hook_selects(hook: Any) -> None:
    assert hook.get_first("select current_database() as d, current_schema() as s, 1 as n") == ("CRM", "PUBLIC", 1)


def test_put_and_copy_load_a_parquet_file(hook: Any, tmp_path: Path) -> None:
    load_parquet(hook, tmp_path, 1000)

    assert hook.get_first("select count(*) as n, max(name) as last from CRM.SALES.LANDED") == (1000, "n999, 'quoted'\n")


def test_four_processes_merge_at_once(hook: Any, warehouse: Warehouse) -> None:
    hook.run("create schema if not exists CRM.SALES")
    hook.run("create or replace table CRM.SALES.KEPT (id number(38, 0), n number(38, 0))")
    environment = {**os.environ, **warehouse.environment(), "STATEMENT": MERGE}

    def merge(own: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", MERGE_FROM_A_PROCESS, str(own)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)

    with ThreadPoolExecutor(4) as at_once:
        results = list(at_once.map(merge, (11, 12, 13, 14)))

    assert [result.stderr[-800:] for result in results if result.returncode] == []
    rows = hook.get_records("select id, n from CRM.SALES.KEPT order by id")
    assert [tuple(row) for row in rows] == [(id_, 4) for id_ in (1, 2, 11, 12, 13, 14)]


@pytest.mark.parametrize("begin", ["alter session set autocommit = false", "begin"])
def test_a_merge_waits_for_the_end_of_another_sessions_transaction(hook: Any, begin: str) -> None:
    hook.run("create schema if not exists CRM.SALES")
    hook.run("create or replace table CRM.SALES.KEPT (id number(38, 0), n number(38, 0))")
    with hook.get_conn() as first, ThreadPoolExecutor(1) as beside:
        first.cursor().execute(begin)
        first.cursor().execute("delete from CRM.SALES.KEPT where id = 0")
        first.cursor().execute("insert into CRM.SALES.KEPT (id, n) values (1, 1), (2, 1), (11, 1)")
        second = beside.submit(hook.run, MERGE.format(n=2, own=12), autocommit=True)
        time.sleep(1)
        assert not second.done()
        first.cursor().execute("commit")
        second.result(timeout=10)

    rows = hook.get_records("select id, n from CRM.SALES.KEPT order by id")
    assert [tuple(row) for row in rows] == [(1, 2), (2, 2), (11, 1), (12, 2)]


@pytest.mark.e2e
def test_a_client_that_dies_in_its_transaction_keeps_nobody_waiting_for_ever(hook: Any) -> None:
    from snowflake.connector.errors import Error

    hook.run("create schema if not exists CRM.SALES")
    hook.run("create or replace table CRM.SALES.KEPT (id number(38, 0), n number(38, 0))")
    silent = hook.get_conn()
    silent.autocommit(False)
    silent.cursor().execute(MERGE.format(n=1, own=11))

    hook.run(MERGE.format(n=2, own=12), autocommit=True)

    rows = hook.get_records("select id, n from CRM.SALES.KEPT order by id")
    assert [tuple(row) for row in rows] == [(1, 2), (2, 2), (12, 2)]
    with pytest.raises(Error):
        silent.commit()


def test_a_wrong_password_is_refused_as_snowflake_refuses_it(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from snowflake.connector.errors import DatabaseError

    with pytest.raises(DatabaseError, match="Incorrect username or password") as refused:
        hook_for(warehouse, monkeypatch, password="wrong").get_first("select 1 as n")

    assert refused.value.errno == 390100


def test_a_revoked_privilege_is_refused_as_snowflake_refuses_it(hook: Any) -> None:
    from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook
    from snowflake.connector.errors import ProgrammingError

    another = SnowflakeHook("snowflake_default", log_sql=False, role="PUBLIC")
    hook.run("create schema if not exists CRM.SALES")
    hook.run("create or replace table CRM.SALES.CLOSED (n number(38, 0))")
    another.run("revoke insert on table CRM.SALES.CLOSED from role R")

    with pytest.raises(ProgrammingError, match="Insufficient privileges to operate on table 'CLOSED'") as refused:
        hook.run("insert into CRM.SALES.CLOSED (n) values (1)")

    assert (refused.value.errno, refused.value.sqlstate) == (3001, "42501")
    assert hook.get_conn().role == "R"
    assert hook.get_first("select count(*) as n from CRM.SALES.CLOSED") == (0,)
    another.run("grant insert on table CRM.SALES.CLOSED to role R")
    hook.run("insert into CRM.SALES.CLOSED (n) values (1)")


def test_an_unknown_database_is_not_made_up(hook: Any) -> None:
    from snowflake.connector.errors import ProgrammingError

    with pytest.raises(ProgrammingError):
        hook.get_first("select * from NOWHERE.PUBLIC.NOTHING")


def test_what_the_server_cannot_do_fails_at_once_and_not_after_repeats(hook: Any) -> None:
    from snowflake.connector.errors import ProgrammingError

    began = time.monotonic()
    with pytest.raises(ProgrammingError, match=r"261000.*not in range"):
        hook.get_first("select hash('a') as h, hash('b') as g, hash('c') as f, hash('d') as e")

    assert time.monotonic() - began < 5


def test_a_broken_rule_of_a_table_is_told_with_its_cause(hook: Any) -> None:
    from snowflake.connector.errors import ProgrammingError

    hook.run("create or replace table CRM.PUBLIC.STRICT_ONE (id number(38, 0) not null)")

    with pytest.raises(ProgrammingError, match="NOT NULL constraint failed"):
        hook.run("insert into CRM.PUBLIC.STRICT_ONE (id) values (null)")


def test_data_is_there_after_a_restart_and_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    with serving(data) as first:
        load_parquet(hook_for(first, monkeypatch), tmp_path, 500)
    with serving(data) as second:
        hook = hook_for(second, monkeypatch)
        assert hook.get_first("select count(*) as n from CRM.SALES.LANDED") == (500,)
        load_parquet(hook, tmp_path, 700)
        pid = json.loads((tmp_path / "ready.json").read_text())["pid"]
        hook.run("insert into CRM.SALES.LANDED (id, name) values (-1, 'last')")
        os.kill(pid, signal.SIGKILL)
        monkeypatch.setattr(signal, "SIGTERM", signal.SIGKILL)
    monkeypatch.undo()

    with serving(data) as third:
        found = hook_for(third, monkeypatch).get_first("select count(*) as n, min(id) as first from CRM.SALES.LANDED")
        assert found == (701, -1)


def test_only_the_loopback_can_be_vouched_for(warehouse: Warehouse) -> None:
    from cryptography import x509

    authority = x509.load_pem_x509_certificate((warehouse.tls / "authority.pem").read_bytes())
    limits = authority.extensions.get_extension_for_class(x509.NameConstraints).value

    assert [str(name.value) for name in limits.permitted_subtrees or []] == ["localhost", "127.0.0.0/8"]
    assert not (warehouse.tls / "authority.key").exists()
