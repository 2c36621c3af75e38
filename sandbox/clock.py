"""A stand-in's clock: this machine's, or what a test says. Stamps are milliseconds."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MS = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Clock:
    """Runs `ahead` of this machine's clock, or stands at `stands_at` while that is set."""

    ahead: timedelta = timedelta()
    stands_at: datetime | None = None

    def now(self) -> datetime:
        return (self.stands_at or datetime.now(UTC) + self.ahead).astimezone(UTC)

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return to_ms(self.now())


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return (moment - EPOCH) // MS


def iso(stamp_ms: int) -> str:
    """`2026-01-02T03:04:05.006Z`, in UTC with milliseconds."""
    return (EPOCH + stamp_ms * MS).strftime("%Y-%m-%dT%H:%M:%S.") + f"{stamp_ms % 1000:03d}Z"


def parse_ms(text: str) -> int:
    """A stamp sent by a client: milliseconds, or ISO 8601. Raises ValueError."""
    if text.lstrip("-").isdigit():
        return int(text)
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
