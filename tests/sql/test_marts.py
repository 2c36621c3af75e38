"""Each mart on a few rows made by hand, with the numbers that a person gets with a pencil."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Connection

from crm_patterns.state import open_state
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from tests.sql.mart_tables import Org, at, few

WON = {"is_closed": True, "is_won": True, "stage_name": "Closed Won"}
LOST = {"is_closed": True, "is_won": False, "stage_name": "Closed Lost"}
ACCOUNT = {"id": "001A", "name": "Acme", "owner_id": "005A", "created_date": at("2026-01-31")}


@pytest.fixture
def org(warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path) -> Org:
    state = open_state(Connection(conn_id="crm_state", conn_type="sqlite", host=str(tmp_path / "state.db")))
    return Org(warehouse, schema, state)


def money(text: str) -> Decimal:
    return Decimal(text)


# --- won revenue


def test_won_revenue_adds_up_exactly_what_was_won_and_not_deleted(org: Org) -> None:
    january, march = date(2026, 1, 31), date(2026, 3, 1)
    org.opportunities(
        {"id": "1", "account_id": "A", "amount": "9007199254740993.01", "close_date": january, **WON},
        {"id": "2", "account_id": "A", "amount": "0.02", "close_date": date(2026, 1, 1), **WON},
        {"id": "3", "account_id": "B", "amount": None, "close_date": march, **WON},
        {"id": "4", "account_id": "B", "amount": "10", "close_date": march, **WON},
        {"id": "5", "account_id": "B", "amount": "99", "close_date": march, "_deleted": True, **WON},
        {"id": "6", "account_id": "B", "amount": "99", "close_date": march, **LOST},
        {"id": "7", "account_id": "B", "amount": "99", "close_date": march},
        {"id": "8", "account_id": None, "amount": "-1.50", "close_date": date(2025, 12, 31), **WON},
    )

    rows = org.mart("WON_REVENUE_BY_MONTH")

    told = ("close_month", "won_opportunities", "accounts", "won_revenue", "won_revenue_year_to_date")
    assert few(rows, *told, "opportunities_without_amount", "currency") == [
        (date(2025, 12, 1), 1, 0, money("-1.50"), money("-1.50"), 0, "USD"),
        (date(2026, 1, 1), 2, 1, money("9007199254740993.03"), money("9007199254740993.03"), 0, "USD"),
        (date(2026, 3, 1), 2, 1, money("10.00"), money("9007199254741003.03"), 1, "USD"),
    ]


def test_amounts_of_other_currencies_count_at_the_rate_of_the_close_date(org: Org) -> None:
    march = date(2026, 3, 1)
    org.rates = (
        {"currency": "EUR", "valid_from": "2026-01-01", "valid_to": "2026-03-01", "rate": "2"},
        {"currency": "EUR", "valid_from": "2026-03-01", "valid_to": None, "rate": "1.1111"},
    )
    won = {"close_date": march, **WON}
    org.opportunities(
        {"id": "1", "amount": "10.05", "currency_iso_code": "EUR", **won},
        {"id": "2", "amount": "10.05", "currency_iso_code": "EUR", **won, "close_date": date(2026, 2, 28)},
        {"id": "3", "amount": "1", "currency_iso_code": "USD", **won},
        {"id": "4", "amount": "1", "currency_iso_code": None, **won},
        {"id": "5", "amount": "7", "currency_iso_code": "JPY", **won},
        {"id": "6", "amount": "7", "currency_iso_code": "EUR", **won, "close_date": date(2025, 12, 31)},
    )

    rows = org.mart("WON_REVENUE_BY_MONTH")

    assert few(rows, "close_month", "won_revenue", "opportunities_without_rate") == [
        (date(2025, 12, 1), money("0.00"), 1),
        (date(2026, 2, 1), money("20.10"), 0),
        (date(2026, 3, 1), money("13.17"), 1),  # 11.166555 is 11.17, and 1, and 1
    ]


def test_the_dated_rates_of_the_org_come_before_those_of_the_settings(org: Org) -> None:
    org.currency, org.rates = "EUR", ({"currency": "USD", "valid_from": "1990-01-01", "valid_to": None, "rate": "99"},)
    spring = {"start_date": date(2026, 1, 1), "next_start_date": date(2026, 4, 1)}
    org.table(
        "DATED_CONVERSION_RATE",
        {"iso_code": "EUR", "conversion_rate": "0.8", **spring},
        {"iso_code": "USD", "conversion_rate": "1", **spring},
        {"iso_code": "GBP", "conversion_rate": "0.5", **spring},
    )
    won = {"close_date": date(2026, 3, 1), **WON}
    org.opportunities(
        {"id": "1", "amount": "100", "currency_iso_code": "USD", **won},
        {"id": "2", "amount": "100", "currency_iso_code": "GBP", **won},
        {"id": "3", "amount": "100", "currency_iso_code": "EUR", **won},
    )

    (row,) = org.mart("WON_REVENUE_BY_MONTH")

    assert (row["won_revenue"], row["currency"]) == (money("340.00"), "EUR")


# --- account 360


def test_an_account_is_one_row_with_all_that_is_known_of_it(org: Org) -> None:
    org.table(
        "ACCOUNT",
        {**ACCOUNT, "industry": "Energy"},
        {**ACCOUNT, "id": "001B", "name": "Bell", "industry": None},
        {**ACCOUNT, "id": "001C", "name": "Gone", "industry": None, "_deleted": True},
    )
    org.table("USER", {"id": "005A", "name": "Zoë"})
    org.table("CONTACT", *({"id": n, "account_id": "001A", "_deleted": n == "3"} for n in "123"))
    org.table("LEAD", {"id": "1", "is_converted": True, "converted_account_id": "001A"},
              {"id": "2", "is_converted": False, "converted_account_id": None})  # fmt: skip
    org.opportunities(
        {"id": "1", "account_id": "001A", "amount": "100", "close_date": date(2026, 1, 2), **WON},
        {"id": "2", "account_id": "001A", "amount": "50.25", "close_date": date(2026, 2, 2), **WON},
        {"id": "3", "account_id": "001A", "amount": "7", **LOST},
        {"id": "4", "account_id": "001A", "amount": None},
        {"id": "5", "account_id": "001A", "amount": "0.10"},
        {"id": "6", "account_id": "001A", "amount": "9", "_deleted": True},
        {"id": "7", "account_id": None, "amount": "9"},
    )

    first, second = org.mart("ACCOUNT_360")

    assert first == {
        "account_id": "001A", "account_name": "Acme", "account_type": None, "industry": "Energy", "owner_id": "005A",
        "owner_name": "Zoë", "created_on": date(2026, 1, 31), "currency": "USD", "contacts": 2, "converted_leads": 1,
        "open_opportunities": 2, "open_amount": money("0.10"), "won_opportunities": 2, "won_revenue": money("150.25"),
        "lost_opportunities": 1, "win_rate": money("0.6667"), "first_won_on": date(2026, 1, 2),
        "last_won_on": date(2026, 2, 2), "opportunities_without_rate": 0, "activities": 0, "last_activity_on": None,
    }  # fmt: skip
    assert few([second], "account_id", "contacts", "open_amount", "won_revenue", "win_rate") == [
        ("001B", 0, money("0.00"), money("0.00"), None)
    ]


def test_what_belonged_to_a_merged_account_belongs_to_its_survivor(org: Org) -> None:
    org.table("ACCOUNT", ACCOUNT, {**ACCOUNT, "id": "001L", "_deleted": True})
    org.table("MERGE_MAP", {"loser_id": "001L", "survivor_id": "001A"}, history=True)
    org.table("CONTACT", {"id": "1", "account_id": "001L"}, {"id": "2", "account_id": "001A"})
    org.opportunities({"id": "1", "account_id": "001L", "amount": "5", **WON})

    rows = org.mart("ACCOUNT_360")

    assert few(rows, "account_id", "contacts", "won_revenue") == [("001A", 2, money("5.00"))]


# --- activity


def test_each_activity_counts_once_for_its_account_and_owner(org: Org) -> None:
    task: dict[str, Any] = {
        "id": "1", "account_id": "001A", "owner_id": "005A", "task_subtype": "Task", "status": "Completed",
        "activity_date": date(2026, 3, 2), "created_date": at("2026-03-01"),
    }  # fmt: skip
    org.opportunities({"id": "006A", "account_id": "001A"})
    org.table(
        "TASK", task,
        {**task, "id": "2", "task_subtype": "Call", "activity_date": None},
        {**task, "id": "3", "task_subtype": "Email"},
        {**task, "id": "4", "task_subtype": "Email", "activity_date": date(2026, 3, 9)},
        {**task, "id": "5", "status": "Not Started", "activity_date": date(2027, 1, 1), "account_id": None},
        {**task, "id": "6", "_deleted": True},
    )  # fmt: skip
    org.table("EVENT", {"id": "1", "account_id": "001A", "owner_id": "005B", "activity_date": date(2026, 4, 1),
                        "created_date": at("2026-03-01")})  # fmt: skip
    mail = {"id": "1", "activity_id": "3", "related_to_id": "006A", "created_by_id": "005A",
            "message_date": at("2026-02-01"), "created_date": at("2026-03-01")}  # fmt: skip
    org.table("EMAIL_MESSAGE", mail, {**mail, "id": "2", "activity_id": None, "related_to_id": "001A"},
              {**mail, "id": "3", "activity_id": None, "related_to_id": "701X"},
              {**mail, "id": "4", "activity_id": "4", "_deleted": True})  # fmt: skip

    rows = org.mart("ACTIVITY")

    told = ("account_id", "owner_id", "activities", "tasks", "calls", "events", "emails", "open_tasks")
    assert few(rows, *told, "first_activity_on", "last_activity_on") == [
        ("001A", "005A", 5, 1, 1, 0, 3, 0, date(2026, 2, 1), date(2026, 3, 9)),
        ("001A", "005B", 1, 0, 0, 1, 0, 0, date(2026, 4, 1), date(2026, 4, 1)),
        (None, "005A", 2, 1, 0, 0, 1, 1, date(2026, 2, 1), date(2026, 2, 1)),
    ]


# --- lead funnel


def test_the_funnel_counts_leads_by_month_and_source_and_how_long_they_took(org: Org) -> None:
    lead: dict[str, Any] = {
        "id": "1", "created_date": at("2026-01-10"), "lead_source": "Web", "is_converted": True,
        "converted_date": date(2026, 1, 10), "converted_opportunity_id": "006A",
    }  # fmt: skip
    waiting = {"is_converted": False, "converted_date": None, "converted_opportunity_id": None}
    org.opportunities({"id": "006A", "amount": "100", **WON}, {"id": "006B", "amount": "5"},
                      {"id": "006C", "amount": "9", "_deleted": True, **WON})  # fmt: skip
    org.table(
        "LEAD", lead,
        {**lead, "id": "2", "converted_date": date(2026, 1, 13), "converted_opportunity_id": "006B"},
        {**lead, "id": "3", "converted_date": date(2026, 2, 10), "converted_opportunity_id": "006C"},
        {**lead, "id": "4", **waiting},
        {**lead, "id": "5", "_deleted": True},
        {**lead, "id": "6", "lead_source": None, **waiting},
        {**lead, "id": "7", "created_date": at("2026-02-01"), "converted_date": date(2026, 1, 31),
         "converted_opportunity_id": None},
    )  # fmt: skip

    rows = org.mart("LEAD_FUNNEL")

    told = ("created_month", "lead_source", "leads", "converted_leads", "converted_same_day", "with_opportunity")
    assert few(rows, *told, "won_opportunities", "won_revenue", "conversion_rate") == [
        (date(2026, 1, 1), "(none)", 1, 0, 0, 0, 0, money("0.00"), money("0.0000")),
        (date(2026, 1, 1), "Web", 4, 3, 1, 2, 1, money("100.00"), money("0.7500")),
        (date(2026, 2, 1), "Web", 1, 1, 1, 0, 0, money("0.00"), money("1.0000")),
    ]
    assert few(rows, "average_days_to_convert", "median_days_to_convert") == [
        (None, None),
        (money("11.33"), money("3.00")),
        (money("0.00"), money("0.00")),
    ]


# --- campaign influence


def test_an_opportunity_is_shared_out_over_its_campaigns_to_the_cent(org: Org) -> None:
    org.table("CAMPAIGN", *({"id": f"701{n}", "name": n, "_deleted": n == "D"} for n in "ABCDE"))
    member: dict[str, Any] = {
        "id": "1", "campaign_id": "701A", "lead_id": None, "contact_id": "003A", "has_responded": True,
        "created_date": at("2026-03-15"),
    }  # fmt: skip
    org.table(
        "CAMPAIGN_MEMBER", member,
        {**member, "id": "2", "campaign_id": "701B", "lead_id": "00QA", "contact_id": None, "has_responded": False},
        {**member, "id": "3", "campaign_id": "701D"},
        {**member, "id": "4", "campaign_id": "701E", "created_date": at("2026-03-16")},
        {**member, "id": "5", "campaign_id": "701A", "contact_id": "003B", "has_responded": False, "_deleted": True},
        {**member, "id": "6", "campaign_id": "701A", "contact_id": "003C", "has_responded": False},
    )  # fmt: skip
    org.table("LEAD", {"id": "00QA", "converted_opportunity_id": "1"})
    sold = {"contact_id": "003A", "close_date": date(2026, 3, 15)}
    org.opportunities(
        {"id": "1", "amount": "100", "campaign_id": "701C", **sold, **WON},
        {"id": "2", "amount": "10", "campaign_id": "701A", **sold},
        {"id": "3", "amount": None, "campaign_id": "701A", **WON},
    )

    rows = org.mart("CAMPAIGN_INFLUENCE")

    told = ("campaign_id", "members", "responses", "primary_opportunities", "influenced_opportunities")
    assert few(rows, *told, "influenced_won_revenue", "attributed_won_revenue", "attributed_open_amount") == [
        ("701A", 2, 1, 2, 3, money("100.00"), money("33.33"), money("10.00")),
        ("701B", 1, 0, 0, 1, money("100.00"), money("33.33"), money("0.00")),
        ("701C", 0, 0, 1, 1, money("100.00"), money("33.34"), money("0.00")),
        ("701E", 1, 1, 0, 0, money("0.00"), money("0.00"), money("0.00")),
    ]
    assert few(rows, "response_rate") == [(money("0.5000"),), (money("0.0000"),), (None,), (money("1.0000"),)]


# --- pipeline


P, Q, W, L = "Prospecting", "Qualification", "Closed Won", "Closed Lost"


def version(key: str, day: str, stage: str, amount: str | None, probability: int) -> dict[str, Any]:
    return {"id": f"{key}{day}{stage}", "opportunity_id": key, "stage_name": stage, "amount": amount,
            "probability": probability, "created_date": at(day)}  # fmt: skip


VERSIONS = (
    version("1", "2026-01-05", P, "100", 10),
    version("1", "2026-01-20", Q, "100", 20),  # advanced
    version("1", "2026-02-03", Q, "120", 20),  # worth more
    version("1", "2026-02-09", P, "120", 10),  # moved back
    version("1", "2026-03-01", W, "120", 100),  # won
    version("2", "2026-01-08", P, None, 10),  # no amount
    version("2", "2026-02-08", L, None, 0),  # lost
    version("2", "2026-03-08", Q, "30", 20),  # reopened
    version("3", "2026-02-01", P, "9", 10),  # deleted since
)
MOVED = (
    "month_start", "stage_name", "stage_place", "opening_opportunities", "created_in", "reopened_in", "advanced_in",
    "moved_back_in", "advanced_out", "moved_back_out", "won_out", "lost_out", "closing_opportunities",
)  # fmt: skip
MONEY = ("opening_amount", "amount_in", "amount_out", "amount_changed", "closing_amount")
JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)


def check_pipeline(rows: list[dict[str, Any]]) -> None:
    assert few(rows, *MOVED) == [
        (JANUARY, P, 1, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1),
        (JANUARY, Q, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1),
        (FEBRUARY, P, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1),
        (FEBRUARY, Q, 2, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0),
        (MARCH, P, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0),
        (MARCH, Q, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1),
    ]
    assert few(rows, *MONEY) == [
        (money("0.00"), money("100.00"), money("100.00"), money("0.00"), money("0.00")),
        (money("0.00"), money("100.00"), money("0.00"), money("0.00"), money("100.00")),
        (money("0.00"), money("120.00"), money("0.00"), money("0.00"), money("120.00")),
        (money("100.00"), money("0.00"), money("120.00"), money("20.00"), money("0.00")),
        (money("120.00"), money("0.00"), money("120.00"), money("0.00"), money("0.00")),
        (money("0.00"), money("30.00"), money("0.00"), money("0.00"), money("30.00")),
    ]


def ours(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    """The same versions as we keep them."""
    return [
        {"id": row["opportunity_id"], "stage_name": row["stage_name"], "amount": row["amount"],
         "probability": row["probability"], "_valid_from": row["created_date"], "is_won": row["stage_name"] == W,
         "is_closed": row["stage_name"] in (W, L)}
        for row in rows
    ]  # fmt: skip


def now(org: Org) -> None:
    org.opportunities({"id": "1", "amount": "120", **WON}, {"id": "2", "stage_name": Q, "amount": "30"},
                      {"id": "3", "amount": "9", "_deleted": True}, {"id": "4", **LOST, "_deleted": False})  # fmt: skip


def test_the_pipeline_moves_as_the_stage_history_says(org: Org) -> None:
    now(org)
    org.table("OPPORTUNITY_HISTORY", *VERSIONS)

    check_pipeline(org.mart("PIPELINE_BY_STAGE"))


def test_the_pipeline_is_the_same_from_our_own_history(org: Org) -> None:
    now(org)
    org.table("OPPORTUNITY", *ours(*VERSIONS), history=True)

    check_pipeline(org.mart("PIPELINE_BY_STAGE"))


def test_what_was_before_our_history_begins_comes_from_the_stage_history(org: Org) -> None:
    now(org)
    begun = at("2026-02-05")
    org.table("OPPORTUNITY", *ours(*(row for row in VERSIONS if row["created_date"] > begun)), history=True)
    org.table("OPPORTUNITY_HISTORY", *VERSIONS)

    check_pipeline(org.mart("PIPELINE_BY_STAGE"))


def test_moves_of_one_moment_are_taken_one_after_the_other(org: Org) -> None:
    org.opportunities({"id": "1", "stage_name": Q, "amount": "7"})
    org.table("OPPORTUNITY_HISTORY", {**version("1", "2026-01-05", P, "5", 10), "id": "a"},
              {**version("1", "2026-01-05", Q, "7", 20), "id": "b"})  # fmt: skip

    rows = org.mart("PIPELINE_BY_STAGE")

    assert few(rows, "stage_name", "closing_opportunities", "closing_amount") == [
        (P, 0, money("0.00")), (Q, 1, money("7.00")),
    ]  # fmt: skip
