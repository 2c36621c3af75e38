"""What a business unit may call: so many at once, so many a day."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sandbox.clock import Clock
from sandbox.pardot.errors import PardotFault


@dataclass(slots=True)
class LimitSettings:
    """`status`: HTTP status of both refusals, 400 or 429. The day is that of the account's zone."""

    at_once: int = 5
    daily: int = 25_000
    time_zone: str = "America/New_York"
    status: int = 400


class Limits:
    """Counts by the unit's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.settings = LimitSettings()
        self.under_way = 0
        self.most_under_way = 0
        self.used_today = 0
        self._day = ""

    def begin(self) -> None:
        """A call begins; end it with `end`. Raises PardotFault, and counts nothing, where it is one too many."""
        self.turn_day()
        if self.used_today >= self.settings.daily:
            raise PardotFault(122, status=self.settings.status)
        if self.under_way >= self.settings.at_once:
            raise PardotFault(66, status=self.settings.status)
        self.used_today += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)

    def end(self) -> None:
        self.under_way -= 1

    def refresh(self) -> None:
        """As after a quiet day, with the standard allowances."""
        self.settings = LimitSettings()
        self.used_today = self.most_under_way = 0

    def turn_day(self) -> None:
        day = self._clock.now().astimezone(ZoneInfo(self.settings.time_zone)).date().isoformat()
        if day != self._day:
            self._day, self.used_today = day, 0
