"""Which lead a merged one went into. Only the winner's activities tell it, so the merges of a month are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Lock

from crm_patterns.clients.marketo.activities import MERGED, ActivityLog
from crm_patterns.clients.marketo.api import MarketoApi

KNOWN_FOR = timedelta(days=30)
"""A lead that was merged earlier is told as gone: the windows of its time have named the winner."""


class Merges:
    """Read on from where the last question ended. Safe from several threads."""

    def __init__(self, api: MarketoApi, now: Callable[[], datetime]) -> None:
        self._log = ActivityLog(api)
        self._now = now
        self._lock = Lock()
        self._since: datetime | None = None
        self._winners: dict[str, str] = {}

    def winners(self, ids: Sequence[str]) -> dict[str, str]:
        """The winner, at the end of a chain of merges, by each id that lost one."""
        with self._lock:
            self._read_on()
            return {each: self._end(each) for each in ids if each in self._winners}

    def _read_on(self) -> None:
        now = self._now()
        since = self._since or now - KNOWN_FOR
        for page in self._log.pages((MERGED,), since, now + timedelta(days=1)):
            for each in page:
                self._winners |= dict.fromkeys(each.merged_ids, each.lead_id)
        self._since = now - timedelta(minutes=10)  # activities are seen late

    def _end(self, lead_id: str) -> str:
        passed: set[str] = set()
        while lead_id in self._winners and lead_id not in passed:
            passed.add(lead_id)
            lead_id = self._winners[lead_id]
        return lead_id
