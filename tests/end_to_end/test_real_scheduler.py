"""`crm_warehouse_elt` through Airflow's real scheduler, from the sandbox's org to the local warehouse."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urljoin

import httpx
import pytest

from tests.end_to_end.real_stack import DAG_ID, OBJECTS, SETTINGS, RealStack, real_stack, until, zulu

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

LAG_S = 2
UNSTAMPED = "OpportunityFieldHistory"
STAMPED = [name for name in OBJECTS if name != UNSTAMPED]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStack]:
    with real_stack(tmp_path_factory.mktemp("real") / "stack") as running:
        yield running


@pytest.fixture(scope="module")
def first_run(stack: RealStack) -> str:
    """The run that starts when the DAG is switched on, at its end."""
    run_id = stack.first_run()
    assert stack.ended(run_id, within_s=700) == "success", stack.task_states(run_id)
    return run_id


def settle(stack: RealStack, changes: int = 0) -> None:
    """Let the org live on, until nothing in it is younger than the lag."""
    if changes:
        stack.org("POST", "tick", {"count": changes})
    time.sleep(LAG_S + 1.5)


def test_a_first_run_brings_exactly_the_truth_of_every_object(stack: RealStack, first_run: str) -> None:
    outcomes = stack.outcomes(first_run)

    assert stack.published(*OBJECTS) == stack.truth(*OBJECTS)
    assert outcomes.keys() == set(OBJECTS)
    for name, outcome in outcomes.items():
        assert outcome["state"] == "success", (name, outcome["problem"])
        assert outcome["method"] == ("bulk" if outcome["source_count"] else "rest"), name
        assert balance(outcome) == 0, name
        counts = ("source_count", "server_rows", "staged_rows", "published_rows")
        assert {outcome[count] for count in counts} == {outcome["records_read"]}, name
    assert stack.watermarks().keys() == set(OBJECTS)


def balance(outcome: dict[str, int]) -> int:
    ends = ("created", "updated", "deleted", "unchanged", "rejected", "deferred")
    return int(outcome["records_read"]) - sum(int(outcome[f"records_{end}"]) for end in ends)


def test_a_second_run_moves_nothing_and_a_third_what_has_changed(stack: RealStack, first_run: str) -> None:
    before = stack.watermarks()
    settle(stack)

    second = stack.outcomes(stack.run())
    settle(stack, changes=200)
    third = stack.outcomes(stack.run())

    moved = ("records_created", "records_updated", "records_deleted", "records_rejected")
    assert second.keys() == set(OBJECTS)
    assert {name: outcome for name, outcome in second.items() if any(outcome[count] for count in moved)} == {}
    assert stack.published(*STAMPED) == stack.truth(*STAMPED)
    assert sum(outcome[count] for outcome in third.values() for count in moved[:2]) > 0
    assert all(balance(outcome) == 0 for outcome in third.values())
    after = stack.watermarks()
    assert all(after[name] > before[name] for name in OBJECTS)


def test_a_deletion_that_left_no_stamp_is_seen_by_a_full_read(stack: RealStack, first_run: str) -> None:
    """History rows go with their opportunity, and have no stamp that would tell."""
    opportunity = stack.rows(
        "select opportunity_id from SALESFORCE.OPPORTUNITY_FIELD_HISTORY where not _deleted order by 1 limit 1"
    )[0][0]
    stack.delete("Opportunity", opportunity)
    settle(stack)

    stack.run("Opportunity", UNSTAMPED, mode="full")

    assert stack.published("Opportunity", UNSTAMPED) == stack.truth("Opportunity", UNSTAMPED)


def test_a_killed_task_is_tried_again_and_goes_on_with_the_same_bulk_job(stack: RealStack, first_run: str) -> None:
    seen = stack.last_request()
    stack.org("POST", "faults", {"kind": "delay", "seconds": 60, "path": "/jobs/query/.*[rR]esult", "count": 100})
    run_id = stack.trigger("Opportunity", mode="full")
    until(lambda: stack.org("GET", "faults")["faults"][0]["count"] < 100, 90, "the download to begin")
    downloading = stack.task(run_id, "Opportunity.extract")
    assert (downloading["state"], downloading["try_number"]) == ("running", 1)

    os.kill(downloading["pid"], signal.SIGKILL)
    stack.org("DELETE", "faults")

    assert stack.ended(run_id) == "success", stack.task_states(run_id)
    assert stack.task(run_id, "Opportunity.extract")["try_number"] == 2
    jobs = stack.requests(after=seen, method="POST", path="/jobs/query")
    discarded = stack.requests(after=seen, method="DELETE", path="/jobs/query/")
    assert (len(jobs), len(discarded)) == (1, 1)
    outcome = stack.outcomes(run_id)["Opportunity"]
    assert (outcome["method"], outcome["records_created"], outcome["records_updated"]) == ("bulk", 0, 0)
    assert stack.published("Opportunity") == stack.truth("Opportunity")


def test_waiting_for_a_bulk_job_holds_no_worker_slot(stack: RealStack, first_run: str) -> None:
    usual = stack.org("GET", "settings")["bulk"]["run_s"]
    stack.org("POST", "settings", {"bulk": {"run_s": 15}})
    try:
        run_id = stack.trigger("Lead", mode="full")
        until(lambda: stack.task(run_id, "Lead.extract")["state"] == "deferred", 60, "the task to be deferred")
        pool = stack.airflow.find("/pools/crm_salesforce") or {}
        waiting = stack.task(run_id, "Lead.extract")
    finally:
        stack.org("POST", "settings", {"bulk": {"run_s": usual}})

    assert (pool["occupied_slots"], pool["running_slots"], pool["deferred_slots"]) == (0, 0, 1)
    assert waiting["trigger"]["classpath"].endswith("SourceJobTrigger")
    assert stack.ended(run_id) == "success", stack.task_states(run_id)
    assert stack.task(run_id, "Lead.extract")["try_number"] == 1
    assert stack.published("Lead") == stack.truth("Lead")


def test_a_backfill_restores_its_window_repeats_harmlessly_and_runs_beside_others(
    stack: RealStack, first_run: str
) -> None:
    hours = 3
    first = busiest_hour(stack)
    last = first + timedelta(hours=hours - 1)
    before = stack.watermarks()["Account"]
    lost = stack.rows(
        "delete from SALESFORCE.ACCOUNT where _source_modified_at >= %s and _source_modified_at < %s",
        first, last + timedelta(hours=1),
    )[0][0]  # fmt: skip
    assert lost > 0

    backfill = stack.backfill("Account", first, last)
    assert stack.watermarks()["Account"] == before
    manual = stack.trigger("Contact")
    runs = stack.backfilled(backfill)

    assert stack.ended(manual) == "success"
    assert {stack.recorded_type(run["dag_run_id"]) for run in runs} == {"backfill"}
    assert {(run["run_type"], run["state"]) for run in runs} == {("backfill", "success")}
    assert [run["data_interval_start"] for run in runs] == [zulu(first + timedelta(hours=n)) for n in range(hours)]
    created = [stack.outcomes(run["dag_run_id"])["Account"]["records_created"] for run in runs]
    assert sum(created) == lost
    assert stack.watermarks()["Account"] == before
    assert stack.published("Account") == stack.truth("Account")

    again = stack.backfilled(stack.backfill("Account", first, last, reprocess_behavior="completed"))

    assert {run["state"] for run in again} == {"success"}
    assert len(again) == hours
    for run in again:
        outcome = stack.outcomes(run["dag_run_id"])["Account"]
        assert (outcome["window_kind"], outcome["records_created"], outcome["records_updated"]) == ("backfill", 0, 0)
    assert stack.watermarks()["Account"] == before
    assert stack.published("Account") == stack.truth("Account")


def busiest_hour(stack: RealStack) -> datetime:
    """An hour that the schedule covers and that most of the accounts were changed in."""
    stamps = stack.rows("select _source_modified_at from SALESFORCE.ACCOUNT where not _deleted")
    starts = datetime.fromisoformat(str(SETTINGS["start_date"])).replace(tzinfo=UTC)
    latest = datetime.now(UTC) - timedelta(hours=6)
    hours = Counter(at.astimezone(UTC).replace(minute=0, second=0, microsecond=0) for (at,) in stamps)
    return max((hour for hour in hours if starts <= hour < latest), key=lambda hour: (hours[hour], hour))


def test_a_spent_quota_is_one_message_and_its_end_another(stack: RealStack, first_run: str) -> None:
    before = stack.watermarks()
    stack.slack("DELETE", "messages")
    stack.org("POST", "limits", {"name": "DailyApiRequests", "remaining": 0})
    try:
        waited, again = (stack.run("Account", "Contact") for _ in range(2))
    finally:
        stack.org("DELETE", "limits")
    until(lambda: stack.told(), 60, "the message")
    time.sleep(5)
    [begun] = stack.told()
    between = stack.watermarks()

    stack.run("Account", "Contact")
    until(lambda: len(stack.told()) > 1, 60, "the recovery")
    stack.run("Account")
    time.sleep(5)
    _, *ended = stack.told()

    assert begun["blocks"][0]["text"]["text"] == f"⏸️ {DAG_ID} waits for quota: Account, Contact"
    assert quote(waited, safe="") in json.dumps(begun, ensure_ascii=False)
    for run_id in (waited, again):
        assert {name: o["state"] for name, o in stack.outcomes(run_id).items()} == {
            "Account": "deferred", "Contact": "deferred",
        }  # fmt: skip
        assert stack.rows("select state, objects_deferred from OPS.RUNS where run_id = %s", run_id) == [("deferred", 2)]
        assert stack.task(run_id, "close_run")["state"] == "skipped"
    assert between == before
    assert [message["blocks"][0]["text"]["text"] for message in ended] == [f"🟢 {DAG_ID} has caught up"]
    assert stack.published("Account", "Contact") == stack.truth("Account", "Contact")


def test_a_failed_run_can_be_cleared_and_ends_green(stack: RealStack, first_run: str) -> None:
    stack.org("POST", "faults", {"preset": "api_disabled", "path": "/services/data/", "count": None})
    try:
        run_id = stack.run("Account", expect="failed")
    finally:
        stack.org("DELETE", "faults")

    cleared = stack.airflow.http.post(
        f"/api/v2/dags/{DAG_ID}/clearTaskInstances",
        json={"dry_run": False, "dag_run_id": run_id, "only_failed": True, "reset_dag_runs": True},
    )

    assert cleared.status_code == 200, cleared.text
    assert stack.ended(run_id) == "success", stack.task_states(run_id)
    assert stack.outcomes(run_id)["Account"]["state"] == "success"


def test_what_was_staged_is_a_page_for_those_signed_in_alone(stack: RealStack, first_run: str) -> None:
    path = f"/dags/{DAG_ID}/dagRuns/{quote(first_run)}/taskInstances/Account.extract/links"
    links = (stack.airflow.find(path) or {})["extra_links"]
    summary = stack.airflow.find(f"{path.removesuffix('extract/links')}reconcile/xcomEntries/return_value") or {}

    stranger = httpx.get(links["Stage folder"], trust_env=False)
    page = stack.airflow.http.get(links["Stage folder"])
    outside = stack.airflow.http.get("/crm/stage/%2e%2e/%2e%2e/airflow")

    assert stranger.status_code in (401, 403)
    assert outside.status_code == 404
    assert page.status_code == 200
    assert "part-00000.parquet" in page.text
    assert links["Salesforce job"].startswith(stack.installation.url("salesforce"))
    assert summary["value"]["object"] == "Account"
    assert summary["value"]["read"] > 0


def test_abnormal_deletes_wait_for_a_person_and_end_as_they_say(stack: RealStack, first_run: str) -> None:
    keep_clear_of_the_hour(stack)
    keys = [key for (key,) in stack.rows("select id from SALESFORCE.EVENT where not _deleted order by id")]
    gone = keys[: max(50, len(keys) // 4)]
    for key in gone:
        stack.delete("Event", key)
    settle(stack)
    living, watermark = stack.published("Event"), stack.watermarks()["Event"]
    stack.slack("DELETE", "messages")

    rejected = asked(stack)
    waiting, untouched = stack.task(rejected, "Event.publish"), stack.published("Event")
    pool = stack.airflow.find("/pools/crm_warehouse") or {}
    until(lambda: stack.told(), 30, "the question")
    [question] = stack.told()
    answer(stack, rejected, "Reject")
    assert stack.ended(rejected) == "failed"

    assert (waiting["state"], waiting["trigger"], pool["occupied_slots"]) == ("awaiting_input", None, 0)
    assert untouched == living == stack.published("Event")
    assert stack.watermarks()["Event"] == watermark
    assert question["blocks"][0]["text"]["text"] == f"🟣 {DAG_ID} asks: publish Event?"
    outcome = stack.outcomes(rejected)["Event"]
    assert (outcome["state"], outcome["failed_step"]) == ("failed", "publish")
    assert outcome["problem"].startswith("Rejected by ")

    approved = asked(stack)
    answer(stack, approved, "Approve")

    assert stack.ended(approved) == "success", stack.task_states(approved)
    assert stack.outcomes(approved)["Event"]["records_deleted"] >= len(gone)
    assert stack.published("Event") == stack.truth("Event")
    assert stack.watermarks()["Event"] > watermark


def keep_clear_of_the_hour(stack: RealStack) -> None:
    """A run of the schedule would meet the deletions first, ask itself, and hold ours back until it is answered."""
    left = 3600 - time.time() % 3600
    if left < 240:
        time.sleep(left + 2)
        path = f"/dags/{DAG_ID}/dagRuns"
        until(
            lambda: not list(stack.airflow.every(path, "dag_runs", state=["queued", "running"])), 300, "the hour's run"
        )


def asked(stack: RealStack) -> str:
    """
    A run that has come to the question, and a person's time to read it: an answer in the same second meets an executor
    that has not yet reported the end of the process, which Airflow takes for a kill; it would ask again.
    """
    run_id = stack.trigger("Event")
    until(lambda: stack.task(run_id, "Event.publish")["state"] == "awaiting_input", 300, "the question")
    time.sleep(5)
    return run_id


def answer(stack: RealStack, run_id: str, option: str) -> None:
    """As the page in Airflow does."""
    path = f"/api/v2/dags/{DAG_ID}/dagRuns/{quote(run_id)}/taskInstances/Event.publish/-1/hitlDetails"
    taken = stack.airflow.http.patch(path, json={"chosen_options": [option], "params_input": {}})
    assert not taken.is_error, taken.text


def test_the_data_docs_button_opens_a_page_for_those_signed_in_alone(stack: RealStack, first_run: str) -> None:
    path = f"/dags/{DAG_ID}/dagRuns/{quote(first_run)}/taskInstances/Account.validate/links"
    link = ((stack.airflow.find(path) or {})["extra_links"])["Data Docs"]
    base = stack.airflow.base

    stranger = httpx.get(urljoin(base, link), trust_env=False)
    signed_in = stack.airflow.http.get(link)
    outside = stack.airflow.http.get("/crm/data-docs/%2e%2e/airflow/passwords.json")

    assert stranger.status_code in (401, 403)
    assert signed_in.status_code == 200
    assert signed_in.headers["content-type"].startswith("text/html")
    assert "Expectation" in signed_in.text
    assert outside.status_code == 404
