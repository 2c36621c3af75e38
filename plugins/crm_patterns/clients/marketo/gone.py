"""
What became of leads that are not there any more: merged, and into which, or deleted.

Only activities tell it, and a merge is one of the winner's: those of a month are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Lock

from crm_patterns.clients.marketo.activities import DELETED, MERGED, ActivityLog
from crm_patterns.clients.marketo.api import MarketoApi

KNOWN_FOR = timedelta(days=30)
"""What went earlier is not told any more: the windows of its time have told it."""
SEEN_LATE = timedelta(minutes=10)


class GoneLeads:
    """Read on from where the last question ended. Safe from several threads."""

    def __init__(self, api: MarketoApi, now: Callable[[], datetime]) -> None:
        self._log = ActivityLog(api)
        self._now = now
        self._lock = Lock()
        self._since: datetime | None = None
        self._winners: dict[str, str] = {}
        self._deleted: dict[str, datetime] = {}

    def fates(self, ids: Sequence[str]) -> tuple[Mapping[str, str], Mapping[str, datetime]]:
        """(the winner at the end of a chain of merges by loser, when it was deleted by id) of those that are known."""
        with self._lock:
            self._read_on()
            merged = {each: self._end(each) for each in ids if each in self._winners}
            return merged, {each: self._deleted[each] for each in ids if each in self._deleted}

    def _read_on(self) -> None:
        now = self._now()
        for page in self._log.pages((MERGED, DELETED), self._since or now - KNOWN_FOR, now + timedelta(days=1)):
            for each in page:
                if each.type_id == DELETED:
                    self._deleted[each.lead_id] = each.at
                self._winners |= dict.fromkeys(each.merged_ids, each.lead_id)
        self._since = now - SEEN_LATE

    def _end(self, lead_id: str) -> str:
        passed: set[str] = set()
        while lead_id in self._winners and lead_id not in passed:
            passed.add(lead_id)
            lead_id = self._winners[lead_id]
        return lead_id
