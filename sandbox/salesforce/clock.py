"""The org's clock: this machine's, or what a test says."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(slots=True)
class Clock:
    """Runs `ahead` of this machine's clock, or stands at `stands_at` while that is set."""

    ahead: timedelta = timedelta()
    stands_at: datetime | None = None

    def now(self) -> datetime:
        """UTC, whole seconds."""
        return (self.stands_at or datetime.now(UTC) + self.ahead).astimezone(UTC).replace(microsecond=0)
