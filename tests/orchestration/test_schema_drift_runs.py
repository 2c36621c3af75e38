"""Fields of the real sandbox come, go, hide and change type between runs of the DAG; every cell is held against it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.orchestration.support.stand import Stand

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
GONE = '[{"errorCode": "INVALID_FIELD", "message": "No such column"}]'


@pytest.fixture
def apart(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Tables of this test alone; more than 50 rows are read by a bulk job."""
    schema = f"DRIFT_{uuid.uuid4().hex[:8].upper()}"
    own = f"target_schema: {schema}\nhistory_schema: {schema}_H\nattempt_schema: {schema}_A\nobjects:\n"
    stand.settings(monkeypatch, "objects:\n", own)
    monkeypatch.setenv("CRM_PATTERNS_REST_BELOW_ROWS", "50")
    return replace(stand, schema=schema)


def change(stand: Stand, action: str, field: str, definition: Any = None, value_sql: str | None = None) -> None:
    asked = {"action": action, "object": "Opportunity", "field": field}
    if definition:
        asked |= {"definition": definition}
    stand.sandbox.control("POST", "fields", asked | ({"value_sql": value_sql} if value_sql else {}))


def in_org(stand: Stand, field: str) -> dict[str, Any]:
    """The field of every opportunity, those in the bin too, as the org itself tells it."""
    found: dict[str, Any] = {}
    path = f"/services/data/v62.0/queryAll?q=SELECT+Id,{field}+FROM+Opportunity"
    with stand.sandbox.client() as http:
        while path:
            answer = http.get(path).raise_for_status().json(parse_float=Decimal)
            found |= {record["Id"]: record[field] for record in answer["records"]}
            path = answer.get("nextRecordsUrl")
    return found


def in_warehouse(stand: Stand, column: str, *, history: bool = False) -> dict[str, Any]:
    table = f"{stand.schema}_H.opportunity" if history else f"{stand.schema}.opportunity"
    only = ' where "_IS_CURRENT"' if history else ""
    return dict(stand.rows(f'select "ID", "{column.upper()}" from {table}{only}'))


def held(stand: Stand, values: dict[str, Any]) -> dict[str, Any]:
    """Of the org's values, those of records that the warehouse holds: some are in quarantine."""
    return {key: values[key] for key in in_warehouse(stand, "id")}


def events(stand: Stand, run: Any) -> set[tuple[str, str]]:
    found = stand.rows(f"select kind, field_name from ops.schema_changes where run_id = '{run.run_id}'")
    assert len(found) == len(set(found))
    return set(found)


def test_fields_of_the_org_change_and_no_value_is_lost(apart: Stand) -> None:
    change(apart, "add", "Old_Size__c", {"is": "currency(18,2)", "label": "Size"}, '1.25 + "Amount"')
    change(apart, "add", "Old_Name__c", {"is": "string(40)", "label": "Alias"}, "'N-' || \"Id\"")
    apart.run("Opportunity")
    before = {name: in_warehouse(apart, name) for name in ("next_step", "old_size_c", "old_name_c", "description")}
    stamps = in_warehouse(apart, "_source_modified_at")

    change(apart, "add", "Region__c", "string(30)", "'R-' || \"Id\"")
    change(apart, "hide", "NextStep")
    change(apart, "retype", "Old_Size__c", {"is": "string(40)", "label": "Size"})
    change(apart, "remove", "Old_Name__c")
    change(apart, "add", "New_Name__c", {"is": "string(40)", "label": "Alias"}, "'N-' || \"Id\"")
    change(apart, "remove", "Description")
    run = apart.run("Opportunity")

    assert events(apart, run) == {
        ("added", "Region__c"), ("access_lost", "NextStep"), ("retyped", "Old_Size__c"), ("renamed", "New_Name__c"),
        ("removed", "Description"),
    }  # fmt: skip
    for field, column in (("Region__c", "region_c"), ("Old_Size__c", "old_size_c_v2"), ("New_Name__c", "new_name_c")):
        assert in_warehouse(apart, column) == held(apart, in_org(apart, field)), field
        assert in_warehouse(apart, column, history=True) == in_warehouse(apart, column)
    for column, values in before.items():
        assert in_warehouse(apart, column) == values, column
    assert any(before["next_step"].values())
    assert in_warehouse(apart, "_source_modified_at") == stamps

    again = apart.run("Opportunity")
    assert events(apart, again) == set()
    change(apart, "show", "NextStep")
    some_id = next(iter(stamps))
    changed = {"object": "Opportunity", "id": some_id, "field": "NextStep", "value": "changed while nobody could see"}
    apart.sandbox.control("POST", "silent_change", changed)
    back = apart.run("Opportunity")

    assert events(apart, back) == {("returned", "NextStep")}
    assert in_warehouse(apart, "next_step") == held(apart, in_org(apart, "NextStep"))
    assert in_warehouse(apart, "next_step")[some_id] == "changed while nobody could see"


def test_a_field_that_vanishes_after_it_was_described_costs_one_more_description(apart: Stand) -> None:
    fault = {"kind": "status", "method": "GET", "path": "/queryAll", "status": 400, "body": GONE, "count": 1}
    apart.sandbox.control("POST", "faults", fault)
    failed = {"kind": "job_failed", "message": "InvalidBatch : Failed to process query: INVALID_FIELD: x", "count": 1}
    apart.sandbox.control("POST", "faults", {**failed, "object": "Opportunity"})

    run = apart.run("Opportunity", "UserRole")

    for name in ("Opportunity", "UserRole"):
        outcome = apart.outcome(run, name)
        assert outcome.tally.read == outcome.source_count > 0
    assert apart.outcome(run, "UserRole").method == "rest"
    assert apart.outcome(run, "Opportunity").method == "bulk"


def test_a_user_that_may_not_ask_what_exists_is_told_so(apart: Stand) -> None:
    apart.run("UserRole")
    asked = {"object": "UserRole", "field": "RollupDescription"}
    apart.sandbox.control("POST", "settings", {"reading": {"field_definitions": False}})
    apart.sandbox.control("POST", "fields", {"action": "hide", **asked})

    run = apart.run("UserRole")

    apart.sandbox.control("POST", "fields", {"action": "show", **asked})
    apart.sandbox.control("POST", "settings", {"reading": {"field_definitions": True}})
    assert events(apart, run) == {("vanished", "RollupDescription")}
