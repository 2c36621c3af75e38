"""
A role that lacks a grant: one sentence that names role, object and fix, in the log and in Slack; nothing half-written.

The local warehouse refuses as Snowflake does once a privilege is revoked; see stack.warehouse_privileges.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.orchestration.support.slack_stand_in import SlackStandIn, slack_stand_in
from tests.orchestration.support.stand import ROLE, ROOT, Stand, dag

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
FIX = "Grant it: docs/connect-your-accounts.md lists the grants; then clear this task."

Change = Callable[[str], None]


@pytest.fixture
def slack(stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackStandIn]:
    with slack_stand_in(tmp_path / "slack") as stand_in:
        monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(stand_in.connection))
        yield stand_in


@pytest.fixture
def revoke(stand: Stand) -> Iterator[Change]:
    """Take something from the role as another one; given back afterwards, as the warehouse serves other tests too."""
    taken: list[str] = []

    def take(what: str) -> None:
        stand.rows(f"revoke {what} from role {ROLE}")
        taken.append(what)

    yield take
    for what in taken:
        stand.rows(f"grant {what} to role {ROLE}")


def watermark(object_name: str) -> Any:
    from crm_patterns.hooks.state import StateHook

    return StateHook().state().watermark("salesforce", object_name)


def states(run: Any, object_name: str) -> dict[str, tuple[str, int]]:
    """State and number of tries by step."""
    tasks = [t for t in run.get_task_instances() if t.task_id.startswith(f"{object_name}.")]
    return {t.task_id.partition(".")[2]: (str(t.state), t.try_number) for t in tasks}


def told_in_slack(run: Any, slack: SlackStandIn) -> str:
    """The one message about the run, as it reads: the DAG's own callback, called as the dag-processor does."""
    red = next(t for t in run.get_task_instances() if str(t.state) == "failed" and t.task_id != "close_run")
    with_tasks = dag()
    context = {"dag": with_tasks, "dag_run": run, "run_id": run.run_id, "ti": red, "reason": "task_failure"}
    for tell in with_tasks.on_failure_callback:
        tell(context)
    [payload] = slack.messages
    return " ".join(block["text"]["text"] for block in payload["blocks"] if "text" in block)


def test_without_create_table_nothing_is_made_and_the_grant_is_named(
    stand: Stand, slack: SlackStandIn, revoke: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    stand.rows("create schema if not exists SALESFORCE")
    revoke("create table on schema SALESFORCE")

    run = stand.run("Quote", expect="failed", retries=2)
    log, alert = capsys.readouterr().out, told_in_slack(run, slack)

    sentence = (
        f"Role {ROLE} lacks a privilege for SALESFORCE.QUOTE. (Snowflake 3001: SQL access control error: "
        "Insufficient privileges to operate on schema 'SALESFORCE')"
    )
    outcome = stand.outcome(run, "Quote")
    assert (outcome.problem, outcome.fix, outcome.failed_step) == (sentence, FIX, "load")
    assert re.search(rf"\[error\s*\] {re.escape(f'{sentence} {FIX}')}", log)
    assert sentence in alert
    assert FIX in alert
    assert states(run, "Quote")["load"] == ("failed", 1)
    assert {state for state, _ in states(run, "Quote").values()} == {"success", "failed", "upstream_failed"}
    assert watermark("Quote") is None
    assert stand.rows("select count(*) as n from information_schema.tables where table_name like 'QUOTE%'") == [(0,)]

    stand.rows(f"grant create table on schema SALESFORCE to role {ROLE}")
    green = stand.outcome(stand.run("Quote"), "Quote")

    assert green.tally.created == green.source_count > 0
    assert watermark("Quote") is not None


@pytest.mark.parametrize("privilege", ["insert", "update"])
def test_without_the_right_to_merge_the_table_stays_as_it_is(
    stand: Stand, slack: SlackStandIn, revoke: Change, privilege: str
) -> None:
    content = "select id, name, _deleted, _run_id, _synced_at from SALESFORCE.OPPORTUNITY order by id"
    stand.run("Opportunity", mode="full")
    before, moved_to = stand.rows(content), watermark("Opportunity")
    stand.sandbox.control("POST", "tick", {"count": 400})
    revoke(f"{privilege} on table SALESFORCE.OPPORTUNITY")

    run = stand.run("Opportunity", expect="failed", mode="full", retries=2)
    alert = told_in_slack(run, slack)

    sentence = f"Role {ROLE} lacks a privilege for SALESFORCE.OPPORTUNITY."
    outcome = stand.outcome(run, "Opportunity")
    assert outcome.failed_step == "publish"
    assert outcome.problem.startswith(sentence)
    assert "Insufficient privileges to operate on table 'OPPORTUNITY'" in outcome.problem
    assert sentence in alert
    assert FIX in alert
    assert states(run, "Opportunity")["publish"] == ("failed", 1)
    assert stand.rows(content) == before
    assert watermark("Opportunity") == moved_to

    stand.rows(f"grant {privilege} on table SALESFORCE.OPPORTUNITY to role {ROLE}")
    green = stand.outcome(stand.run("Opportunity"), "Opportunity")

    assert green.tally.updated > 0
    assert watermark("Opportunity") > moved_to


def test_without_usage_of_the_schema_it_is_said_that_it_may_be_there(stand: Stand, revoke: Change) -> None:
    stand.rows("create schema if not exists SALESFORCE")
    revoke("usage on schema SALESFORCE")

    told = stand.told("Lead", step="load")

    assert f"salesforce.lead does not exist, or role {ROLE.lower()} may not use it" in told
    assert "docs/connect-your-accounts.md" in told


def test_the_page_that_the_fix_names_lists_grants_that_the_warehouse_takes(stand: Stand) -> None:
    page = (ROOT / "docs" / "connect-your-accounts.md").read_text()
    grants = re.findall(r"^grant .+;$", page, re.MULTILINE)

    assert len(grants) >= 4
    for grant in grants:
        assert stand.rows(grant.rstrip(";")) == [("Statement executed successfully.",)]
