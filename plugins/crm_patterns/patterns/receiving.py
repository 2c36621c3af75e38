"""What arrives at a door of ours: taken as events, or refused for one of a few reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from crm_patterns.core.ports import InboxEvent

MOST_BYTES = 8 * 1024 * 1024
"""Of one request. A hundred events with the longest values that both vendors keep stay below it."""

MOST_EVENTS = 100
"""Of one request, at both vendors."""


class Reason(StrEnum):
    """Why a request was refused or, from `UNREADABLE_EVENT` on, why an event of an accepted one was left aside."""

    NOT_CONFIGURED = "not_configured"
    NO_SIGNATURE = "no_signature"
    BAD_TIMESTAMP = "bad_timestamp"
    OLD_TIMESTAMP = "old_timestamp"
    BAD_SIGNATURE = "bad_signature"
    WRONG_SECRET = "wrong_secret"  # noqa: S105 - a name, not a secret
    WRONG_ORGANIZATION = "wrong_organization"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    CUT_OFF = "cut_off"
    MALFORMED = "malformed"
    FORBIDDEN_XML = "forbidden_xml"
    WRONG_METHOD = "wrong_method"
    STATE_UNAVAILABLE = "state_unavailable"
    FAILED = "failed"
    UNREADABLE_EVENT = "unreadable_event"
    OTHER_OBJECT = "other_object"
    OTHER_ACCOUNT = "other_account"
    OWN_CHANGE = "own_change"


_STATUS = {
    Reason.NOT_CONFIGURED: 503,
    Reason.NO_SIGNATURE: 401,
    Reason.BAD_TIMESTAMP: 401,
    Reason.OLD_TIMESTAMP: 401,
    Reason.BAD_SIGNATURE: 401,
    Reason.WRONG_SECRET: 401,
    Reason.WRONG_ORGANIZATION: 403,
    Reason.TOO_LARGE: 413,
    Reason.TOO_SLOW: 408,
    Reason.CUT_OFF: 400,
    Reason.MALFORMED: 400,
    Reason.FORBIDDEN_XML: 400,
    Reason.WRONG_METHOD: 405,
    Reason.STATE_UNAVAILABLE: 503,
    Reason.FAILED: 500,
}


class Refused(Exception):
    """A request that is not taken. `sentence` may be shown to the sender: nothing secret is in it."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence

    @property
    def status(self) -> int:
        return _STATUS[self.reason]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request as it came. `url` is whole and still escaped; names of `headers` are in lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(slots=True)
class Received:
    """The events of an accepted request, and how many others of it were left aside, by reason."""

    events: list[InboxEvent] = field(default_factory=list)
    aside: Counter[Reason] = field(default_factory=Counter)
