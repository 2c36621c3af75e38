"""Allowances of the org: what `/limits` shows, what the limit header says, and what is refused when one is used up."""

import threading
import time
from collections import defaultdict, deque

from sandbox.salesforce.errors import SalesforceFault

DAY_S = 24 * 3600
_BUCKET_S = 600

MAXIMA = {
    "ConcurrentAsyncGetReportInstances": 200,
    "DailyApiRequests": 100_000,
    "DailyAsyncApexExecutions": 250_000,
    "DailyBulkApiBatches": 15_000,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    "DailyBulkV2QueryJobs": 10_000,
    "DailyDeliveredPlatformEvents": 50_000,
    "DailyStreamingApiEvents": 1_000_000,
    "DataStorageMB": 10_240,
    "FileStorageMB": 10_240,
    "HourlyPublishedPlatformEvents": 250_000,
}
"""Enterprise Edition's base numbers where the edition decides ("Developer Limits and Allocations")."""


class Limits:
    """Counters over a rolling 24 hours (in steps of ten minutes), with maxima that a test may set."""

    def __init__(self) -> None:
        self._maxima = dict(MAXIMA)
        self._spent: dict[str, deque[tuple[float, float]]] = defaultdict(deque)
        self._lock = threading.Lock()

    def spend(self, name: str, amount: float = 1) -> None:
        """Count, without asking whether it is allowed."""
        bucket = time.monotonic() // _BUCKET_S * _BUCKET_S
        with self._lock:
            spent = self._spent[name]
            if spent and spent[-1][0] == bucket:
                spent[-1] = (bucket, spent[-1][1] + amount)
            else:
                spent.append((bucket, amount))

    def used(self, name: str) -> int:
        """What the last 24 hours used."""
        horizon = time.monotonic() - DAY_S
        with self._lock:
            spent = self._spent[name]
            while spent and spent[0][0] < horizon:
                spent.popleft()
            return int(sum(amount for _, amount in spent))

    def maximum(self, name: str) -> int:
        return self._maxima[name]

    def remaining(self, name: str) -> int:
        return max(0, self._maxima[name] - self.used(name))

    def set_maximum(self, name: str, maximum: int) -> None:
        """Raises KeyError for a limit that Salesforce does not have."""
        if name not in MAXIMA:
            raise KeyError(name)
        self._maxima[name] = maximum

    def set_remaining(self, name: str, remaining: int) -> None:
        """Use up (or give back) so much that `remaining` is left. Raises KeyError as `set_maximum`."""
        if name not in MAXIMA:
            raise KeyError(name)
        self.spend(name, self._maxima[name] - remaining - self.used(name))

    def reset(self) -> None:
        """As after 24 quiet hours, with the standard maxima."""
        with self._lock:
            self._spent.clear()
            self._maxima = dict(MAXIMA)

    def call(self) -> None:
        """One API request. Raises the 403 of an org whose day is spent; that call is not counted."""
        if self.remaining("DailyApiRequests") <= 0:
            raise SalesforceFault(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self.spend("DailyApiRequests")

    def header(self) -> str:
        """Value of `Sforce-Limit-Info`."""
        return f"api-usage={self.used('DailyApiRequests')}/{self._maxima['DailyApiRequests']}"

    def listed(self) -> dict[str, dict[str, int]]:
        """The body of `/limits`."""
        return {name: {"Max": self._maxima[name], "Remaining": self.remaining(name)} for name in self._maxima}
