"""The drift audit as Airflow runs it, against the sandbox and the local warehouse."""

from __future__ import annotations

import pytest

from tests.orchestration.support.stand import Stand

pytestmark = pytest.mark.timeout(600)
AUDIT = "crm_drift_audit"
FOUND = (
    "select kind, record_key, column_name, settlement from ops.drift_findings where run_id = '{}' order by record_key"
)


def test_a_silent_change_and_a_hand_at_the_warehouse_are_named_and_put_right_and_then_all_is_quiet(
    stand: Stand,
) -> None:
    stand.run("Account", mode="full")
    keys = [r[0] for r in stand.rows("select id from salesforce.account where not _deleted order by id limit 2")]
    moved = {"object": "Account", "id": keys[0], "field": "Site", "value": "moved silently"}
    stand.sandbox.control("POST", "silent_change", moved)
    stand.rows(f"update salesforce.account set name = 'by hand' where id = '{keys[1]}'")

    run = stand.run("Account", dag_id=AUDIT, everything=True)
    again = stand.run("Account", dag_id=AUDIT, everything=True)

    assert stand.rows(FOUND.format(run.run_id)) == [
        ("different", keys[0], "site", "repaired"),
        ("different", keys[1], "name", "repaired"),
    ]
    assert stand.rows(f"select site from salesforce.account where id = '{keys[0]}'") == [("moved silently",)]
    assert stand.rows("select count(*) as n from salesforce.account where name = 'by hand'") == [(0,)]
    silent = stand.rows(f"select field_name, changed_rows from ops.silent_changes where run_id = '{run.run_id}'")
    assert ("Site", 1) in silent
    assert stand.rows(FOUND.format(again.run_id)) == []
    assert stand.outcome(again, "Account").tally.updated == 0
