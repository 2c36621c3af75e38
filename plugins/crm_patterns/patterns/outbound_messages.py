"""
Salesforce's outbound messages: SOAP without a signature, so that a secret in the URL and the organisation prove it.

A message is a hint. What it says of values is not kept; the record is read again.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from crm_patterns.core.fingerprints import fingerprint
from crm_patterns.core.ports import InboxEvent
from crm_patterns.patterns.receiving import MOST_EVENTS, Delivery, Reason, Received, Refused

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SYSTEM = "salesforce"
KIND = "outbound message"
_ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
_OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
_OBJECT = "{urn:sobject.enterprise.soap.sforce.com}"
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_OBJECTS = frozenset({"Lead", "Contact", "Account"})
_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Z]{3})?", re.IGNORECASE)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

ACKNOWLEDGEMENT = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    "</soapenv:Body></soapenv:Envelope>"
)
"""Sent after the events are stored. Anything else makes Salesforce send the message again."""


@dataclass(frozen=True, slots=True)
class SalesforceDoor:
    """`secrets`: the URL carries any of them. `organization_id`: 15 or 18 characters."""

    secrets: tuple[str, ...]
    organization_id: str


def check_secret(given: str, door: SalesforceDoor) -> None:
    """Refused unless the URL carries the secret. Comes first: nothing of a stranger's is read."""
    if not door.secrets or not door.organization_id:
        raise Refused(
            Reason.NOT_CONFIGURED,
            "The connection of Salesforce lacks outbound_message_secret or the organisation's id.",
        )
    if not any(hmac.compare_digest(given.encode(), each.encode()) for each in door.secrets):
        raise Refused(Reason.WRONG_SECRET, "The URL does not carry the secret of this endpoint.")


def receive(delivery: Delivery, door: SalesforceDoor) -> Received:
    """The events of a message of our organisation. Refused otherwise; entities and DTDs are never expanded."""
    notifications = _notifications(delivery.body)
    organization = (notifications.findtext(f"{_OUTBOUND}OrganizationId") or "").strip()
    if organization[:15] != door.organization_id[:15]:
        raise Refused(Reason.WRONG_ORGANIZATION, "The message is of another organisation.")
    told = notifications.findall(f"{_OUTBOUND}Notification")
    if not 1 <= len(told) <= MOST_EVENTS:
        raise Refused(Reason.MALFORMED, f"The message holds {len(told)} notifications, not 1 to {MOST_EVENTS}.")
    received = Received()
    for each in told:
        found = list(_event(each, organization, delivery.received_at))
        received.events += found
        if not found:
            received.aside[Reason.UNREADABLE_EVENT if _is_unreadable(each) else Reason.OTHER_OBJECT] += 1
    return received


def case_safe(record_id: str) -> str:
    """The 18 characters of an id: the last three say which of the first 15 are capitals."""
    groups = (record_id[start : start + 5] for start in (0, 5, 10))
    marks = (sum(1 << place for place, letter in enumerate(group) if letter.isupper()) for group in groups)
    return record_id[:15] + "".join(_LETTERS[mark] for mark in marks)


def _notifications(body: bytes) -> Element:
    from defusedxml import DefusedXmlException, ElementTree

    try:
        root = ElementTree.fromstring(body, forbid_dtd=True)
    except DefusedXmlException as forbidden:
        raise Refused(Reason.FORBIDDEN_XML, "The body holds a DTD or entities.") from forbidden
    except (ElementTree.ParseError, ValueError, LookupError) as broken:
        raise Refused(Reason.MALFORMED, "The body is not XML.") from broken
    found: Element | None = root.find(f"{_ENVELOPE}Body/{_OUTBOUND}notifications")
    if root.tag != f"{_ENVELOPE}Envelope" or found is None:
        raise Refused(Reason.MALFORMED, "The body is not a SOAP envelope with notifications.")
    return found


def _event(told: Element, organization: str, received_at: datetime) -> Iterator[InboxEvent]:
    message_id, object_name, record_id = _named(told)
    if not _is_unreadable(told) and object_name in _OBJECTS:
        event_id = fingerprint([SYSTEM, organization[:15], case_safe(message_id), case_safe(record_id)])
        changed_at = _moment(told.findtext(f"{_OUTBOUND}sObject/{_OBJECT}SystemModstamp"))
        yield InboxEvent(event_id, SYSTEM, object_name, case_safe(record_id), KIND, received_at, changed_at)


def _is_unreadable(told: Element) -> bool:
    message_id, object_name, record_id = _named(told)
    return not (object_name and _ID.fullmatch(message_id) and _ID.fullmatch(record_id))


def _named(told: Element) -> tuple[str, str, str]:
    """Ids of the notification and of its record, between them the object: `sf:Lead` → `Lead`."""
    record = told.find(f"{_OUTBOUND}sObject")
    if record is None:
        return "", "", ""
    ids = [(each or "").strip() for each in (told.findtext(f"{_OUTBOUND}Id"), record.findtext(f"{_OBJECT}Id"))]
    return ids[0], record.get(_TYPE, "").rpartition(":")[2], ids[1]


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else None
