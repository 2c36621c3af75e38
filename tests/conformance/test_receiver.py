"""The door for webhooks over real HTTP, with the real state behind it and HubSpot's stand-in before it."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from crm_patterns.core.ports import InboxLimits, RunKey
from crm_patterns.hooks.state import StateHook
from crm_patterns.patterns.hubspot_webhooks import sign
from crm_patterns.receiver.app import create_app
from crm_patterns.receiver.places import Places
from crm_patterns.state import OperationalState
from sandbox.serving import listen, url_of
from tests.conformance.hubspot.hubspot_world import HubSpotWorld
from tests.sandbox_process import SandboxProcess
from tests.unit.patterns.test_outbound_messages import LEAD, ORGANIZATION, bomb, message, notification

EDIT = {"eventId": 7, "subscriptionType": "contact.propertyChange", "objectId": 5, "occurredAt": 1, "portalId": 1}


class Door:
    """A running receiver, its state, and the time."""

    def __init__(self, url: str, state: OperationalState, secret: str, file: Path) -> None:
        self.origin, self.url = url, f"{url}/crm/webhooks"
        self.state, self.secret, self.file = state, secret, file
        self.http = httpx.Client(timeout=60)
        self.runs = 0

    def hubspot(self, body: bytes, *, age_s: float = 0, path: str = "/hubspot?team=eu%40west", secret: str = "") -> Any:
        stamp = str(round((time.time() - age_s) * 1000))
        signature = sign(secret or self.secret, "POST", self.url + path, body, stamp)
        headers = {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": stamp}
        return self.http.post(self.url + path, content=body, headers=headers)

    def salesforce(self, body: bytes, *, secret: str = "s3cret") -> httpx.Response:
        return self.http.post(f"{self.url}/salesforce", params={"secret": secret}, content=body)

    @property
    def impatient(self) -> Door:
        """The same one, where nobody waits for the database."""
        return Door(self.origin + "/impatient", self.state, self.secret, self.file)

    def taken(self, system: str) -> list[tuple[str, str]]:
        """What a run of its own claims, and settles."""
        self.runs += 1
        run, now = RunKey("crm_marketing_sync", f"asset-{self.runs}"), datetime.now(UTC)
        claimed = self.state.claim_events(run, system, at=now, limits=InboxLimits())
        self.state.settle_events(run, at=now)
        return [(event.object_name, event.record_id) for event in claimed]

    def counted(self, endpoint: str) -> Counter[str]:
        since = datetime.now(UTC) - timedelta(days=1)
        kept = [each for each in self.state.refusals(since=since) if each.endpoint == endpoint]
        return Counter({each.reason: each.count for each in kept})

    def counted_by_now(self, endpoint: str) -> Counter[str]:
        """Once nothing is added any more: counts are written half a second later."""
        before, now = None, self.counted(endpoint)
        while before != now:
            time.sleep(0.7)
            before, now = now, self.counted(endpoint)
        return now

    def grown(self, endpoint: str, before: Counter[str], wanted: dict[str, int]) -> dict[str, int]:
        """By how much the counts of the wanted reasons have grown, as soon as it is that much, or after ten seconds."""
        give_up = time.monotonic() + 10
        while True:
            now = self.counted(endpoint)
            grown = {reason: now[reason] - before[reason] for reason in wanted}
            if grown == wanted or time.monotonic() > give_up:
                return grown
            time.sleep(0.1)


@pytest.fixture(scope="module")
def hubspot() -> Iterator[HubSpotWorld]:
    with SandboxProcess("hubspot", size=5) as process:
        yield HubSpotWorld(process)


@pytest.fixture(scope="module")
def door(hubspot: HubSpotWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    file, secret = tmp_path_factory.mktemp("state") / "state.db", hubspot.credentials["client_secret"]
    connections = {
        "crm_state": {"conn_type": "sqlite", "host": str(file)},
        "hubspot_default": {"conn_type": "hubspot", "extra": {"webhook_secret": secret}},
        "salesforce_default": {
            "conn_type": "salesforce",
            "extra": {"outbound_message_secret": "s3cret", "outbound_message_organization_id": ORGANIZATION},
        },
    }
    listener = listen("127.0.0.1", 0)
    airflow = FastAPI()  # as Airflow mounts a plugin's app
    airflow.mount("/crm/webhooks", create_app(Places(kept_s=0, patience_s=30)))
    airflow.mount("/impatient/crm/webhooks", create_app(Places(kept_s=0, patience_s=0.1)))
    server = uvicorn.Server(uvicorn.Config(airflow, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listener],))
    with pytest.MonkeyPatch.context() as patch:
        for name, connection in connections.items():
            patch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))
        thread.start()
        state = StateHook().state()
        state.prepare()
        yield Door(url_of(listener), state, secret, file)
        server.should_exit = True
        thread.join(10)
        state.close()


def test_what_hubspot_sends_by_itself_is_in_the_inbox_once(door: Door, hubspot: HubSpotWorld) -> None:
    target = f"{door.url}/hubspot?team=eu%40west"
    hubspot.control("POST", "webhooks", {"target_url": target, "automatic": False})
    people = hubspot.people({"lastname": "One"}, {"lastname": "Two"})
    for each in people:
        hubspot.control("POST", "edit", {"object": "contacts", "id": each, "properties": {"city": "Nice"}})

    told = hubspot.control("POST", "webhooks/deliver", {"times": 3, "shuffle": True})["deliveries"]

    assert [each["status"] for each in told] == [200, 200, 200]
    assert sorted(door.taken("hubspot")) == [("contacts", each) for each in sorted(people)]


def test_spoiled_deliveries_of_hubspot_are_refused_counted_and_come_again(door: Door, hubspot: HubSpotWorld) -> None:
    hubspot.control("POST", "webhooks", {"target_url": f"{door.url}/hubspot", "automatic": False})
    [record_id] = hubspot.people({"lastname": "Spoiled"})
    hubspot.control("POST", "edit", {"object": "contacts", "id": record_id, "properties": {"city": "Gent"}})
    before = door.counted_by_now("hubspot")

    spoilings = [{"bad_signature": True}, {"age_ms": 400_000}, {"age_ms": -400_000}, {}]
    told = [hubspot.control("POST", "webhooks/deliver", each)["deliveries"][0]["status"] for each in spoilings]

    assert told == [401, 401, 401, 200]
    assert door.taken("hubspot") == [("contacts", record_id)]
    wanted = {"bad_signature": 1, "old_timestamp": 2}
    assert door.grown("hubspot", before, wanted) == wanted


def test_many_copies_at_once_are_one_event(door: Door) -> None:
    body = json.dumps([{**EDIT, "objectId": 50 + n} for n in range(20)]).encode()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: door.hubspot(body), range(16)))

    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["new"] for answer in answers) == 20
    assert len(door.taken("hubspot")) == 20


def test_requests_that_are_not_right_get_a_status_a_reason_and_no_trace(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    before = door.counted_by_now("hubspot")
    large = b"[" + b" " * (8 * 1024 * 1024) + b"]"

    answers = [
        door.http.post(f"{door.url}/hubspot", content=b"[]"),
        door.hubspot(b"[]", secret="other"),
        door.hubspot(b"{"),
        door.hubspot(large),
        door.http.post(f"{door.url}/hubspot", content=iter([large])),
        door.http.get(f"{door.url}/hubspot"),
        door.http.post(f"{door.url}/elsewhere"),
    ]

    told = [(answer.status_code, answer.json()["error"]) for answer in answers]
    assert told == [
        (401, "no_signature"), (401, "bad_signature"), (400, "malformed"), (413, "too_large"), (413, "too_large"),
        (405, "wrong_method"), (404, "not_found"),
    ]  # fmt: skip
    assert all(answer.json()["message"] and door.secret not in answer.text for answer in answers)
    wanted = {"no_signature": 1, "bad_signature": 1, "malformed": 1, "too_large": 2, "wrong_method": 1}
    assert door.grown("hubspot", before, wanted) == wanted
    assert [record for record in caplog.records if record.exc_info] == []


def test_salesforce_is_acknowledged_when_its_message_is_kept(door: Door) -> None:
    answers = [door.salesforce(message(notification(n), notification(n + 1))) for n in (1, 2, 1)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert all("<Ack>true</Ack>" in answer.text and "text/xml" in answer.headers["content-type"] for answer in answers)
    assert door.taken("salesforce") == [("Lead", LEAD)] * 3


def test_what_salesforce_sends_is_in_the_inbox_once(door: Door) -> None:
    with SandboxProcess(size=5, only="Lead") as process, process.client() as org:
        target = f"{door.url}/salesforce?secret=s3cret"
        process.control("POST", "outbound", {"target_url": target, "automatic": False, "fields": ["Id", "LastName"]})
        url = "/services/data/v62.0/sobjects/Lead"
        ids = [org.post(url, json={"LastName": str(n), "Company": "C"}).json()["id"] for n in range(3)]

        foreign = process.control("POST", "outbound/deliver")["deliveries"]
        told = process.control(
            "POST", "outbound/deliver", {"times": 3, "at_once": 2, "shuffle": True, "organization": ORGANIZATION}
        )["deliveries"]

    assert [(each["status"], each["acknowledged"]) for each in foreign] == [(403, False)]
    assert [each["acknowledged"] for each in told] == [True] * 6
    assert sorted(door.taken("salesforce")) == [("Lead", each) for each in sorted(ids)]


def test_salesforce_is_refused_as_soap_tells_it_and_counted(door: Door) -> None:
    before = door.counted_by_now("salesforce")
    good = message(notification())
    answers = [
        door.salesforce(good, secret="s3creT"),
        door.salesforce(message(notification(), organization="00Dxx0000001gPM")),
        door.salesforce(message(notification(), start=bomb())),
        door.salesforce(b"<a>"),
    ]

    assert [answer.status_code for answer in answers] == [401, 403, 400, 400]
    assert all("<faultstring>" in answer.text and "Ack" not in answer.text for answer in answers)
    wanted = dict.fromkeys(("wrong_secret", "wrong_organization", "forbidden_xml", "malformed"), 1)
    assert door.grown("salesforce", before, wanted) == wanted
    assert door.taken("salesforce") == []


def test_nothing_is_acknowledged_that_could_not_be_kept(door: Door) -> None:
    impatient = door.impatient
    assert impatient.hubspot(b"[]").status_code == 200
    lock = sqlite3.connect(door.file, isolation_level=None, timeout=30)
    lock.execute("begin immediate")
    told, acknowledged = impatient.hubspot(json.dumps([EDIT]).encode()), impatient.salesforce(message(notification(70)))
    lock.execute("rollback")
    lock.close()

    assert (told.status_code, told.json()["error"], told.headers["retry-after"]) == (503, "state_unavailable", "30")
    assert (acknowledged.status_code, "Ack" in acknowledged.text) == (503, False)
    assert door.hubspot(json.dumps([EDIT]).encode()).json() == {"new": 1}
    assert (door.taken("hubspot"), door.taken("salesforce")) == ([("contacts", "5")], [])


def test_without_a_secret_nothing_is_taken(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_DEFAULT", '{"conn_type": "hubspot", "password": "pat-1"}')
    monkeypatch.delenv("AIRFLOW_CONN_SALESFORCE_DEFAULT")

    answers = [door.hubspot(b"[]"), door.salesforce(message(notification(80)))]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert "webhook_secret" in answers[0].text
    assert "outbound_message_secret" in answers[1].text
