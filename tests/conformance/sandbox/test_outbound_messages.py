"""The stand-in tells of changes as Salesforce does: SOAP, at least once, until it is acknowledged."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.conformance.sandbox.org_client import OrgClient

ACK = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><notificationsResponse '
    'xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>{}</Ack></notificationsResponse></s:Body></s:Envelope>'
)


class Receiver:
    """Keeps what it was sent and answers as told: a status, or whether it acknowledges."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.answers: list[int | bool] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
                answer = outer.answers.pop(0) if outer.answers else True
                self.send_response(200 if isinstance(answer, bool) else answer)
                self.end_headers()
                self.wfile.write(ACK.format(str(answer).lower()).encode())

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as http.server names it
                return

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/in?secret=x"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def told(self, tag: str) -> list[str]:
        """What the messages hold of it, in the order they came."""
        return [found for body in self.bodies for found in re.findall(rf"<{tag}>([^<]*)</{tag}>", body)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver(org: OrgClient) -> Iterator[Receiver]:
    receiver = Receiver()
    listen(org, receiver)
    yield receiver
    org.control("DELETE", "outbound")
    receiver.close()


def listen(org: OrgClient, receiver: Receiver, **settings: Any) -> None:
    org.control("POST", "outbound", {"target_url": receiver.url, "automatic": False, **settings})


def deliver(org: OrgClient, **spoiling: Any) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = org.control("POST", "outbound/deliver", spoiling)["deliveries"]
    return told


def lead(org: OrgClient, name: str) -> str:
    return org.create("Lead", LastName=name, Company="Outbound")


def test_a_change_is_told_with_the_fields_asked_for_and_no_session(org: OrgClient, receiver: Receiver) -> None:
    listen(org, receiver, fields=["LastName", "Title", "HasOptedOutOfEmail", "SystemModstamp"])
    record_id = lead(org, "Zoë & <Co>")
    org.create("Account", Name="Not asked for")

    told = deliver(org)

    assert told == [{"notifications": 1, "status": 200, "acknowledged": True}]
    [body] = receiver.bodies
    assert receiver.told("sf:Id") == [record_id]
    assert receiver.told("sf:LastName") == ["Zoë &amp; &lt;Co&gt;"]
    assert receiver.told("sf:HasOptedOutOfEmail") == ["false"]
    assert receiver.told("sf:SystemModstamp")[0].endswith(".000Z")
    assert "sf:Title" not in body
    assert '<SessionId xsi:nil="true"/>' in body
    assert 'xsi:type="sf:Lead"' in body
    assert re.fullmatch(r"04l[0-9A-Za-z]{15}", receiver.told("Id")[0])
    assert receiver.told("OrganizationId")[0].startswith("00D")


def test_a_message_holds_a_hundred_of_one_object_and_the_latest_values(org: OrgClient, receiver: Receiver) -> None:
    listen(org, receiver, fields=["LastName"])
    ids = [str(each["id"]) for each in org.call(
        "POST", "composite/sobjects",
        json={"records": [{"attributes": {"type": "Lead"}, "LastName": "Old", "Company": "C"}] * 120},
    ).json()]  # fmt: skip
    org.call("PATCH", f"sobjects/Lead/{ids[0]}", json={"LastName": "New"})
    org.create("Contact", LastName="Person")

    told = deliver(org, shuffle=True)

    assert [each["notifications"] for each in told if each["notifications"] > 1] == [100, 21]
    told_ids = receiver.told("sf:Id")
    assert [record_id for record_id in told_ids if record_id in ids] != [*ids, ids[0]]
    assert set(ids) < set(told_ids)
    assert told_ids.count(ids[0]) == 2
    assert receiver.told("sf:LastName").count("New") == 2
    assert len(set(receiver.told("Id"))) == 122


def test_what_is_rolled_back_or_left_out_is_not_told(org: OrgClient, receiver: Receiver) -> None:
    records = [{"attributes": {"type": "Lead"}, "LastName": "Half", "Company": "C"}, {"attributes": {"type": "Lead"}}]
    org.call("POST", "composite/sobjects", json={"allOrNone": True, "records": records})
    assert deliver(org) == []

    user_id = org.query("select LastModifiedById from Lead limit 1")[0]["LastModifiedById"]
    own = lead(org, "Own")
    user_id = org.row("Lead", own)["LastModifiedById"]
    deliver(org)
    listen(org, receiver, leave_out=[user_id])
    lead(org, "Own")

    assert deliver(org) == []
    assert receiver.told("sf:Id") == [own]


def test_a_message_may_come_three_times_and_from_another_org(org: OrgClient, receiver: Receiver) -> None:
    lead(org, "Thrice")

    told = deliver(org, times=3, at_once=1, organization="00Dxx0000001gPL")

    assert [each["acknowledged"] for each in told] == [True, True, True]
    assert len(set(receiver.bodies)) == 1
    assert receiver.told("OrganizationId") == ["00Dxx0000001gPLEAY"] * 3


def test_what_is_not_acknowledged_comes_again_by_itself_as_the_same_notification(
    org: OrgClient, receiver: Receiver
) -> None:
    receiver.answers = [500, False, 204]
    listen(org, receiver, automatic=True, delay_s=0.02, retry_s=0.02)
    lead(org, "Again")

    deadline = time.monotonic() + 15
    while len(receiver.bodies) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)

    assert len(receiver.bodies) == 4
    assert len(set(receiver.told("Id"))) == 1
    assert org.control("GET", "outbound")["waiting"] == []
