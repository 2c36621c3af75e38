"""What the receiver needs of the rest: the two doors, and the operational state; read anew every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from crm_patterns.core.ports import InboxEvent, InboxStore
from crm_patterns.hooks.doors import hubspot_door, salesforce_door
from crm_patterns.hooks.state import StateHook

Value = TypeVar("Value")
KEPT_S = 10.0
"""For so long a connection that was changed may still be used as it was."""

STATE_PATIENCE_S = 3.0
"""HubSpot waits 5 s for an answer: a state that is busy for longer is told as 503, and the events come again."""


class Kept(Generic[Value]):
    """A value that is read when it is asked for, and then not for a while."""

    def __init__(self, read: Callable[[], Value], *, kept_s: float = KEPT_S) -> None:
        self._read, self._kept_s = read, kept_s
        self._until = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> Value:
        with self._lock:
            if time.monotonic() >= self._until:
                self._value = self._read()
                self._until = time.monotonic() + self._kept_s
            return self._value


class Places:
    """Blocking: for a worker thread. One database engine for the life of the process."""

    def __init__(self, *, kept_s: float = KEPT_S, patience_s: float = STATE_PATIENCE_S) -> None:
        self._patience_s = patience_s
        self.hubspot = Kept(hubspot_door, kept_s=kept_s)
        self.salesforce = Kept(salesforce_door, kept_s=kept_s)
        self._state = Kept(self._open, kept_s=float("inf"))

    def store(self, events: Sequence[InboxEvent]) -> int:
        """Durable when it returns; how many were new."""
        return self._state().store_events(events)

    def count(self, endpoint: str, counts: Mapping[str, int], at: datetime) -> None:
        self._state().count_refusals(endpoint, counts, at=at)

    def _open(self) -> InboxStore:
        return StateHook().state(patience_s=self._patience_s)
