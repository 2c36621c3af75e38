"""OpenLineage events as the provider's own listener sends them, in a process that is configured for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from tests.openlineage_spec import faults_of
from tests.orchestration.support.stand import ROOT, Stand

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

POLICIES = "- name: Contact\n    columns: {Email: hash, Birthdate: block}\n"


@pytest.fixture
def listening(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Events go to a file, one a line."""
    transport = {"type": "file", "log_file_path": str(stand.folder / "events.jsonl"), "append": True}
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps(transport))
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__EXECUTION_TIMEOUT", "120")  # of a machine that does much else
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{ROOT / 'plugins'}")
    stand.settings(monkeypatch, "- name: Contact\n", POLICIES)
    stand.settings(monkeypatch, "objects:\n", "target_schema: LINEAGE\nattempt_schema: LINEAGE_A\nobjects:\n")
    return stand


def events_of(stand: Stand, *, expect: str = "success") -> dict[tuple[str, str], dict[str, Any]]:
    """By task and event type; every one is held to the schema first."""
    command = [sys.executable, "-m", "tests.orchestration.support.run_dag", expect, "Contact"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    events = [json.loads(line) for line in (stand.folder / "events.jsonl").read_text().splitlines()]
    assert [fault for event in events for fault in faults_of(event)] == []
    return {(event["job"]["name"].removeprefix("crm_warehouse_elt."), event["eventType"]): event for event in events}


def column(dataset: Mapping[str, Any], name: str) -> list[tuple[str, str, str, bool]]:
    """Namespace, name, field and masking of what a column is made of."""
    fields = dataset["facets"]["columnLineage"]["fields"][name]["inputFields"]
    return [(f["namespace"], f["name"], f["field"], f["transformations"][0]["masking"]) for f in fields]


def test_columns_are_followed_from_the_source_to_the_warehouse(listening: Stand) -> None:
    events = events_of(listening)

    host = listening.sandbox.url.partition("://")[2]
    (source,), (staged,) = (events["Contact.extract", "COMPLETE"][side] for side in ("inputs", "outputs"))
    assert (source["namespace"], source["name"]) == (f"salesforce://{host}", "Contact")
    assert (staged["namespace"], staged["name"]) == ("file", f"{listening.folder}/stage/salesforce/Contact")
    assert column(staged, "email") == [(f"salesforce://{host}", "Contact", "Email", True)]
    assert column(staged, "last_name") == [(f"salesforce://{host}", "Contact", "LastName", False)]
    assert "birthdate" not in json.dumps(events["Contact.extract", "COMPLETE"]).lower()

    (read,), (table,) = (events["Contact.publish", "COMPLETE"][side] for side in ("inputs", "outputs"))
    assert (read["namespace"], read["name"]) == (staged["namespace"], staged["name"])
    assert (table["namespace"], table["name"]) == ("snowflake://local.us-west-1.aws", "CRM.LINEAGE.CONTACT")
    assert column(table, "EMAIL") == [(staged["namespace"], staged["name"], "email", False)]
    rows = listening.rows("select count(*) as n from lineage.contact")[0][0]
    assert table["outputFacets"]["outputStatistics"]["rowCount"] == rows > 0
    described = {field["name"]: field["type"] for field in table["facets"]["schema"]["fields"]}
    assert (described["EMAIL"], described["_DELETED"]) == ("VARCHAR", "BOOLEAN")
    assert [use["name"] for use in events["Contact.load", "COMPLETE"]["inputs"]] == [staged["name"]]


def test_a_failure_is_told_with_its_sentence(listening: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    listening.change(monkeypatch, "SNOWFLAKE_DEFAULT", password="hunter2")

    events = events_of(listening, expect="failed")

    failed = events["Contact.load", "FAIL"]
    assert "refuses this user and password" in failed["run"]["facets"]["errorMessage"]["message"]
    assert "hunter2" not in json.dumps(list(events.values()))
    assert ("Contact.extract", "COMPLETE") in events
