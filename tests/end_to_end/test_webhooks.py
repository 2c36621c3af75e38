"""A change that HubSpot or Salesforce tells of is in the other system within seconds, through the real stack."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import yaml

from stack.connections import stack_connections
from stack.demo import start_run, wait_until_known
from stack.installation import API_SERVER, HUBSPOT, SALESFORCE
from tests.end_to_end.real_stack import ENDED, QUICK, ROOT, RealStack, real_stack, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
log = logging.getLogger(__name__)
SYNC = "crm_marketing_sync"
SECONDS = 45  # on a busy machine of two cores; what it takes is logged
UNASKED = {"records": None, "share": None, "deletes": None, "blanks": None}


class Listening:
    """The stack after its first sync, and both stand-ins telling it of changes."""

    def __init__(self, stack: RealStack) -> None:
        self.stack = stack
        self.airflow = stack.airflow
        self.receiver = f"{stack.installation.url(API_SERVER)}/crm/webhooks"
        connection = stack_connections(stack.installation)["hubspot_default"]
        bearer = {"Authorization": f"Bearer {connection['password']}"}
        self.hubspot = httpx.Client(base_url=stack.installation.url(HUBSPOT), headers=bearer, timeout=30)
        extra = stack_connections(stack.installation)["salesforce_default"]["extra"]
        self.secret = extra["outbound_message_secret"]
        self.org = httpx.Client(base_url=stack.installation.url(SALESFORCE), timeout=30)
        pair = (extra["consumer_key"], extra["consumer_secret"])
        granted = self.org.post("/services/oauth2/token", data={"grant_type": "client_credentials"}, auth=pair)
        self.org.headers["Authorization"] = f"Bearer {granted.raise_for_status().json()['access_token']}"

    def listen(self) -> None:
        targets = {"webhooks": f"{self.receiver}/hubspot"}
        self.hubspot.post("/__sandbox__/webhooks", json={"target_url": targets["webhooks"]}).raise_for_status()
        url = f"{self.receiver}/salesforce?secret={self.secret}"
        self.org.post("/__sandbox__/outbound", json={"target_url": url, "objects": ["Lead"]}).raise_for_status()

    def create_lead(self, **values: Any) -> str:
        answer = self.org.post(
            "/services/data/v62.0/sobjects/Lead", json={"Company": "Webhooks", "LeadSource": "Web", **values}
        )
        return str(answer.raise_for_status().json()["id"])

    def lead(self, record_id: str) -> dict[str, Any]:
        answer = self.org.get(f"/services/data/v62.0/sobjects/Lead/{record_id}")
        return dict(answer.raise_for_status().json())

    def contact(self, email: str) -> dict[str, Any] | None:
        known = "sf_record_id_18,jobtitle,firstname,email"
        answer = self.hubspot.get(
            f"/crm/v3/objects/contacts/{email}", params={"idProperty": "email", "properties": known}
        )
        return None if answer.status_code == 404 else dict(answer.raise_for_status().json())

    def runs(self) -> list[dict[str, Any]]:
        """Runs that events have started, oldest first."""
        found = self.airflow.every(f"/dags/{SYNC}/dagRuns", "dag_runs", run_type="asset_triggered")
        return sorted(found, key=lambda run: str(run["queued_at"]))

    def settled(self) -> list[dict[str, Any]]:
        """The same once all of them have ended."""
        until(lambda: all(run["state"] in ENDED for run in self.runs()), 120, "the runs to end")
        return self.runs()

    def xcom(self, run_id: str, task_id: str) -> dict[str, Any]:
        path = f"/dags/{SYNC}/dagRuns/{quote(run_id)}/taskInstances/{task_id}/xcomEntries/return_value"
        found = self.airflow.find(path, deserialize=True)
        assert found is not None, (run_id, task_id)
        return dict(found["value"])


def took(what: str, is_so: Callable[[], Any]) -> None:
    begun = time.monotonic()
    until(is_so, SECONDS, what)
    log.info("%s: %.1f s", what, time.monotonic() - begun)


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    folder = tmp_path_factory.mktemp("webhooks")
    shutil.copytree(ROOT / "include", folder / "include")
    file = folder / "include" / "config" / "marketing_sync.yaml"
    settings: dict[str, Any] = yaml.safe_load(file.read_text())
    settings |= {"schedule": "0 3 * * *", "gate": UNASKED}
    settings["platforms"] = [each for each in settings["platforms"] if each["name"] == "hubspot"]
    file.write_text(yaml.safe_dump(settings))
    more = {**QUICK, "CRM_PATTERNS_INCLUDE": str(folder / "include"), "CRM_SANDBOX_SIZE": "20"}
    with real_stack(folder / "stack", more) as stack:
        wait_until_known(stack.airflow, SYNC)
        first = start_run(stack.airflow, SYNC, print)
        path = f"/dags/{SYNC}/dagRuns/{quote(first)}"
        until(lambda: (stack.airflow.find(path) or {})["state"] in ENDED, 300, "the first run")
        tasks = stack.airflow.every(f"{path}/taskInstances", "task_instances")
        assert (stack.airflow.find(path) or {})["state"] == "success", {t["task_id"]: t["state"] for t in tasks}
        listening = Listening(stack)
        listening.listen()
        yield listening


def test_a_new_lead_is_in_hubspot_within_seconds_and_no_other_record_was_looked_at(listening: Listening) -> None:
    email = "near.real.time@example.com"
    lead = listening.create_lead(LastName="Time", FirstName="Near", Email=email)

    took("a lead to be a contact", lambda: listening.contact(email))

    runs = listening.settled()
    contact = listening.contact(email)
    assert contact is not None
    assert contact["properties"]["sf_record_id_18"] == lead
    assert [run["state"] for run in runs] == ["success"] * len(runs)
    planned = listening.xcom(runs[0]["dag_run_id"], "hubspot.hubspot_people.plan")
    assert (planned["read_left"], planned["writes"], planned["windows"]) == (1, 1, {})


def test_an_edit_in_hubspot_told_three_times_is_one_change_and_its_echo_none(listening: Listening) -> None:
    email = "edited.at.hubspot@example.com"
    listening.create_lead(LastName="Edited", Email=email)
    until(lambda: listening.contact(email), SECONDS, "the contact")
    listening.settled()
    before = len(listening.runs())
    contact = listening.contact(email)
    assert contact is not None
    lead = contact["properties"]["sf_record_id_18"]

    listening.hubspot.post("/__sandbox__/webhooks", json={"automatic": False}).raise_for_status()
    edit = {"object": "contacts", "id": contact["id"], "properties": {"phone": "+1 415 555 0100"}}
    listening.hubspot.post("/__sandbox__/edit", json=edit).raise_for_status()
    told = listening.hubspot.post("/__sandbox__/webhooks/deliver", json={"times": 3}).raise_for_status().json()
    listening.hubspot.post("/__sandbox__/webhooks", json={"automatic": True}).raise_for_status()
    took("an edit in HubSpot to be in Salesforce", lambda: listening.lead(lead)["Phone"])

    time.sleep(5)  # what we have written is told back by both systems; it must not go round
    runs = listening.settled()[before:]
    plans = [
        listening.xcom(run["dag_run_id"], "hubspot.hubspot_people.plan") for run in runs if is_about(listening, run)
    ]
    assert [each["status"] for each in told["deliveries"]] == [200, 200, 200]
    assert listening.lead(lead)["Phone"] == "+14155550100"
    assert sum(plan["writes"] for plan in plans) == 1
    assert len(runs) <= 3


def is_about(listening: Listening, run: dict[str, Any]) -> bool:
    """Whether a run of events found any left for it."""
    path = f"/dags/{SYNC}/dagRuns/{quote(run['dag_run_id'])}/taskInstances/hubspot.hubspot_people.plan"
    return bool((listening.airflow.find(path) or {})["state"] == "success")


def test_the_schedule_still_has_intervals_and_can_be_backfilled(listening: Listening) -> None:
    days = {"from_date": "2026-02-01T03:00:00Z", "to_date": "2026-02-02T03:00:00Z"}
    asked = {"dag_id": SYNC, **days, "max_active_runs": 1}

    would = listening.airflow.http.post("/api/v2/backfills/dry_run", json=asked)
    scheduled = next(listening.airflow.every(f"/dags/{SYNC}/dagRuns", "dag_runs", run_type="scheduled"))

    assert would.raise_for_status().json()["total_entries"] == 2
    assert scheduled["data_interval_start"] < scheduled["data_interval_end"]
    assert {run["data_interval_start"] for run in listening.runs()} == {None}


def test_a_person_who_is_signed_in_sees_what_was_refused(listening: Listening) -> None:
    answers = [httpx.post(f"{listening.receiver}/{name}", content=b"[]") for name in ("hubspot", "salesforce")]
    time.sleep(1)

    page = listening.airflow.http.get("/crm/inbox")
    stranger = httpx.get(f"{listening.stack.installation.url(API_SERVER)}/crm/inbox")

    assert [answer.status_code for answer in answers] == [401, 401]
    assert stranger.status_code == 401
    counted = {(each["endpoint"], each["reason"]): each["count"] for each in page.raise_for_status().json()["refusals"]}
    assert counted["hubspot", "no_signature"] == 1
    assert counted["salesforce", "wrong_secret"] == 1


def test_the_secret_of_the_url_is_in_no_log(listening: Listening) -> None:
    logs = listening.stack.installation.home.logs.rglob("*.log")

    assert [str(log) for log in logs if listening.secret in log.read_text(errors="replace")] == []
