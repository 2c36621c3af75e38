"""A bucket of calls: so many at once, and then so many a second."""

from __future__ import annotations

import time


class Bucket:
    """Not safe from several threads by itself."""

    def __init__(self, most: float, per_s: float) -> None:
        self.most, self.per_s = most, per_s
        self._level, self._at_s = most, time.monotonic()

    def take(self) -> float:
        """Take one; how many seconds to wait for it."""
        now = time.monotonic()
        self._level = min(self.most, self._level + (now - self._at_s) * self.per_s) - 1
        self._at_s = now
        return max(0.0, -self._level / self.per_s)


def spread(calls: float, seconds: float) -> tuple[float, float]:
    """(at once, per second) that together come to no more than `calls` in any stretch of `seconds`."""
    return max(1.0, calls / 2), max(0.1, calls / (2 * seconds))
