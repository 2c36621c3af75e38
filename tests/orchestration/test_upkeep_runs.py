"""The daily upkeep as Airflow runs it, against the sandbox and the local warehouse."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest

from tests.orchestration.support.stand import Stand

pytestmark = pytest.mark.timeout(600)
UPKEEP = "crm_warehouse_upkeep"
REFRESHED = (
    "select records_read, records_updated, records_unchanged from ops.steps "
    "where run_id = '{}' and step = 'refresh_computed'"
)


def test_only_the_objects_asked_for_are_kept_up(stand: Stand) -> None:
    run = stand.run("Account", dag_id=UPKEEP)

    assert stand.outcome(run, "Account") is not None
    assert stand.outcome(run, "Lead") is None
    steps = stand.rows(f"select object_name, step from ops.steps where run_id = '{run.run_id}'")
    assert ("Account", "refresh_computed") in steps
    assert {name for name, _ in steps} == {"Account"}


def test_a_source_that_does_not_answer_makes_the_run_red_and_is_named(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.run("Product2", mode="full")
    stand.unreachable(monkeypatch)

    run = stand.run("Product2", dag_id=UPKEEP, expect="failed")

    ((state, problem, fix),) = stand.rows(
        f"select state, problem, fix from ops.steps where run_id = '{run.run_id}' and step = 'refresh_computed'"
    )
    assert state == "failed"
    assert "127.0.0.1:9" in f"{problem} {fix}"


def test_stages_and_pages_are_cleaned_in_a_run_of_everything(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    stand.settings(monkeypatch, "objects:\n", "keep_stage_days: 1\nkeep_data_docs_days: 1\nobjects:\n")
    stand.run("Product2")
    manifests = sorted((stand.folder / "stage").rglob("_manifest.json"))
    long_ago = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    for file in (stand.folder / "stage").rglob("*"):
        os.utime(file, (long_ago, long_ago))

    dry = stand.run("clean_stage", dag_id=UPKEEP, dry_run=True)
    assert [path.exists() for path in manifests] == [True]
    run = stand.run("clean_stage", dag_id=UPKEEP)

    assert [path.exists() for path in manifests] == [False]
    (told,), (done,) = (
        stand.rows(f"select state, note from ops.steps where run_id = '{known.run_id}' and step = 'clean_stage'")
        for known in (dry, run)
    )
    assert told[0] == "skipped"
    assert "would remove 1 attempts" in told[1]
    assert done[0] == "success"
    assert "removed 1 attempts" in done[1]


def test_a_formula_that_changed_without_a_stamp_is_put_right_and_nothing_else_moves(stand: Stand) -> None:
    everything = 'select * exclude ("DAYS_TO_RENEWAL_C", "_SYNCED_AT", "_RUN_ID") from salesforce.subscription_c'
    stand.run("Subscription__c", mode="full")
    before = sorted(stand.rows(everything), key=str)
    stand.formula("Subscription__c", "Days_To_Renewal__c", "4242")

    run = stand.run("Subscription__c", dag_id=UPKEEP)
    again = stand.run("Subscription__c", dag_id=UPKEEP)

    ((read, updated, unchanged),) = stand.rows(REFRESHED.format(run.run_id))
    assert read == updated > 0 == unchanged
    assert stand.rows("select distinct days_to_renewal_c from salesforce.subscription_c where not _deleted") == [
        (4242,)
    ]
    assert sorted(stand.rows(everything), key=str) == before
    assert stand.rows(REFRESHED.format(again.run_id)) == [(read, 0, read)]


def test_a_dry_run_of_the_upkeep_says_what_it_would_read_and_changes_nothing(stand: Stand) -> None:
    stand.run("Subscription__c", mode="full")
    stand.formula("Subscription__c", "Days_To_Renewal__c", "17")

    run = stand.run("Subscription__c", dag_id=UPKEEP, dry_run=True)

    ((state, note),) = stand.rows(
        f"select state, note from ops.steps where run_id = '{run.run_id}' and step = 'refresh_computed'"
    )
    assert state == "skipped"
    assert "Days_To_Renewal__c" in note
    assert stand.rows("select count(*) as n from salesforce.subscription_c where days_to_renewal_c = 17") == [(0,)]


def test_a_refreshed_value_is_a_version_of_its_own_in_history(stand: Stand) -> None:
    stand.run("Opportunity", mode="full")
    ((key,),) = stand.rows("select min(id) as id from salesforce.opportunity where not _deleted and not is_closed")
    moved = {"object": "Opportunity", "id": key, "field": "LastActivityDate", "value": "2031-01-02"}
    stand.sandbox.control("POST", "silent_change", moved)

    run = stand.run("Opportunity", dag_id=UPKEEP)

    ((_, updated, _),) = stand.rows(REFRESHED.format(run.run_id))
    assert updated == 1
    versions = stand.rows(
        "select last_activity_date::varchar as day, _is_current from salesforce_history.opportunity "
        f"where id = '{key}' order by _valid_from desc limit 2"
    )
    assert versions[0] == ("2031-01-02", True)
    assert versions[1][1] is False
