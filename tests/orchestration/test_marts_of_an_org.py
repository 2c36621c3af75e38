"""The marts as the DAG builds them, held against what the org itself says, by SOQL over REST."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from crm_patterns.core.ports import RunKey
from crm_patterns.hooks.state import StateHook
from tests.orchestration.support.stand import Stand

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
OBJECTS = ("User", "Account", "Contact", "Lead", "Opportunity", "OpportunityHistory", "Task", "Event", "EmailMessage",
           "Campaign", "CampaignMember")  # fmt: skip
MARTS = ("account_360", "activity", "campaign_influence", "lead_funnel", "pipeline_by_stage", "won_revenue_by_month")
OURS = "target_schema: MO\nhistory_schema: MO_HISTORY\nmarts: {target_schema: MO_MARTS}\nschedule:"
PLAUSIBLE = "IsDeleted = false AND CloseDate >= 1990-01-01 AND CloseDate <= 2100-12-31"
"""What the suite of Opportunity lets through."""


Soql = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def soql(stand: Stand) -> Iterator[Soql]:
    with stand.sandbox.client() as client:
        yield lambda text: _all(client, text)


def _all(client: httpx.Client, text: str) -> list[dict[str, Any]]:
    """With archived activities, which a plain query leaves out; deleted records are for the caller to leave out."""
    answer = client.get("/services/data/v66.0/queryAll", params={"q": text}).raise_for_status().json()
    assert answer["done"]
    return list(answer["records"])


@pytest.fixture
def own_schemas(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    stand.settings(monkeypatch, "schedule:", OURS)


def states(run: Any) -> dict[str, str]:
    found = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
    return {name: found[f"marts.{name}"] for name in MARTS}


def cents(value: Any) -> Decimal:
    return Decimal(str(value or 0)).quantize(Decimal("0.01"))


def test_the_marts_say_what_the_org_says_and_stay_while_nothing_changes(
    stand: Stand, own_schemas: None, soql: Soql
) -> None:
    first = stand.run(*OBJECTS)
    state = StateHook().state()
    builds = {build.mart: build for build in state.mart_builds(RunKey(first.dag_id, first.run_id))}

    assert set(states(first).values()) == {"success"}, {name: build.reason for name, build in builds.items()}
    check_revenue(stand, soql)
    check_pipeline(stand, soql)
    check_counts(stand, soql)
    published = stand.rows(f"select mart, state, row_count from ops.mart_builds where run_id = '{first.run_id}'")
    assert sorted(published) == sorted((mart, "built", build.rows) for mart, build in builds.items())

    second = stand.run(*OBJECTS)

    assert set(states(second).values()) == {"skipped"}
    reasons = stand.rows(f"select distinct state from ops.mart_builds where run_id = '{second.run_id}'")
    assert reasons == [("unchanged",)]
    one_wins(stand, soql)

    third = stand.run("Opportunity")

    assert states(third)["won_revenue_by_month"] == states(third)["account_360"] == "success"
    check_revenue(stand, soql)
    check_pipeline(stand, soql)


def check_revenue(stand: Stand, soql: Soql) -> None:
    told = soql(
        "SELECT CALENDAR_YEAR(CloseDate) y, CALENDAR_MONTH(CloseDate) m, SUM(Amount) total, COUNT(Id) n "
        f"FROM Opportunity WHERE IsWon = true AND {PLAUSIBLE} "
        "GROUP BY CALENDAR_YEAR(CloseDate), CALENDAR_MONTH(CloseDate)"
    )
    expected = {date(row["y"], row["m"], 1): (row["n"], cents(row["total"])) for row in told}
    rows = stand.rows("select close_month, won_opportunities, won_revenue from mo_marts.won_revenue_by_month")
    assert {month: (count, total) for month, count, total in rows} == expected
    assert expected
    (everything,) = stand.rows("select sum(won_revenue::number(38, 2))::number(38, 2) as s from mo_marts.account_360")
    (owned,) = soql(
        f"SELECT SUM(Amount) total FROM Opportunity WHERE IsWon = true AND {PLAUSIBLE} AND AccountId != null"
    )
    assert everything[0] == cents(owned["total"])


def check_pipeline(stand: Stand, soql: Soql) -> None:
    told = soql(
        "SELECT StageName s, COUNT(Id) n, SUM(Amount) total FROM Opportunity "
        f"WHERE IsClosed = false AND {PLAUSIBLE} GROUP BY StageName"
    )
    rows = stand.rows(
        "select stage_name, closing_opportunities, closing_amount from mo_marts.pipeline_by_stage "
        "qualify row_number() over (partition by stage_name order by month_start desc) = 1"
    )
    now = {stage: (count, total) for stage, count, total in rows if count or total}
    assert now == {row["s"]: (row["n"], cents(row["total"])) for row in told}
    unbalanced = stand.rows(
        "select stage_name, month_start from mo_marts.pipeline_by_stage where closing_opportunities != "
        "opening_opportunities + created_in + reopened_in + advanced_in + moved_back_in "
        "- advanced_out - moved_back_out - won_out - lost_out "
        "or closing_amount != opening_amount + amount_in - amount_out + amount_changed"
    )
    assert unbalanced == []


def check_counts(stand: Stand, soql: Soql) -> None:
    """Whatever an org counts, a mart that is about it counts too."""

    def count(text: str) -> int:
        name, _, condition = text.partition(" WHERE ")
        where = " AND ".join(filter(None, ("IsDeleted = false", condition)))
        return int(soql(f"SELECT COUNT(Id) n FROM {name} WHERE {where}")[0]["n"])

    (funnel,) = stand.rows("select sum(leads) as l, sum(converted_leads) as c from mo_marts.lead_funnel")
    assert funnel == (count("Lead"), count("Lead WHERE IsConverted = true"))
    (campaigns,) = stand.rows("select count(*) as n, sum(members) as m from mo_marts.campaign_influence")
    assert campaigns[0] == count("Campaign")
    assert campaigns[1] == count("CampaignMember WHERE Campaign.IsDeleted = false")
    (activity,) = stand.rows("select sum(calls) as c, sum(events) as e, sum(activities) as a from mo_marts.activity")
    linked = count("EmailMessage WHERE ActivityId != null")
    assert activity[0] == count("Task WHERE TaskSubtype = 'Call'")
    assert activity[1] == count("Event")
    assert activity[2] == count("Task") - linked + count("Event") + count("EmailMessage")
    assert stand.rows("select count(*) as n from mo_marts.account_360") == [(count("Account"),)]


def one_wins(stand: Stand, soql: Soql) -> None:
    """An open opportunity is won in the org, for an amount that shows."""
    (found,) = soql(f"SELECT Id FROM Opportunity WHERE IsClosed = false AND {PLAUSIBLE} LIMIT 1")
    with stand.sandbox.client() as client:
        path = f"/services/data/v66.0/sobjects/Opportunity/{found['Id']}"
        client.patch(path, json={"StageName": "Closed Won", "Amount": 123456.78}).raise_for_status()


def test_a_mart_whose_object_is_not_moved_is_skipped_and_one_that_fails_makes_the_run_red(
    stand: Stand, own_schemas: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.settings(monkeypatch, "target_schema: MO_MARTS", "target_schema: MO_MARTS_2, exclude: [ACTIVITY]")
    stand.settings(monkeypatch, "target_schema: MO\n", "target_schema: MO_2\n")
    suite = stand.folder / "include" / "expectations" / "marts" / "WON_REVENUE_BY_MONTH.json"
    suite.write_text(suite.read_text().replace('"min_value": 1', '"min_value": 1000000'))

    run = stand.run("Opportunity", expect="failed")

    tasks = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
    assert "marts.activity" not in tasks
    assert (tasks["Opportunity.reconcile"], tasks["marts.won_revenue_by_month"]) == ("success", "failed")
    assert tasks["marts.lead_funnel"] == "skipped"
    outcome = stand.outcome(run, "marts.won_revenue_by_month")
    assert "failed its audit, so people still see the one before" in outcome.problem
    told = stand.rows(f"select mart, reason from ops.mart_builds where run_id = '{run.run_id}' and state = 'skipped'")
    assert ("LEAD_FUNNEL", "MO_2.LEAD is not there; add Lead to the objects of the settings") in told
    assert stand.rows("select count(*) as n from information_schema.tables where table_schema = 'MO_MARTS_2' "
                      "and table_name = 'WON_REVENUE_BY_MONTH'") == [(0,)]  # fmt: skip


def test_a_dry_run_leaves_the_marts_alone(stand: Stand, own_schemas: None) -> None:
    run = stand.run("Opportunity", dry_run=True)

    assert set(states(run).values()) == {"skipped"}
    assert list(StateHook().state().mart_builds(RunKey(run.dag_id, run.run_id))) == []
