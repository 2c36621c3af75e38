"""From the fields of a connection to a state: what is taken, what is refused, and with which words."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from airflow.sdk import Connection

from crm_patterns.core.errors import FixSettings, IntegrationError, RetryLater
from crm_patterns.hooks.state import StateHook
from crm_patterns.state import open_state
from crm_patterns.state.connection import _postgres_url
from crm_patterns.state.database import open_engine, transaction


def connection(**fields: object) -> Connection:
    return Connection(conn_id="crm_state", **fields)


def test_a_sqlite_connection_makes_its_folder_and_its_tables(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "state.db"

    state = open_state(connection(conn_type="sqlite", host=str(file)))
    state.prepare()

    assert state.place == str(file)
    assert file.exists()
    with sqlite3.connect(file) as reader:
        assert reader.execute("pragma journal_mode").fetchone() == ("wal",)
    state.close()


def test_a_connection_in_the_form_of_a_url_is_understood(tmp_path: Path) -> None:
    given = Connection.from_uri(f"sqlite:///{tmp_path}/state.db", conn_id="crm_state")

    assert open_state(given).place == f"{tmp_path}/state.db"


@pytest.mark.parametrize("host", ["state.db", ":memory:", "", None])
def test_a_path_that_is_not_absolute_is_refused(host: str | None) -> None:
    with pytest.raises(FixSettings, match=r"not absolute\. Write the whole path"):
        open_state(connection(conn_type="sqlite", host=host))


def test_another_type_of_connection_is_refused_by_name() -> None:
    with pytest.raises(FixSettings, match=r"'mysql'.*type sqlite .* or postgres"):
        open_state(connection(conn_type="mysql", host="db"))


def test_a_postgres_connection_that_lacks_fields_says_which() -> None:
    with pytest.raises(FixSettings, match=r"lacks host and schema\."):
        open_state(connection(conn_type="postgres", login="crm"))


def test_a_postgres_connection_keeps_odd_passwords_and_its_options() -> None:
    given = connection(
        conn_type="postgres", host="db", schema="crm", login="me", password="p@ss/w:rd", port=5433,
        extra=json.dumps({"sslmode": "verify-full", "connect_timeout": 3, "keepalives": 1}),
    )  # fmt: skip

    url = _postgres_url(given, 60)

    assert (url.password, url.port, url.query["sslmode"], url.query["connect_timeout"]) == (
        "p@ss/w:rd", 5433, "verify-full", "3",
    )  # fmt: skip
    assert "keepalives" not in url.query


def test_a_server_that_does_not_answer_is_tried_later_and_no_password_is_told() -> None:
    given = connection(conn_type="postgres", host="127.0.0.1", port=1, schema="crm", login="me", password="hush-hush")

    with pytest.raises(RetryLater, match=r"127\.0\.0\.1:1/crm does not answer") as told:
        open_state(given, patience_s=2).prepare()

    assert "hush-hush" not in str(told.value) + repr(told.value.__cause__)


def test_a_file_that_is_not_a_database_is_a_setting_to_fix(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    file.write_bytes(b"this is a letter to my aunt, and not at all a database" * 40)

    with pytest.raises(FixSettings, match=r"state\.db cannot be used .*file is not a database"):
        open_state(connection(conn_type="sqlite", host=str(file))).prepare()


def test_a_folder_that_cannot_be_made_is_a_setting_to_fix(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(FixSettings, match="cannot be made"):
        open_state(connection(conn_type="sqlite", host=str(tmp_path / "file" / "state.db")))


def test_a_lock_that_is_never_given_back_ends_in_retry_later(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    open_state(connection(conn_type="sqlite", host=str(file))).prepare()
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("begin immediate")
    engine = open_engine(sa.URL.create("sqlite+pysqlite", database=str(file)), patience_s=0.2)

    def write() -> None:
        with transaction(engine, writes=True):
            pass

    with pytest.raises(RetryLater, match="was busy for too long"):
        write()
    with transaction(engine, writes=False) as reading:
        assert reading.execute(sa.text("select count(*) from crm_runs")).scalar() == 0
    holder.close()
    engine.dispose()


def test_a_fault_never_quotes_the_values_of_a_statement(tmp_path: Path) -> None:
    state = open_state(connection(conn_type="sqlite", host=str(tmp_path / "state.db")))
    state.prepare()
    engine = open_engine(sa.URL.create("sqlite+pysqlite", database=str(tmp_path / "state.db")))

    def insert() -> None:
        with transaction(engine, writes=True) as writing:
            writing.execute(sa.text("insert into crm_runs (dag_id) values (:value)"), {"value": "Zoë's salary"})

    with pytest.raises(sa.exc.IntegrityError) as told:
        insert()

    assert "salary" not in str(told.value)


def test_the_hook_opens_what_the_connection_names_and_tests_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "state.db"
    monkeypatch.setenv("AIRFLOW_CONN_CRM_STATE", json.dumps({"conn_type": "sqlite", "host": str(file)}))

    works, sentence = StateHook().test_connection()

    assert (works, sentence) == (True, f"The operational state at {file} answers and has the present schema.")
    assert StateHook().state().watermark("salesforce", "Account") is None


def test_the_hooks_test_says_what_to_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", json.dumps({"conn_type": "http", "host": "example.com"}))

    works, sentence = StateHook("other").test_connection()

    assert not works
    assert "type sqlite (path in host) or postgres" in sentence


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written_is_a_setting_to_fix(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(IntegrationError, match="cannot be used"):
        open_state(connection(conn_type="sqlite", host=str(tmp_path / "state.db"))).prepare()


def test_a_file_that_another_process_is_writing_is_waited_for_when_it_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    holder = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    holder.execute("create table busy (x)")
    holder.execute("begin immediate")
    holder.execute("insert into busy values (1)")
    letting_go = threading.Timer(0.5, lambda: holder.execute("commit"))
    letting_go.start()

    open_state(connection(conn_type="sqlite", host=str(file))).prepare()

    letting_go.join()
    holder.close()
    with sqlite3.connect(file) as reader:
        assert reader.execute("pragma journal_mode").fetchone() == ("wal",)
