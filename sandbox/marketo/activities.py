"""What happened to leads: activities in order of time, and the tokens that page through them."""

import base64
import json
import secrets
import uuid
from bisect import bisect_left, insort
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.clock import Clock
from sandbox.keeping import Keeper
from sandbox.marketo.errors import MarketoFault
from sandbox.marketo.schema import second

VISIT, FORM, CLICK_LINK, SENT, DELIVERED, BOUNCED, UNSUBSCRIBED, OPENED, CLICKED, NEW, CHANGED = (
    1,
    2,
    3,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
)
SCORED, SOFT_BOUNCED, MERGED, DELETED, PROGRESSED = 22, 27, 32, 37, 104

TYPES: dict[int, tuple[str, str, tuple[str, ...]]] = {
    VISIT: ("Visit Webpage", "Webpage ID", ("Webpage URL", "Referrer URL")),
    FORM: ("Fill Out Form", "Webform ID", ("Form Fields", "Client IP Address")),
    CLICK_LINK: ("Click Link", "Link ID", ("Webpage ID",)),
    SENT: ("Send Email", "Mailing ID", ("Campaign Run ID",)),
    DELIVERED: ("Email Delivered", "Mailing ID", ("Campaign Run ID",)),
    BOUNCED: ("Email Bounced", "Mailing ID", ("Details", "Category")),
    UNSUBSCRIBED: ("Unsubscribe Email", "Mailing ID", ("Campaign Run ID",)),
    OPENED: ("Open Email", "Mailing ID", ("Is Bot Activity", "User Agent")),
    CLICKED: ("Click Email", "Mailing ID", ("Link", "Is Bot Activity")),
    NEW: ("New Lead", "", ("Source Type", "Created Date")),
    CHANGED: ("Change Data Value", "Attribute Name", ("New Value", "Old Value", "Reason", "Source", "API Method Name")),
    SCORED: ("Change Score", "Score Name", ("Change Value", "New Value", "Old Value", "Reason")),
    SOFT_BOUNCED: ("Email Bounced Soft", "Mailing ID", ("Details", "Category")),
    MERGED: ("Merge Leads", "Lead ID", ("Master Updated", "Merge IDs", "Merged in Sales")),
    DELETED: ("Delete Lead", "Lead ID", ("Campaign", "Remove from CRM")),
    PROGRESSED: ("Change Status in Progression", "Program ID", ("New Status", "Old Status", "Success", "Reason")),
}


@dataclass(frozen=True, slots=True, order=True)
class Activity:
    """One thing that happened. `primary` is (id, text) of what it happened with."""

    at_ms: int
    number: int
    lead_id: int = field(compare=False)
    type_id: int = field(compare=False)
    primary: tuple[int | None, str] = field(compare=False, default=(None, ""))
    attributes: dict[str, Any] = field(compare=False, default_factory=dict)
    guid: str = field(compare=False, default_factory=lambda: str(uuid.UUID(int=secrets.randbits(128))))

    def told(self) -> dict[str, Any]:
        listed = [{"name": name, "value": value} for name, value in self.attributes.items()]
        body: dict[str, Any] = {
            "id": self.number, "marketoGUID": self.guid, "leadId": self.lead_id, "activityDate": second(self.at_ms),
            "activityTypeId": self.type_id, "attributes": listed,
        }  # fmt: skip
        if self.primary[1]:
            body |= {"primaryAttributeValueId": self.primary[0], "primaryAttributeValue": self.primary[1]}
        return body


KEPT_FOR_MS, LONG_KEPT_FOR_MS = 90 * 86_400_000, 760 * 86_400_000
SHORT_LIVED = frozenset({VISIT, CLICK_LINK, SENT, DELIVERED, CHANGED, SCORED})
"""Told for 90 days; all others for 25 months."""


class Activities:
    """All of them, oldest first. Each is seen `lag_s` after it happened, and not any more when it is pruned."""

    def __init__(self, keeper: Keeper, clock: Clock) -> None:
        self._keeper = keeper
        self._clock = clock
        self.listed: list[Activity] = []
        for _, body in keeper.all("activities"):
            self.listed.append(Activity(**{**body, "primary": tuple(body["primary"])}))
        self.listed.sort()
        self._number = max((each.number for each in self.listed), default=1000)

    def happened(
        self,
        type_id: int,
        lead_id: int,
        primary: tuple[int | None, str] = (None, ""),
        *,
        at_ms: int | None = None,
        **attributes: Any,
    ) -> Activity:
        """`attributes` by their names with underscores for spaces."""
        self._number += 1
        named = {name.replace("_", " "): value for name, value in attributes.items() if value is not None}
        stamp = self._clock.now_ms() if at_ms is None else at_ms
        activity = Activity(stamp, self._number, lead_id, type_id, primary, named)
        insort(self.listed, activity)
        self._keeper.put("activities", str(activity.number), asdict(activity))
        return activity

    def page(
        self, token: str, *, types: set[int], leads: set[int] | None, size: int, lag_s: float
    ) -> tuple[list[Activity], str, bool]:
        """Up to `size` activities looked at beyond the token, those that are meant, the next token, and whether more
        are there. Pages may be short or empty in the middle, as Marketo's are."""
        start = bisect_left(self.listed, _position(token))
        now = self._clock.now_ms()
        horizon = now - lag_s * 1000
        end = bisect_left(self.listed, Activity(int(horizon) + 1, 0, 0, 0))
        looked = self.listed[start : min(end, start + size)]
        found = [
            each
            for each in looked
            if each.type_id in types
            and (leads is None or each.lead_id in leads)
            and each.at_ms > now - (KEPT_FOR_MS if each.type_id in SHORT_LIVED else LONG_KEPT_FOR_MS)
        ]
        last = looked[-1] if looked else None
        onward = token_of(last.at_ms, last.number + 1) if last else token
        return found, onward, start + len(looked) < end


def token_of(at_ms: int, number: int = 0) -> str:
    """An opaque token: what happened from this position on."""
    return base64.b32encode(json.dumps([at_ms, number]).encode()).decode().rstrip("=") + "===="


def _position(token: str) -> Activity:
    text = token.rstrip("=")
    try:
        at_ms, number = json.loads(base64.b32decode(text + "=" * (-len(text) % 8)))
        return Activity(int(at_ms), int(number), 0, 0)
    except (ValueError, TypeError):
        raise MarketoFault("1003", "Invalid nextPageToken") from None
