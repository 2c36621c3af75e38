"""
The DAG as Airflow runs it, against the sandbox and the local warehouse: the good way, and each bad input.

`dag.test()` runs the real operators, hooks, connections and retry decisions in one process, without a scheduler.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from crm_patterns.core.windows import WindowKind
from tests.orchestration.support.stand import ROOT, Stand, dag

pytestmark = pytest.mark.timeout(600)


def test_objects_arrive_and_a_second_run_moves_nothing(stand: Stand) -> None:
    first = stand.run("Account", "Product2")
    second = stand.run("Account", "Product2", mode="full")

    truth = stand.sandbox.control("GET", "truth?objects=Account,Product2")
    for name, table in (("Account", "ACCOUNT"), ("Product2", "PRODUCT_2")):
        outcome, again = stand.outcome(first, name), stand.outcome(second, name)
        assert outcome.tally.read == outcome.source_count > 0
        assert stand.rows(f"select count(*) as n from salesforce.{table}") == [(outcome.tally.created,)]
        assert (again.tally.created, again.tally.updated) == (0, 0)
        assert again.tally.unchanged == outcome.tally.created
        assert outcome.tally.created >= truth[name]["records"]


def test_an_object_of_the_orgs_own_is_one_entry_and_its_asset_tells_of_its_rows(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.settings(monkeypatch, "  - name: Subscription__c\n", "")
    without = dag().task_ids
    stand.settings(monkeypatch, "objects:\n", "objects:\n  - name: Subscription__c\n")

    run = stand.run("Subscription__c")

    outcome = stand.outcome(run, "Subscription__c")
    assert not [task for task in without if task.startswith("Subscription__c")]
    assert stand.rows("select count(*) as n from salesforce.subscription_c") == [(outcome.tally.created,)]
    [told] = asset_events(run)
    assert (told["object"], told["state"], told["read"]) == ("Subscription__c", "success", outcome.tally.read)
    assert told["created"] == outcome.tally.created > 0
    assert run.get_task_instance("Subscription__c.reconcile").xcom_pull("Subscription__c.reconcile") == told
    assert len(json.dumps(told)) < 500, "a person reads it in the grid"


def asset_events(run: Any) -> list[dict[str, Any]]:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    with create_session() as session:
        query = select(AssetEvent.extra).where(AssetEvent.source_run_id == run.run_id)
        return list(session.scalars(query))


def test_an_object_without_a_cursor_is_reloaded_and_compared(stand: Stand) -> None:
    for field in ("SystemModstamp", "LastModifiedDate"):
        stand.sandbox.control("POST", "fields", {"action": "hide", "object": "UserRole", "field": field})
    try:
        first = stand.run("UserRole")
        [(gone,)] = stand.rows("select id from salesforce.user_role where parent_role_id is not null limit 1")
        [answer] = stand.sandbox.control("POST", "hard_delete", {"ids": [gone]})["results"]
        second = stand.run("UserRole")
    finally:
        for field in ("SystemModstamp", "LastModifiedDate"):
            stand.sandbox.control("POST", "fields", {"action": "show", "object": "UserRole", "field": field})

    assert answer["success"], answer
    before, after = stand.outcome(first, "UserRole"), stand.outcome(second, "UserRole")
    assert (before.window.kind, before.window.start) == (WindowKind.FULL, None)
    assert (after.tally.deleted, after.tally.unchanged) == (1, before.tally.created - 1)
    assert stand.rows("select id, _run_id from salesforce.user_role where _deleted") == [(gone, second.run_id)]
    assert stand.rows("select distinct _run_id from salesforce.user_role where not _deleted") == [(first.run_id,)]


def test_a_dry_run_says_what_it_would_read_and_writes_nothing(stand: Stand) -> None:
    run = stand.run("Contact", dry_run=True)

    assert stand.outcome(run, "Contact") is None
    assert not (stand.folder / "stage").exists()
    assert stand.rows("select count(*) as n from information_schema.tables where table_name = 'CONTACT'") == [(0,)]


def test_a_password_that_is_wrong_is_named_and_never_shown(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    stand.change(monkeypatch, "SALESFORCE_DEFAULT", consumer_secret="hunter2")

    told = stand.told("Lead", step="extract")

    assert "consumer" in told
    assert "hunter2" not in told


def test_a_host_that_does_not_answer_is_named(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    stand.unreachable(monkeypatch)

    assert "127.0.0.1:9" in stand.told("Lead", step="extract")


def test_a_key_that_expired_is_named(stand: Stand) -> None:
    expired = '{"error": "invalid_grant", "error_description": "expired access/refresh token"}'
    fault = {"kind": "status", "path": "/oauth2/token", "status": 400, "body": expired, "count": None}
    stand.sandbox.control("POST", "faults", fault)

    assert "expired" in stand.told("Lead", step="extract")


def test_a_warehouse_password_that_is_wrong_is_named_and_nothing_is_published(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.change(monkeypatch, "SNOWFLAKE_DEFAULT", password="hunter2")

    told = stand.told("Campaign", step="load")

    assert "password" in told
    assert "hunter2" not in told
    assert stand.rows("select count(*) as n from information_schema.tables where table_name = 'CAMPAIGN'") == [(0,)]


def test_an_object_that_does_not_exist_is_named_with_the_one_that_was_meant(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.settings(monkeypatch, "- name: Opportunity\n", "- name: Opportunty\n")

    told = stand.told("Opportunty", step="extract")

    assert "no object opportunty" in told
    assert "opportunity" in told.replace("opportunty", "")


def test_settings_that_are_wrong_are_an_import_error_that_says_where(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.dag_processing.dagbag import DagBag

    stand.settings(monkeypatch, "overlap_s:", "overlap:")

    errors = "".join(DagBag(dag_folder=str(ROOT / "dags")).import_errors.values())

    assert "overlap: no such setting; did you mean overlap_s?" in errors
