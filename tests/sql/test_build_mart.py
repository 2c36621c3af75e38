"""A mart is built when it has to be, audited by Great Expectations, and swapped in whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Connection

from crm_patterns.core.errors import StopRun
from crm_patterns.core.marts import MartState
from crm_patterns.core.ports import RunKey, Table
from crm_patterns.mart_catalog import objects_of_marts
from crm_patterns.state import open_state
from crm_patterns.warehouse.quality import ExpectationsQuality
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from tests.sql.mart_tables import NOON, OPPORTUNITY, ROOT, Org
from tests.sql.test_marts import WON

REVENUE = "WON_REVENUE_BY_MONTH"
ONE = {"id": "1", "amount": "10", "account_id": "A", **WON}


@pytest.fixture
def org(warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path, connect: Any) -> Org:
    state = open_state(Connection(conn_id="crm_state", conn_type="sqlite", host=str(tmp_path / "state.db")))
    quality = ExpectationsQuality(
        connect, suites_root=ROOT / "include" / "expectations", docs_root=tmp_path / "docs", docs_url="/docs"
    )
    found = Org(warehouse, schema, state, quality)
    found.opportunities(ONE)
    return found


class KilledAt:
    """The warehouse, until a statement is asked for."""

    def __init__(self, warehouse: SnowflakeWarehouse, statement: str) -> None:
        self._warehouse, self._statement = warehouse, statement

    def run(self, statement: str, **given: Any) -> list[tuple[Any, ...]]:
        if statement.endswith(self._statement):
            raise KeyboardInterrupt
        return self._warehouse.run(statement, **given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)


def left_over(org: Org) -> list[tuple[Any, ...]]:
    return org.sql(f"select table_name from information_schema.tables where table_schema = '{org.places.attempts}'")


def test_a_mart_is_built_once_and_again_only_when_an_input_has_changed(org: Org) -> None:
    first = org.build(REVENUE, "run 1")
    second = org.build(REVENUE, "run 2")
    org.opportunities(ONE, {**ONE, "id": "2"})
    third = org.build(REVENUE, "run 3")
    org.opportunities(ONE, {**ONE, "id": "2", "amount": "11", "_synced_at": NOON + timedelta(hours=1)})
    fourth = org.build(REVENUE, "run 4")

    assert [build.state.value for build in (first, second, third, fourth)] == ["built", "unchanged", "built", "built"]
    assert first.reason == "it is not there yet"
    assert f"{org.schema}.OPPORTUNITY" in third.reason
    assert [row["won_revenue"] for row in org.rows(REVENUE)] == [21]
    assert left_over(org) == []
    assert list(org.state.attempt_tables()) == []


def test_a_mart_that_somebody_dropped_or_whose_settings_changed_is_built_anew(org: Org) -> None:
    org.build(REVENUE)
    org.currency = "EUR"
    other = org.build(REVENUE, "run 2")
    org.sql(f'drop table "{org.places.marts}"."{REVENUE}"')
    dropped = org.build(REVENUE, "run 3")

    assert other.reason == "its definition or a setting has changed"
    assert dropped.reason == "it is not there yet"
    assert [row["currency"] for row in org.rows(REVENUE)] == ["EUR"]


def test_a_mart_whose_input_is_not_there_is_skipped_and_says_why(org: Org) -> None:
    assert org.build("LEAD_FUNNEL").reason == f"{org.schema}.LEAD is not there; add Lead to the objects of the settings"
    assert org.build("ACTIVITY").reason == (
        f"neither {org.schema}.TASK nor {org.schema}.EVENT nor {org.schema}.EMAIL_MESSAGE is there with what is needed"
    )
    org.table("OPPORTUNITY", {name: value for name, value in {**OPPORTUNITY, **ONE}.items() if name != "amount"})

    lacking = org.build(REVENUE)

    assert (lacking.state, lacking.rows) == (MartState.SKIPPED, None)
    assert lacking.reason.startswith(f"{org.schema}.OPPORTUNITY has no amount; include and exclude")


def test_a_mart_that_fails_its_audit_is_not_seen(org: Org) -> None:
    org.build(REVENUE)
    org.sql(f'create or replace table "{org.places.current}"."CAMPAIGN" ("ID" varchar, "NAME" varchar, '
            '"_DELETED" boolean, "_SYNCED_AT" timestamp_tz)')  # fmt: skip
    member = {"id": "1", "campaign_id": "A", "lead_id": None, "contact_id": None, "has_responded": False,
              "created_date": NOON}  # fmt: skip
    org.table("CAMPAIGN_MEMBER", member)
    org.table("CAMPAIGN", {"id": "A", "name": "one"})
    org.build("CAMPAIGN_INFLUENCE", "run 1")
    org.table("CAMPAIGN", {"id": "A", "name": "one"}, {"id": "A", "name": "the same once more"})

    with pytest.raises(StopRun, match=r"marts\.campaign_influence failed its audit, so people still see .*Two rows"):
        org.build("CAMPAIGN_INFLUENCE", "run 2")

    assert [row["campaign_name"] for row in org.rows("CAMPAIGN_INFLUENCE")] == ["one"]
    assert len(left_over(org)) == 1  # to be looked at; it goes with the other attempts of failed runs


@pytest.mark.parametrize("statement", ["create_mart", "insert_mart", "overwrite_mart", "drop_table"])
def test_a_kill_leaves_the_old_mart_or_the_new_one_and_the_next_try_ends_it(org: Org, statement: str) -> None:
    org.build(REVENUE, "run 1")
    org.opportunities(ONE, {**ONE, "id": "2"})
    killed = replace(org, warehouse=KilledAt(org.warehouse, statement))  # type: ignore[arg-type]

    with pytest.raises(KeyboardInterrupt):
        killed.build(REVENUE, "run 2")
    between = [row["won_opportunities"] for row in org.rows(REVENUE)]
    again = org.build(REVENUE, "run 2")

    assert between in ([1], [2])
    assert again.state is MartState.BUILT
    assert [row["won_opportunities"] for row in org.rows(REVENUE)] == [2]
    assert left_over(org) == []


def test_a_change_of_columns_replaces_the_table(org: Org) -> None:
    org.build(REVENUE)
    org.sql(f'alter table "{org.places.marts}"."{REVENUE}" add column "OLD" varchar')
    org.opportunities(ONE, {**ONE, "id": "2"})

    org.build(REVENUE, "run 2")

    assert "old" not in org.warehouse.columns(Table(org.places.marts, REVENUE))
    assert [row["won_opportunities"] for row in org.rows(REVENUE)] == [2]


def test_every_mart_has_a_suite_that_great_expectations_can_ask(org: Org) -> None:
    from tests.sql.mart_scenario import marts

    for step in marts(org.schema):
        org.warehouse.run(step.statement, names=step.names, values=step.values)

    for mart in objects_of_marts(ROOT / "include"):
        build = org.build(mart, "another run")
        assert build.state is MartState.BUILT
        assert build.docs_url.startswith(f"/docs/validations/marts.{mart}/")
    assert {build.mart for build in org.state.mart_builds(RunKey("crm_warehouse_elt", "another run"))} == set(
        objects_of_marts(ROOT / "include")
    )
