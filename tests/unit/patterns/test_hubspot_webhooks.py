"""Who may tell us of HubSpot's changes, and what is kept of what they say."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crm_patterns.patterns.hubspot_webhooks import HubSpotDoor, receive, sign, signed_url, verify
from crm_patterns.patterns.receiving import Delivery, Reason, Received, Refused

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
URL = "https://www.example.com/webhook_uri"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOOR = HubSpotDoor((SECRET,))
EDIT = {
    "eventId": 7, "portalId": 62515, "appId": 1, "occurredAt": 1772366390000, "objectId": 123,
    "subscriptionType": "contact.propertyChange", "propertyName": "city", "propertyValue": "Nice",
    "changeSource": "CRM_UI", "sourceId": "userId:1",
    "attemptNumber": 0,
}  # fmt: skip


def signed(body: bytes, *, at: datetime = NOW, url: str = URL, signed_as: str = "", secret: str = SECRET) -> Delivery:
    stamp = str(round(at.timestamp() * 1000))
    signature = sign(secret, "POST", signed_as or url, body, stamp)
    headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": stamp}
    return Delivery("POST", url, headers, body, NOW)


def told(*events: Any, door: HubSpotDoor = DOOR) -> Received:
    return receive(signed(json.dumps(list(events)).encode()), door)


def refusal(delivery: Delivery, door: HubSpotDoor = DOOR) -> tuple[Reason, int]:
    with pytest.raises(Refused) as refused:
        receive(delivery, door)
    assert SECRET not in str(refused.value)
    return refused.value.reason, refused.value.status


@pytest.mark.parametrize(
    ("stamp", "signature"),
    [
        ("1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
        ("1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="),
    ],
)
def test_signatures_are_those_of_hubspots_own_test_vectors(stamp: str, signature: str) -> None:
    body = b"{'example_field':'example_value'}"
    headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": stamp}
    at = datetime.fromtimestamp(int(stamp) / 1000, UTC)

    verify(Delivery("POST", URL, headers, body, at), DOOR)

    for wrong in (replace(DOOR, secrets=("other",)), DOOR):
        changed = body if wrong is not DOOR else body + b" "
        with pytest.raises(Refused):
            verify(Delivery("POST", URL, headers, changed, at), wrong)


def test_only_some_escapes_of_the_url_are_undone_before_signing() -> None:
    def signature(url: str) -> str:
        return sign(SECRET, "post", url, b"[]", "1")

    assert signature("https://a.io/x?m=a%40b%3a%2C&z=%25%20") == signature("https://a.io/x?m=a@b:,&z=%25%20")
    assert signature("https://a.io/x?m=%25") != signature("https://a.io/x?m=%")


@pytest.mark.parametrize(
    ("public_url", "signed_as"),
    [
        ("", "http://10.0.0.7:8080/crm/webhooks/hubspot?team=eu%40west"),
        ("https://crm.example.com", "https://crm.example.com/crm/webhooks/hubspot?team=eu%40west"),
        ("https://crm.example.com/", "https://crm.example.com/crm/webhooks/hubspot?team=eu%40west"),
        ("https://crm.example.com/in/hub?k=1", "https://crm.example.com/in/hub?k=1"),
    ],
)
def test_behind_a_proxy_the_url_is_the_one_that_hubspot_knows(public_url: str, signed_as: str) -> None:
    arrived = "http://10.0.0.7:8080/crm/webhooks/hubspot?team=eu%40west"

    assert signed_url(arrived, public_url) == signed_as
    receive(signed(b"[]", url=arrived, signed_as=signed_as), replace(DOOR, public_url=public_url))


def test_either_of_two_secrets_is_good_while_one_is_replaced() -> None:
    receive(signed(b"[]", secret="old"), replace(DOOR, secrets=("new", "old")))


@pytest.mark.parametrize(("minutes", "is_taken"), [(-5, True), (-5.01, False), (5, True), (5.01, False), (-60, False)])
def test_a_request_is_good_for_five_minutes(minutes: float, is_taken: bool) -> None:
    delivery = signed(b"[]", at=NOW + timedelta(minutes=minutes))

    if is_taken:
        assert receive(delivery, DOOR) == Received()
    else:
        assert refusal(delivery) == (Reason.OLD_TIMESTAMP, 401)


def test_what_is_not_signed_by_this_app_is_refused_with_its_reason() -> None:
    good = signed(b"[]")
    old_style = {"x-hubspot-signature": "00", "x-hubspot-signature-version": "v1"}

    assert refusal(good, replace(DOOR, secrets=())) == (Reason.NOT_CONFIGURED, 503)
    assert refusal(replace(good, headers=old_style)) == (Reason.NO_SIGNATURE, 401)
    for stamp in ("", "soon", "1" * 17, "-1", "1.5"):
        headers = {**good.headers, "x-hubspot-request-timestamp": stamp}
        assert refusal(replace(good, headers=headers)) == (Reason.BAD_TIMESTAMP, 401)
    for change in ({"body": b"[ ]"}, {"url": f"{URL}?"}, {"method": "PUT"}):
        assert refusal(replace(good, **change)) == (Reason.BAD_SIGNATURE, 401)
    for signature in ("", "é", "A" * 44, good.headers["x-hubspot-signature-v3"] + "="):
        headers = {**good.headers, "x-hubspot-signature-v3": signature or "-"}
        assert refusal(replace(good, headers=headers)) == (Reason.BAD_SIGNATURE, 401)


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b"{", b"{}", b"null", b"[" * 100_000, b"[" + b"9" * 5000, json.dumps([EDIT] * 101).encode()],
)  # fmt: skip
def test_a_body_that_is_no_array_of_events_is_malformed(body: bytes) -> None:
    assert refusal(signed(body)) == (Reason.MALFORMED, 400)


def test_an_event_becomes_a_hint_without_values() -> None:
    [event] = told(EDIT).events

    assert (event.system, event.object_name, event.record_id) == ("hubspot", "contacts", "123")
    assert (event.kind, event.received_at) == ("contact.propertyChange", NOW)
    assert event.occurred_at == datetime(2026, 3, 1, 11, 59, 50, tzinfo=UTC)
    assert "Nice" not in repr(event)


def test_a_delivery_again_is_the_same_event_and_another_change_is_not() -> None:
    [first, again] = [told({**EDIT, "attemptNumber": n}).events[0].event_id for n in (0, 3)]
    others = [
        told({**EDIT, name: value}).events[0].event_id
        for name, value in [("propertyValue", "Cork"), ("occurredAt", 1), ("objectId", 124), ("eventId", 8)]
    ]

    assert first == again
    assert len({first, *others}) == 5


def test_merges_associations_and_generic_objects_name_their_records() -> None:
    merge = {"subscriptionType": "contact.merge", "objectId": 1, "primaryObjectId": 1, "mergedObjectIds": [2, 3]}
    link = {"subscriptionType": "contact.associationChange", "fromObjectId": 5, "toObjectId": 9}
    company = {"subscriptionType": "object.creation", "objectTypeId": "0-2", "objectId": 6}

    received = told(merge, link, company)

    assert [(e.object_name, e.record_id) for e in received.events] == [
        ("contacts", "1"), ("contacts", "2"), ("contacts", "3"), ("contacts", "5"), ("companies", "6"),
    ]  # fmt: skip


def test_what_does_not_concern_us_is_left_aside_and_counted() -> None:
    door = HubSpotDoor((SECRET,), portal_id="62515", app_id="77")
    ours = {**EDIT, "changeSource": "INTEGRATION", "sourceId": "77"}
    events = [
        EDIT, ours, {**ours, "sourceId": "78"}, {**EDIT, "portalId": 1}, {**EDIT, "subscriptionType": "deal.creation"},
        {**EDIT, "objectId": "x' or 1"}, {**EDIT, "objectId": None}, "text", 5, None, {**EDIT, "subscriptionType": 5},
        {**EDIT, "subscriptionType": "contact.\ud800"},
    ]  # fmt: skip

    received = told(*events, door=door)

    assert len(received.events) == 2
    assert received.aside == Counter({
        Reason.OWN_CHANGE: 1, Reason.OTHER_ACCOUNT: 1, Reason.OTHER_OBJECT: 1, Reason.UNREADABLE_EVENT: 7,
    })  # fmt: skip


def test_odd_values_do_not_matter() -> None:
    odd = {**EDIT, "propertyValue": "\ud800", "occurredAt": 10**30, "eventId": [1]}

    assert [event.occurred_at for event in told(odd, {**EDIT, "occurredAt": "soon"}).events] == [None, None]
