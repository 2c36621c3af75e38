"""
HubSpot's webhooks: the v3 signature, and JSON arrays of events.

An event is a hint. What it says of values is not kept; the record is read again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from crm_patterns.core.fingerprints import fingerprint
from crm_patterns.core.ports import InboxEvent
from crm_patterns.patterns.receiving import MOST_EVENTS, Delivery, Reason, Received, Refused

SYSTEM = "hubspot"
REPLAY_WINDOW = timedelta(minutes=5)
"""How far a request's time may be from ours, in both directions."""

_DECODED = {
    "%3a": ":", "%2f": "/", "%3f": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")",
    "%2a": "*", "%2c": ",", "%3b": ";",
}  # fmt: skip
"""The escapes that HubSpot undoes before it signs a URL, and no others."""

_OBJECTS = {"contact": "contacts", "company": "companies", "0-1": "contacts", "0-2": "companies"}
_SAME_EVENT = ("portalId", "subscriptionType", "objectId", "propertyName", "propertyValue", "eventId", "occurredAt")
_ID = re.compile(r"[0-9]{1,20}")
_KIND = re.compile(r"[A-Za-z_]{1,50}\.[A-Za-z_]{1,50}")


@dataclass(frozen=True, slots=True)
class HubSpotDoor:
    """
    `secrets`: any of them may have signed. `public_url`: where HubSpot sends to, as it is entered there; only its
    origin where path and query are as they arrive; empty where all of it is. `portal_id`, `app_id`: the account that
    is listened to, and the app whose changes are our own; empty: every account, no app.
    """

    secrets: tuple[str, ...]
    public_url: str = ""
    portal_id: str = ""
    app_id: str = ""


def receive(delivery: Delivery, door: HubSpotDoor) -> Received:
    """The events of a request that HubSpot has signed within the window. Refused otherwise."""
    verify(delivery, door)
    return _read(delivery, door)


def verify(delivery: Delivery, door: HubSpotDoor) -> None:
    """Refused unless the v3 signature is right and the request is of now. Older signatures are not looked at."""
    if not door.secrets:
        raise Refused(Reason.NOT_CONFIGURED, "The connection of HubSpot holds no webhook_secret.")
    given = delivery.headers.get("x-hubspot-signature-v3", "")
    stamp = delivery.headers.get("x-hubspot-request-timestamp", "")
    if not given:
        raise Refused(Reason.NO_SIGNATURE, "The header X-HubSpot-Signature-v3 is missing.")
    if not re.fullmatch(r"[0-9]{1,16}", stamp):
        raise Refused(Reason.BAD_TIMESTAMP, "X-HubSpot-Request-Timestamp is not a number of milliseconds.")
    if abs(delivery.received_at.timestamp() * 1000 - int(stamp)) > REPLAY_WINDOW.total_seconds() * 1000:
        raise Refused(Reason.OLD_TIMESTAMP, "X-HubSpot-Request-Timestamp is more than five minutes from now.")
    url = signed_url(delivery.url, door.public_url)
    expected = [sign(secret, delivery.method, url, delivery.body, stamp) for secret in door.secrets]
    if not any(hmac.compare_digest(given.encode(), each.encode()) for each in expected):
        raise Refused(Reason.BAD_SIGNATURE, "The signature is not that of this app for this URL and body.")


def sign(secret: str, method: str, url: str, body: bytes, stamp: str) -> str:
    """The v3 signature: base64 of HMAC-SHA256 over method, URL, body and timestamp."""
    plain = re.sub(r"%[0-9A-Fa-f]{2}", lambda found: _DECODED.get(found[0].lower(), found[0]), url)
    source = method.upper().encode() + plain.encode() + body + stamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), source, hashlib.sha256).digest()).decode()


def signed_url(arrived: str, public_url: str) -> str:
    """The URL that HubSpot knows, for a request that may have come through a proxy."""
    known = urlsplit(public_url)
    if not known.netloc:
        return arrived
    if known.path.strip("/"):
        return public_url
    there = urlsplit(arrived)
    return there._replace(scheme=known.scheme, netloc=known.netloc).geturl()


def _read(delivery: Delivery, door: HubSpotDoor) -> Received:
    try:
        told = json.loads(delivery.body)
    except (ValueError, RecursionError) as broken:
        raise Refused(Reason.MALFORMED, "The body is not JSON.") from broken
    if not isinstance(told, list):
        raise Refused(Reason.MALFORMED, "The body is not a JSON array of events.")
    if len(told) > MOST_EVENTS:
        raise Refused(Reason.MALFORMED, f"The body holds {len(told)} events; HubSpot sends at most {MOST_EVENTS}.")
    received = Received()
    for each in told:
        reason = _why_aside(each, door)
        if reason is None:
            received.events += _events(each, delivery.received_at)
        else:
            received.aside[reason] += 1
    return received


def _why_aside(told: Any, door: HubSpotDoor) -> Reason | None:
    if not isinstance(told, dict) or not _KIND.fullmatch(str(told.get("subscriptionType"))):
        return Reason.UNREADABLE_EVENT
    if door.portal_id and str(told.get("portalId")) != door.portal_id:
        return Reason.OTHER_ACCOUNT
    if not _object_of(told):
        return Reason.OTHER_OBJECT
    if not list(_ids(told)):
        return Reason.UNREADABLE_EVENT
    is_ours = told.get("changeSource") == "INTEGRATION" and str(told.get("sourceId")) == door.app_id
    return Reason.OWN_CHANGE if door.app_id and is_ours else None


def _events(told: Mapping[str, Any], received_at: datetime) -> Iterator[InboxEvent]:
    same = json.dumps([told.get(name) for name in _SAME_EVENT])  # in ASCII: a value may hold half a character
    for record_id in _ids(told):
        yield InboxEvent(
            fingerprint([SYSTEM, same, record_id]),
            SYSTEM,
            _object_of(told),
            record_id,
            str(told["subscriptionType"]),
            received_at,
            _moment(told.get("occurredAt")),
        )


def _object_of(told: Mapping[str, Any]) -> str:
    kind = told["subscriptionType"].partition(".")[0]
    return _OBJECTS.get(str(told.get("objectTypeId")) if kind == "object" else kind, "")


def _ids(told: Mapping[str, Any]) -> Iterator[str]:
    """Every record that the event is about: of a merge all of them, of an association the one it begins at."""
    merged = told.get("mergedObjectIds")
    named = [told.get(name) for name in ("objectId", "primaryObjectId", "newObjectId")]
    if told["subscriptionType"].endswith(".associationChange"):
        named.append(told.get("fromObjectId"))
    ids = (str(each) for each in [*named, *(merged if isinstance(merged, list) else [])])
    yield from dict.fromkeys(each for each in ids if _ID.fullmatch(each))


def _moment(stamp_ms: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(stamp_ms / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
