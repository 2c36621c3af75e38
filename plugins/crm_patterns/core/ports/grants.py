"""What a source still grants today, by its own numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """What is left of how much in the source's rolling window; None where it does not tell."""

    left: int | None = None
    allowed: int | None = None

    def is_down_to(self, share: float) -> bool:
        """Nothing left, or no more than `share` (0..1) of what is allowed; never where the source does not tell."""
        if self.left is None:
            return False
        return self.left <= (self.allowed or 0) * share

    def __str__(self) -> str:
        if self.left is None:
            return "not told"
        return f"{self.left:,} of {self.allowed:,} left" if self.allowed is not None else f"{self.left:,} left"


@dataclass(frozen=True, slots=True)
class Allowance:
    """Calls, bulk query jobs and megabytes of their results, as the source gave them at `read_at` (our clock, UTC)."""

    calls: Grant
    jobs: Grant
    job_mb: Grant
    read_at: datetime
