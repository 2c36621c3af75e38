"""What has been called, and what the vendor says is left."""

from __future__ import annotations

from threading import Lock

from crm_patterns.core.ports import Usage


class CallMeter:
    """Counts calls and keeps the vendor's latest word on its rolling window. Safe from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._calls = 0
        self._used: int | None = None
        self._allowed: int | None = None

    def count_call(self) -> None:
        with self._lock:
            self._calls += 1

    def note(self, used_and_allowed: tuple[int, int] | None) -> None:
        """Keep what a reply said; replies that say nothing leave the earlier word standing."""
        if used_and_allowed is None:
            return
        with self._lock:
            self._used, self._allowed = used_and_allowed

    def usage(self) -> Usage:
        with self._lock:
            return Usage(self._calls, self._used, self._allowed)
