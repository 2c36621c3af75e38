"""The stand-in tells of changes as HubSpot does: signed, in arrays, again when they were not accepted."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.conformance.hubspot.hubspot_world import HubSpotWorld


class Receiver:
    """A server that keeps what it was sent and answers as told."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.received.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(outer.answers.pop(0) if outer.answers else 200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as http.server names it
                return

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks/hubspot?team=eu%40west"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def events(self) -> list[dict[str, Any]]:
        return [event for _, _, body in self.received for event in json.loads(body)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def listen(world: HubSpotWorld, receiver: Receiver, **settings: object) -> None:
    world.control("POST", "webhooks", {"target_url": receiver.url, "automatic": False, **settings})


def edit(world: HubSpotWorld, record_id: str, **values: str) -> None:
    world.control("POST", "edit", {"object": "contacts", "id": record_id, "properties": values})


def signature(secret: str, url: str, body: bytes, timestamp: str) -> str:
    text = b"POST" + url.replace("%40", "@").encode() + body + timestamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


def test_an_event_is_signed_with_the_url_as_it_is_configured(world: HubSpotWorld, receiver: Receiver) -> None:
    public = "https://crm.example.com/hooks/hubspot?team=eu%40west"
    listen(world, receiver, signed_url=public)
    [record_id] = world.people({"lastname": "Hook"})
    edit(world, record_id, city="Nice")

    world.control("POST", "webhooks/deliver")

    [(path, headers, body)] = receiver.received
    timestamp = headers["x-hubspot-request-timestamp"]
    assert path == "/hooks/hubspot?team=eu%40west"
    assert headers["x-hubspot-signature-v3"] == signature(world.credentials["client_secret"], public, body, timestamp)
    assert abs(int(timestamp) - world.now().timestamp() * 1000) < 5000
    [event] = json.loads(body)
    assert {name: event[name] for name in ("subscriptionType", "objectId", "propertyName", "propertyValue")} == {
        "subscriptionType": "contact.propertyChange", "objectId": int(record_id),
        "propertyName": "city", "propertyValue": "Nice",
    }  # fmt: skip


def test_bad_signatures_and_old_stamps_can_be_had(world: HubSpotWorld, receiver: Receiver) -> None:
    listen(world, receiver)
    [record_id] = world.people({"lastname": "Bad"})
    for city, spoiling in (("A", {"bad_signature": True}), ("B", {"age_ms": 400_000}), ("C", {"times": 2})):
        edit(world, record_id, city=city)
        world.control("POST", "webhooks/deliver", spoiling)

    secret = world.credentials["client_secret"]
    good = [
        signature(secret, receiver.url, body, headers["x-hubspot-request-timestamp"])
        == headers["x-hubspot-signature-v3"]
        for _, headers, body in receiver.received
    ]
    age_ms = world.now().timestamp() * 1000 - int(receiver.received[1][1]["x-hubspot-request-timestamp"])
    assert good == [False, True, True, True]
    assert age_ms > 300_000
    assert receiver.received[2][2] == receiver.received[3][2]


def test_it_says_who_changed_a_record(world: HubSpotWorld, receiver: Receiver) -> None:
    listen(world, receiver, types=["contact.propertyChange"])
    [record_id] = world.people({"lastname": "Who"})
    edit(world, record_id, city="Bonn")
    world.http.patch(f"/crm/v3/objects/contacts/{record_id}", json={"properties": {"city": "Kiel"}})

    world.control("POST", "webhooks/deliver")

    app_id = str(world.credentials["private_app_id"])
    assert [(event["changeSource"], event["sourceId"]) for event in receiver.events()] == [
        ("CRM_UI", "userId:4711"),
        ("INTEGRATION", app_id),
    ]


def test_what_is_there_already_is_no_event(world: HubSpotWorld, receiver: Receiver) -> None:
    listen(world, receiver)
    [record_id] = world.people({"lastname": "Same", "city": "Cork"})
    world.http.patch(f"/crm/v3/objects/contacts/{record_id}", json={"properties": {"city": "Cork"}})

    told = world.control("POST", "webhooks/deliver")

    assert told == {"deliveries": []}


def test_merges_and_erasures_are_told(world: HubSpotWorld, receiver: Receiver) -> None:
    listen(world, receiver)
    winner, loser, erased = (int(each) for each in world.people(*({"lastname": f"Told {n}"} for n in range(3))))
    world.control("POST", "merge", {"object": "contacts", "winner": str(winner), "loser": str(loser)})
    world.control("POST", "erase", {"object": "contacts", "ids": [str(erased)]})

    world.control("POST", "webhooks/deliver")

    merge, erasure = receiver.events()
    assert (merge["subscriptionType"], merge["primaryObjectId"], merge["mergedObjectIds"]) == (
        "contact.merge", winner, [loser],
    )  # fmt: skip
    assert (erasure["subscriptionType"], erasure["objectId"]) == ("contact.privacyDeletion", erased)


def test_arrays_hold_a_hundred_and_may_come_out_of_order(world: HubSpotWorld, receiver: Receiver) -> None:
    listen(world, receiver)
    [record_id] = world.people({"lastname": "Many"})
    for n in range(120):
        edit(world, record_id, seats_wanted=str(n))

    world.control("POST", "webhooks/deliver", {"shuffle": True})

    values = [int(event["propertyValue"]) for event in receiver.events()]
    assert [len(json.loads(body)) for _, _, body in receiver.received] == [100, 20]
    assert values != sorted(values)
    assert sorted(values) == list(range(120))


def test_what_is_not_accepted_comes_again_by_itself(world: HubSpotWorld, receiver: Receiver) -> None:
    receiver.answers = [500, 404]
    listen(world, receiver, automatic=True, delay_s=0.02, retry_s=0.05)
    [record_id] = world.people({"lastname": "Again"})
    edit(world, record_id, city="Gent")

    deadline = time.monotonic() + 5
    while len(receiver.received) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)

    assert [event["attemptNumber"] for event in receiver.events()] == [0, 1, 2]
    assert len({event["eventId"] for event in receiver.events()}) == 1
