"""Events sent to one URL: arrays of at most 100, signed (v3), sent again when they are not accepted."""

import asyncio
import base64
import hashlib
import hmac
import json
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx

from sandbox.clock import Clock
from sandbox.hubspot.credentials import Credentials

MOST_EVENTS = 100
ANSWER_LIMIT_S = 5.0
MOST_ATTEMPTS = 10
_DECODED = {"%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")",
            "%2A": "*", "%2C": ",", "%3B": ";"}  # fmt: skip
SILENT = frozenset({"lastmodifieddate", "hs_lastmodifieddate", "num_unique_conversion_events"})


@dataclass(slots=True)
class WebhookSettings:
    """
    Where events go. `signed_url` is the URL as it is configured at HubSpot, where the target is behind another name.

    `types` are subscription types (`contact.propertyChange`); empty: all. `properties` limits property changes.
    `automatic`: sent by themselves, after `delay_s`; else they wait for `POST /__sandbox__/webhooks/deliver`.
    """

    target_url: str = ""
    signed_url: str = ""
    types: list[str] = field(default_factory=list)
    properties: list[str] = field(default_factory=list)
    automatic: bool = True
    delay_s: float = 0.1
    retry_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Spoiling:
    """What may go wrong on the way of one delivery."""

    times: int = 1
    shuffle: bool = False
    age_ms: int = 0
    bad_signature: bool = False


def sign(secret: str, *, method: str, url: str, body: bytes, timestamp: str) -> str:
    """The v3 signature: base64 of HMAC-SHA256 over method, URL, body and timestamp."""
    for escaped, plain in _DECODED.items():
        url = url.replace(escaped, plain).replace(escaped.lower(), plain)
    source = method.encode() + url.encode() + body + timestamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), source, hashlib.sha256).digest()).decode()


class Webhooks:
    """Events that wait, events that were sent, and what the receiver answered."""

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self._random = random.Random(11)
        self._sender: asyncio.Task[None] | None = None
        self.settings = WebhookSettings()
        self.waiting: deque[dict[str, Any]] = deque()
        self.deliveries: deque[dict[str, Any]] = deque(maxlen=1000)

    def tell(self, kind: str, object_id: int, *, source: str, source_id: str, facts: Mapping[str, Any]) -> None:
        """An event happened; it waits where someone subscribed to it."""
        wanted, name = self.settings, facts.get("propertyName")
        if not wanted.target_url or (wanted.types and kind not in wanted.types) or name in SILENT:
            return
        if name and wanted.properties and name not in wanted.properties:
            return
        self.waiting.append({
            "eventId": self._random.randrange(1, 2**32),
            "subscriptionId": 300_000 + sum(kind.encode()) % 1000,
            "portalId": self._credentials.portal_id,
            "appId": self._credentials.app_id,
            "occurredAt": self._clock.now_ms(),
            "subscriptionType": kind,
            "attemptNumber": 0,
            "objectId": object_id,
            "changeSource": source,
            "sourceId": source_id,
            **facts,
        })  # fmt: skip
        if wanted.automatic and (self._sender is None or self._sender.done()):
            self._sender = asyncio.get_running_loop().create_task(self._send_by_itself())

    async def deliver(self, spoiling: Spoiling) -> list[dict[str, Any]]:
        """Send what waits, now; what became of each array. What was not accepted waits again."""
        events, self.waiting = list(self.waiting), deque()
        if spoiling.shuffle:
            self._random.shuffle(events)
        told = []
        for start in range(0, len(events), MOST_EVENTS):
            told += await self._send(events[start : start + MOST_EVENTS], spoiling)
        return told

    async def _send_by_itself(self) -> None:
        pause = self.settings.delay_s
        while self.waiting and self.settings.automatic:
            await asyncio.sleep(pause)
            told = await self.deliver(Spoiling())
            pause = self.settings.delay_s if all(each["accepted"] for each in told) else self.settings.retry_s

    async def _send(self, events: list[dict[str, Any]], spoiling: Spoiling) -> list[dict[str, Any]]:
        body = json.dumps(events, separators=(",", ":")).encode()
        told = []
        for _ in range(spoiling.times):
            status = await self._post(body, spoiling)
            accepted = status is not None and 200 <= status < 300
            delivery = {"events": len(events), "status": status, "accepted": accepted, "body": json.loads(body)}
            self.deliveries.append(delivery)
            told.append({name: delivery[name] for name in ("events", "status", "accepted")})
        if not told[-1]["accepted"]:
            again = [{**each, "attemptNumber": each["attemptNumber"] + 1} for each in events]
            self.waiting.extend(each for each in again if each["attemptNumber"] <= MOST_ATTEMPTS)
        return told

    async def _post(self, body: bytes, spoiling: Spoiling) -> int | None:
        target, secret = self.settings.target_url, self._credentials.client_secret
        timestamp = str(self._clock.now_ms() - spoiling.age_ms)
        url = self.settings.signed_url or target
        signature = sign(secret, method="POST", url=url, body=body, timestamp=timestamp)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "HubSpot Connect 2.0 (http://dev.hubspot.com/)",
            "X-HubSpot-Request-Timestamp": timestamp,
            "X-HubSpot-Signature-v3": signature[::-1] if spoiling.bad_signature else signature,
            "X-HubSpot-Signature-Version": "v1",
            "X-HubSpot-Signature": hashlib.sha256(secret.encode() + body).hexdigest(),
        }
        try:
            async with httpx.AsyncClient(timeout=ANSWER_LIMIT_S) as client:
                return (await client.post(target, content=body, headers=headers)).status_code
        except httpx.HTTPError:
            return None

    def listed(self) -> dict[str, Any]:
        """Settings, what waits, and what was sent."""
        return {"settings": asdict(self.settings), "waiting": list(self.waiting), "deliveries": list(self.deliveries)}
