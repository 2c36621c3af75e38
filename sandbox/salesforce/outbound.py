"""
Outbound messages: SOAP with at most 100 notifications to one URL, sent again until the receiver acknowledges it.

As with the original, nothing is signed, order is not kept, deletes and merges are not told, and a notification that
is sent late or again carries what the record holds by then.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any
from xml.sax.saxutils import escape

import httpx
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from sandbox.salesforce.ids import to_18
from sandbox.salesforce.store import Org

MOST_NOTIFICATIONS = 100
ANSWER_LIMIT_S = 60.0
LONGEST_PAUSE_S = 7200.0
KEPT_S = 24 * 3600.0
_ACK = "{http://schemas.xmlsoap.org/soap/envelope/}Body/{http://soap.sforce.com/2005/09/outbound}notificationsResponse/"
_MESSAGE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
    "<soapenv:Body>\n"
    '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">\n'
    "<OrganizationId>{organization}</OrganizationId>\n<ActionId>{action}</ActionId>\n"
    '<SessionId xsi:nil="true"/>\n<EnterpriseUrl>{url}/services/Soap/c/62.0</EnterpriseUrl>\n'
    "<PartnerUrl>{url}/services/Soap/u/62.0</PartnerUrl>\n{notifications}"
    "</notifications>\n</soapenv:Body>\n</soapenv:Envelope>"
)


@dataclass(slots=True)
class OutboundSettings:
    """
    Where messages go, about which objects, with which fields. `leave_out`: users whose changes are not told.

    `automatic`: sent by themselves, `delay_s` after a change, and again after `retry_s`, twice as long, and so on up to
    two hours; else they wait for `POST /__sandbox__/outbound/deliver`.
    """

    target_url: str = ""
    objects: list[str] = field(default_factory=lambda: ["Lead", "Contact"])
    fields: list[str] = field(default_factory=lambda: ["Id"])
    leave_out: list[str] = field(default_factory=list)
    automatic: bool = True
    delay_s: float = 0.1
    retry_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Spoiling:
    """What may go wrong on the way of one delivery."""

    times: int = 1
    shuffle: bool = False
    at_once: int = MOST_NOTIFICATIONS
    organization: str = ""


@dataclass(frozen=True, slots=True)
class Notification:
    """One change. It is the same one however often it is sent."""

    id: str
    object_name: str
    record_id: str
    queued_at: float


class OutboundMessages:
    """Notifications that wait, messages that were sent, and what the receiver answered; all while the process lives."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._random = random.Random(12)
        self._lock = threading.Lock()
        self._sender: threading.Thread | None = None
        self.settings = OutboundSettings()
        self.waiting: deque[Notification] = deque()
        self.deliveries: deque[dict[str, Any]] = deque(maxlen=1000)

    def tell(self, object_name: str, record_ids: Sequence[str], *, user_id: str) -> None:
        """Records were created or changed, and that is committed; it is queued where someone asked for it."""
        wanted = self.settings
        if not wanted.target_url or object_name not in wanted.objects or user_id in wanted.leave_out:
            return
        ids = self._org.new_ids("OutboundMessage", len(record_ids))
        now = time.monotonic()
        self.waiting.extend(
            Notification(i, object_name, record_id, now) for i, record_id in zip(ids, record_ids, strict=True)
        )
        with self._lock:
            if wanted.automatic and self._sender is None:
                self._sender = threading.Thread(target=self._send_by_itself, daemon=True)
                self._sender.start()

    def deliver(self, spoiling: Spoiling) -> list[dict[str, Any]]:
        """Send what waits, now; what became of each message. What was not acknowledged waits again."""
        waiting = [self.waiting.popleft() for _ in range(len(self.waiting))]
        if spoiling.shuffle:
            self._random.shuffle(waiting)
        told: list[dict[str, Any]] = []
        for name in dict.fromkeys(each.object_name for each in waiting):
            of_object = [each for each in waiting if each.object_name == name]
            size = min(spoiling.at_once, MOST_NOTIFICATIONS)
            for start in range(0, len(of_object), size):
                told += self._send(of_object[start : start + size], spoiling)
        return told

    def listed(self) -> dict[str, Any]:
        """Settings, what waits, and what was sent."""
        waiting = [{"id": e.id, "object": e.object_name, "record_id": e.record_id} for e in list(self.waiting)]
        return {"settings": asdict(self.settings), "waiting": waiting, "deliveries": list(self.deliveries)}

    def forget(self) -> None:
        """Begin anew, without a target."""
        self.settings = OutboundSettings()
        self.waiting.clear()
        self.deliveries.clear()

    def _send_by_itself(self) -> None:
        pause = self.settings.delay_s
        while self._is_to_go_on():
            time.sleep(pause)
            if all(each["acknowledged"] for each in self.deliver(Spoiling())):
                pause = self.settings.delay_s
            else:
                pause = min(max(pause * 2, self.settings.retry_s), LONGEST_PAUSE_S)
            outdated = time.monotonic() - KEPT_S
            while self.waiting and self.waiting[0].queued_at < outdated:
                self.waiting.popleft()

    def _is_to_go_on(self) -> bool:
        """Asked under the lock: what is told a moment later starts another sender."""
        with self._lock:
            if self.waiting and self.settings.automatic:
                return True
            self._sender = None
            return False

    def _send(self, notifications: Sequence[Notification], spoiling: Spoiling) -> list[dict[str, Any]]:
        body = self._message(notifications, spoiling).encode()
        told = []
        for _ in range(spoiling.times):
            status, acknowledged = _post(self.settings.target_url, body)
            told.append({"notifications": len(notifications), "status": status, "acknowledged": acknowledged})
            self.deliveries.append({**told[-1], "body": body.decode()})
        if not told[-1]["acknowledged"]:
            self.waiting.extend(notifications)
        return told

    def _message(self, notifications: Sequence[Notification], spoiling: Spoiling) -> str:
        name = notifications[0].object_name
        rows = self._rows(name, [each.record_id for each in notifications])
        told = "".join(
            f"<Notification>\n<Id>{each.id}</Id>\n"
            f'<sObject xsi:type="sf:{name}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">\n'
            f"{rows.get(each.record_id, f'<sf:Id>{each.record_id}</sf:Id>')}\n</sObject>\n</Notification>\n"
            for each in notifications
        )
        return _MESSAGE.format(
            organization=to_18(spoiling.organization or self._org.id),
            action=to_18("04k000000000001"),
            url=self._org.public_url or "https://sandbox.example.com",
            notifications=told,
        )

    def _rows(self, object_name: str, record_ids: Sequence[str]) -> dict[str, str]:
        """The fields of each record as they are now; empty ones are left out."""
        found = [self._org.field(object_name, each) for each in dict.fromkeys(["Id", *self.settings.fields])]
        fields = [each for each in found if each is not None]
        columns = ", ".join(self._org.select_sql(each, "kept") for each in fields)
        sql = f'select {columns} from {self._org.table(object_name)} as kept where kept."Id" in (select unnest(?))'
        with self._org.cursor() as cursor:
            rows = cursor.execute(sql, [list(record_ids)]).fetchall()
        return {
            row[0]: "".join(
                f"<sf:{spec.name}>{escape(_text(value))}</sf:{spec.name}>"
                for spec, value in zip(fields, row, strict=True)
                if value is not None
            )
            for row in rows
        }


def _post(url: str, body: bytes) -> tuple[int | None, bool]:
    """Status, and whether the answer is an acknowledgement."""
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
    try:
        answer = httpx.post(url, content=body, headers=headers, timeout=ANSWER_LIMIT_S)
    except httpx.HTTPError:
        return None, False
    try:
        ack = ElementTree.fromstring(answer.content).findtext(f"{_ACK}{{http://soap.sforce.com/2005/09/outbound}}Ack")
    except (ElementTree.ParseError, DefusedXmlException):
        ack = None
    return answer.status_code, answer.status_code == 200 and ack == "true"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"{value.replace(tzinfo=None, microsecond=0).isoformat()}.000Z"
    return value.isoformat() if isinstance(value, date) else str(value)
