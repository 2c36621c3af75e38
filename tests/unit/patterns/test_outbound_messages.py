"""Who may tell us of Salesforce's changes, and what is kept of what they say."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from crm_patterns.patterns.outbound_messages import SalesforceDoor, case_safe, check_secret, receive
from crm_patterns.patterns.receiving import Delivery, Reason, Received, Refused

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORGANIZATION = "00Dxx0000001gPLEAY"
DOOR = SalesforceDoor(("s3cret",), ORGANIZATION)
LEAD = "00Qxx0000001gPLEAY"
START = '<?xml version="1.0" encoding="UTF-8"?>'


def notification(number: int = 1, *, record: str = LEAD, kind: str = "sf:Lead", more: str = "") -> str:
    return (
        f"<Notification><Id>04lxx{number:010d}AAA</Id>"
        f"<sObject xsi:type='{kind}'><sf:Id>{record}</sf:Id>{more}</sObject></Notification>"
    )


def message(*notifications: str, organization: str = ORGANIZATION, start: str = START) -> bytes:
    text = (
        f'{start}<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound" '
        'xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
        f"<OrganizationId>{organization}</OrganizationId><ActionId>04kxx</ActionId><SessionId xsi:nil='true'/>"
        f"{''.join(notifications)}</notifications></soapenv:Body></soapenv:Envelope>"
    )
    return text.encode()


def told(body: bytes) -> Received:
    return receive(Delivery("POST", "http://x/", {}, body, NOW), DOOR)


def refusal(body: bytes) -> tuple[Reason, int]:
    with pytest.raises(Refused) as refused:
        told(body)
    return refused.value.reason, refused.value.status


def test_a_notification_becomes_a_hint_without_values() -> None:
    more = "<sf:LastName>Meier</sf:LastName><sf:SystemModstamp>2026-03-01T11:59:58.000Z</sf:SystemModstamp>"

    [event] = told(message(notification(more=more))).events

    assert (event.system, event.object_name, event.record_id) == ("salesforce", "Lead", LEAD)
    assert event.occurred_at == datetime(2026, 3, 1, 11, 59, 58, tzinfo=UTC)
    assert "Meier" not in repr(event)


def test_a_message_sent_again_is_the_same_event_whatever_it_holds_by_now() -> None:
    first = told(message(notification(1), notification(2))).events
    again = told(message(notification(2, more="<sf:LastName>New</sf:LastName>"), notification(3))).events

    assert len({event.event_id for event in [*first, *again]}) == 3
    assert first[1].event_id == again[0].event_id


@pytest.mark.parametrize(
    ("short", "full"), [("00Qxx0000001gPL", "00Qxx0000001gPLEAY"), ("001d000000Abcde", "001d000000AbcdeAAB")]
)
def test_ids_of_15_characters_are_made_case_safe(short: str, full: str) -> None:
    [event] = told(message(notification(record=short), organization=ORGANIZATION[:15])).events

    assert case_safe(short) == full == event.record_id


def test_the_secret_in_the_url_comes_first() -> None:
    check_secret("s3cret", DOOR)
    check_secret("old", replace(DOOR, secrets=("s3cret", "old")))
    for given, door, reason in [
        ("", DOOR, Reason.WRONG_SECRET),
        ("s3creT", DOOR, Reason.WRONG_SECRET),
        ("s3cret", replace(DOOR, secrets=()), Reason.NOT_CONFIGURED),
        ("s3cret", replace(DOOR, organization_id=""), Reason.NOT_CONFIGURED),
    ]:
        with pytest.raises(Refused) as refused:
            check_secret(given, door)
        assert refused.value.reason is reason


def test_a_message_of_another_organisation_is_refused() -> None:
    for other in ("00Dxx0000001gPM", "", "00dxx0000001gPLEAY"):
        assert refusal(message(notification(), organization=other)) == (Reason.WRONG_ORGANIZATION, 403)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"text", b"<a>", b"<a/>", b"\xff\xfe<", message()[:-20], message(),
        message(*[notification(n) for n in range(101)]),
        b"<?xml version='1.0' encoding='x-unknown'?><a/>", b"<Envelope><Body><notifications/></Body></Envelope>",
        b"<a>" * 50_000,
    ],
)  # fmt: skip
def test_what_is_no_message_of_1_to_100_notifications_is_malformed(body: bytes) -> None:
    assert refusal(body) == (Reason.MALFORMED, 400)


def bomb() -> str:
    entities = ["<!ENTITY a0 'ha'>"] + [f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10)]
    return f"<!DOCTYPE x [{''.join(entities)}]>"


@pytest.mark.parametrize(
    "dtd",
    [
        bomb(),
        "<!DOCTYPE x [<!ENTITY a9 SYSTEM 'file:///etc/passwd'>]>",
        "<!DOCTYPE x [<!ENTITY % p SYSTEM 'http://127.0.0.1:1/x'> %p;]>",
        "<!DOCTYPE x SYSTEM 'http://127.0.0.1:1/x.dtd'>",
        "<!DOCTYPE x>",
    ],
)
def test_no_dtd_is_read_and_no_entity_expanded(dtd: str) -> None:
    begun = time.monotonic()

    assert refusal(message(notification(record="&a9;"), start=START + dtd)) == (Reason.FORBIDDEN_XML, 400)
    assert time.monotonic() - begun < 1


def test_a_deep_tree_does_no_harm() -> None:
    deep = "<b>" * 50_000 + "</b>" * 50_000

    assert len(told(message(notification(more=deep))).events) == 1


def test_other_objects_and_unreadable_notifications_are_left_aside_and_counted() -> None:
    received = told(
        message(
            notification(1),
            notification(2, kind="sf:Opportunity"),
            notification(3, record="not an id"),
            notification(4, kind=""),
            "<Notification/>",
            notification(5, kind="sf:Contact", record="003xx0000001gPLEAY"),
        )
    )

    assert [event.object_name for event in received.events] == ["Lead", "Contact"]
    assert received.aside == Counter({Reason.UNREADABLE_EVENT: 3, Reason.OTHER_OBJECT: 1})
