"""
A cycle of the marketing sync as a process of its own: `python -m benchmarks.sync_contenders product|simple --job FILE`.

`simple` is what a script does: who changed is asked on both sides, and then each record is looked up and written on the
other. simple-salesforce for the org; HubSpot's own client is not among our dependencies, and its calls of one contact
are the same requests as these by httpx.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy.engine import URL

from crm_patterns.catalog import include_dir, load_marketing_sync
from crm_patterns.clients.hubspot.api import PaceOptions
from crm_patterns.clients.hubspot.client import HubSpotClient
from crm_patterns.clients.hubspot.connection import HubSpotConnection
from crm_patterns.clients.salesforce.sink import SalesforceSink
from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection
from crm_patterns.core.changes import Side
from crm_patterns.core.ports import RunKey
from crm_patterns.core.windows import WindowKind
from crm_patterns.pairings import pairing_of
from crm_patterns.state import OperationalState
from crm_patterns.state.database import open_engine
from crm_patterns.steps.apply import ApplyOrder, apply
from crm_patterns.steps.record_plan import record_plan
from crm_patterns.steps.staged_changes import read_changes
from crm_patterns.steps.sync import CycleOrder, plan_cycle, settle_cycle, stage_plan
from crm_patterns.steps.verify import verify
from crm_patterns.translations import load_translations
from crm_patterns.warehouse.stage import ParquetStage

NAME = "hubspot_people"
UNHURRIED = PaceOptions(share=1000.0, searches_per_s=100_000.0)
"""Both contenders are as quick as they can be: the account's limits are lifted, as they would hide the work."""
MOMENT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Job:
    """Where both systems are, the folder of state and stage, and since when `simple` looks."""

    org: dict[str, str]
    org_url: str
    account_url: str
    account_token: str
    folder: str
    run_id: str
    since: str


def open_state(folder: Path) -> OperationalState:
    """Made ready where it is new."""
    state = OperationalState(open_engine(URL.create("sqlite+pysqlite", database=str(folder / "state.db"))))
    state.prepare()
    return state


def product(job: Job) -> dict[str, Any]:
    """Plan, stage, apply, verify and settle, as the tasks do."""
    started = time.perf_counter()
    include = include_dir() / "config"
    settings = load_marketing_sync(include / "marketing_sync.yaml", {})
    pairing = pairing_of(settings, NAME, load_translations(include / "translations.yaml"))
    known = {name: job.org[name] for name in ("consumer_key", "consumer_secret")}
    left = SalesforceSink(SalesforceConnection(login_url=job.org_url, **known))
    right = HubSpotClient(HubSpotConnection(base_url=job.account_url, access_token=job.account_token), pace=UNHURRIED)
    state = open_state(Path(job.folder))
    stage, run = ParquetStage(LocalFileSystem(), f"{job.folder}/stage"), RunKey("benchmark", job.run_id)
    lag, overlap = timedelta(seconds=-2), timedelta(seconds=60)
    order = CycleOrder(run, pairing, WindowKind.INCREMENTAL, frozenset({Side.RIGHT}), lag, overlap)
    sides = {Side.LEFT: left, Side.RIGHT: right}
    cycle = plan_cycle(sides, state, order)
    _, ref = stage_plan(stage, order, cycle, attempt_id="one")
    record_plan(state, run, pairing, cycle.planned, staged=ref, at=datetime.now(UTC))
    sinks, changes = {"salesforce": left, "hubspot": right}, read_changes(stage, ref)
    done = apply(sinks, state, changes, ApplyOrder(run), clock=lambda: datetime.now(UTC))
    outcomes = state.outcomes_of(run)
    seen = verify(sinks, changes, outcomes)
    settle_cycle(state, run, pairing, cycle.windows, outcomes, writes_all=not done.tally.deferred)
    written, seconds = done.tally.created + done.tally.updated, time.perf_counter() - started
    return {"written": written, "s": seconds, "differ": len(seen.differences), "lost": len(seen.lost)}


def simple(job: Job) -> dict[str, Any]:
    """Record by record, no plan and no memory of what was agreed."""
    from simple_salesforce import Salesforce

    started = time.perf_counter()
    granted = httpx.post(
        f"{job.org_url}/services/oauth2/token", data={"grant_type": "client_credentials"},
        auth=(job.org["consumer_key"], job.org["consumer_secret"]),
    ).raise_for_status()  # fmt: skip
    org = Salesforce(instance_url=job.org_url, session_id=granted.json()["access_token"], version="62.0")
    org.base_url = f"{job.org_url}/services/data/v62.0/"
    account = httpx.Client(base_url=job.account_url, headers={"Authorization": f"Bearer {job.account_token}"})
    here = _changed_leads(org, job.since)
    there = _changed_contacts(account, job.since)
    leads = org.Lead
    leads.base_url = f"{org.base_url}sobjects/Lead/"  # it says https by itself
    for row in here:
        _tell_hubspot(account, row)
    for each in there:
        leads.update(each["sf_record_id_18"], {"Title": each["jobtitle"]})
    return {"written": len(here) + len(there), "s": time.perf_counter() - started}


def _changed_leads(org: Any, since: str) -> list[dict[str, Any]]:
    return list(org.query_all(f"SELECT Id, Email, Title FROM Lead WHERE SystemModstamp >= {since}")["records"])


def _changed_contacts(account: httpx.Client, since: str) -> list[dict[str, Any]]:
    moment = datetime.strptime(since, MOMENT).replace(tzinfo=UTC)
    after, found = "0", list[dict[str, Any]]()
    asked = {"propertyName": "lastmodifieddate", "operator": "GTE", "value": str(int(moment.timestamp() * 1000))}
    while True:
        body = {
            "filterGroups": [{"filters": [asked]}],
            "properties": ["jobtitle", "sf_record_id_18"],
            "limit": 200,
            "after": after,
        }
        answer = account.post("/crm/v3/objects/contacts/search", json=body).raise_for_status().json()
        found += [raw["properties"] for raw in answer["results"]]
        if "paging" not in answer:
            return found
        after = answer["paging"]["next"]["after"]


def _tell_hubspot(account: httpx.Client, row: dict[str, Any]) -> None:
    path, by = f"/crm/v3/objects/contacts/{row['Id']}", {"idProperty": "sf_record_id_18"}
    held = account.get(path, params={**by, "properties": "jobtitle"}).raise_for_status().json()
    if held["properties"].get("jobtitle") != row["Title"]:
        changed = {"properties": {"jobtitle": row["Title"]}}
        account.patch(f"/crm/v3/objects/contacts/{held['id']}", json=changed).raise_for_status()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("contender", choices=("product", "simple"))
    parser.add_argument("--job", type=Path, required=True)
    given = parser.parse_args()
    asked = Job(**json.loads(given.job.read_text()))
    print(json.dumps({"product": product, "simple": simple}[given.contender](asked)))
