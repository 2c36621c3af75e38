"""Notices through Airflow's real scheduler, dag-processor and triggerer, to the sandbox's Slack."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.orchestration.support.real_airflow import RealAirflow, real_airflow, wait_until
from tests.orchestration.support.slack_stand_in import SlackStandIn, slack_stand_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

DAGS = Path(__file__).parent / "notice_dags"
OUTCOME, LATE = "notices_outcome", "notices_late"
CALLBACK_S = 60


@pytest.fixture(scope="module")
def slack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlackStandIn]:
    with slack_stand_in(tmp_path_factory.mktemp("slack")) as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def airflow(slack: SlackStandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealAirflow]:
    home = tmp_path_factory.mktemp("airflow")
    more = {
        "AIRFLOW_CONN_SLACK_DEFAULT": json.dumps(slack.connection),
        "AIRFLOW_CONN_CRM_STATE": json.dumps({"conn_type": "sqlite", "host": str(home / "state" / "state.db")}),
        "NOTICES_PROBE_FOLDER": str(home),
    }
    with real_airflow(home, dags=DAGS, more=more) as running:
        wait_until(lambda: running.knows(OUTCOME) and running.knows(LATE), 90, "the DAGs to be parsed")
        yield running


def contexts(airflow: RealAirflow) -> list[dict[str, Any]]:
    file = airflow.home / "contexts.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def settle(airflow: RealAirflow, callbacks: int) -> None:
    """Wait for the callbacks of so many runs, then a little longer for a message too many."""
    wait_until(lambda: len(contexts(airflow)) >= callbacks, CALLBACK_S, f"{callbacks} callbacks")
    time.sleep(3)


def test_a_failing_dag_is_told_once_and_its_recovery_once(airflow: RealAirflow, slack: SlackStandIn) -> None:
    first = airflow.trigger(OUTCOME, fail=True)
    wait_until(lambda: airflow.state(OUTCOME, first) == "failed", 120, "the run to fail")
    settle(airflow, 1)
    airflow.clear(OUTCOME, first)
    wait_until(lambda: airflow.state(OUTCOME, first) != "failed", 60, "the cleared run to start")
    wait_until(lambda: airflow.state(OUTCOME, first) == "failed", 120, "the cleared run to fail again")
    settle(airflow, 2)
    after_failures = slack.about(OUTCOME)
    states = [airflow.run(OUTCOME), airflow.run(OUTCOME)]
    settle(airflow, 4)

    assert after_failures == [f"🔴 {OUTCOME} failed: Account, Contact"]
    assert states == ["success", "success"]
    assert slack.about(OUTCOME)[1:] == [f"🟢 {OUTCOME} is green again"]
    body = json.dumps(slack.messages[0], ensure_ascii=False)
    assert "is wrong &lt;&amp;&gt;." in body
    assert f"{airflow.url}/dags/{OUTCOME}/runs/{first.replace(':', '%3A').replace('+', '%2B')}" in body
    assert "tasks/Account.extract" in body
    failure, success = contexts(airflow)[0], contexts(airflow)[2]
    assert {"dag", "dag_run", "ti", "task", "run_id", "reason"} <= set(failure["keys"])
    assert "exception" not in failure["keys"]
    assert (failure["reason"], success["reason"]) == ("task_failure", "success")
    assert any("dag-processor" in ancestor for ancestor in failure["ancestors"])


def test_a_partial_run_says_how_many_were_set_aside_and_why(airflow: RealAirflow, slack: SlackStandIn) -> None:
    before, seen = len(slack.messages), len(contexts(airflow))

    state = airflow.run(OUTCOME, partial=True)
    settle(airflow, seen + 1)

    assert state == "success"
    [told] = slack.messages[before:]
    assert told["blocks"][0]["text"]["text"] == f"🟡 {OUTCOME}: 4 set aside"
    assert "*Account*: 2 × The e-mail address is not one." in json.dumps(told, ensure_ascii=False)


def test_slack_being_down_changes_no_run_and_leaves_no_incident(airflow: RealAirflow, slack: SlackStandIn) -> None:
    seen = len(contexts(airflow))
    before, asked = len(slack.messages), slack.requests
    slack.go_down()

    states = [airflow.run(OUTCOME, silent=True), airflow.run(OUTCOME, partial=True)]
    settle(airflow, seen + 2)
    wait_until(lambda: slack.requests >= asked + 4, CALLBACK_S, "two tries for each of the two messages")
    slack.come_back()
    third = airflow.run(OUTCOME)
    settle(airflow, seen + 3)

    assert [*states, third] == ["failed", "success", "success"]
    assert slack.messages[before:] == []


def test_a_late_run_is_told_once_and_a_late_backfill_never(airflow: RealAirflow, slack: SlackStandIn) -> None:
    backfill = {"dag_id": LATE, "from_date": "2025-01-01T00:00:00Z", "to_date": "2025-01-01T00:00:00Z"}
    airflow.post("/backfills", backfill)

    state = airflow.run(LATE)
    wait_until(lambda: bool(slack.about(LATE)), CALLBACK_S, "the message about the late run")
    wait_until(lambda: all(run["state"] == "success" for run in runs(airflow)), CALLBACK_S, "all runs to end")
    time.sleep(3)

    assert state == "success"
    assert sorted(run["run_type"] for run in runs(airflow)) == ["backfill", "manual"]
    assert slack.about(LATE) == [f"🟠 {LATE} is late"]
    assert f"{airflow.url}/dags/{LATE}/runs/manual__" in json.dumps(slack.messages[-1])


def runs(airflow: RealAirflow) -> list[dict[str, Any]]:
    return list(airflow.get(f"/dags/{LATE}/dagRuns")["dag_runs"])
