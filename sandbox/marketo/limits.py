"""Rates: 100 calls in 20 seconds, 10 at once, the day of calls and the day of extracts, both in US Central."""

from collections import Counter, deque
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from sandbox.clock import Clock
from sandbox.marketo.errors import FREE, QUOTA_MESSAGE, MarketoFault

CENTRAL = ZoneInfo("America/Chicago")


@dataclass(slots=True)
class LimitSettings:
    """The allowances of a standard subscription. `window_s` is that of `burst`."""

    burst: int = 100
    window_s: float = 20.0
    concurrent: int = 10
    daily: int = 50_000
    extract_bytes: int = 500_000_000
    jobs_running: int = 2
    jobs_queued: int = 10


class Limits:
    """Counts by the instance's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.settings = LimitSettings()
        self._lately: deque[int] = deque()
        self._day = ""
        self.in_flight = 0
        self.used_today = 0
        self.extracted_today = 0
        self.errors_today: Counter[str] = Counter()

    def today(self) -> date:
        return self._clock.now().astimezone(CENTRAL).date()

    def begin(self) -> None:
        """Count a call that begins. Raises 607, 615 or 606, and then it is not under way."""
        self._turn_day()
        now, known = self._clock.now_ms(), self.settings
        while self._lately and self._lately[0] <= now - known.window_s * 1000:
            self._lately.popleft()
        if self.used_today >= known.daily:
            raise MarketoFault("607", f"Daily quota '{known.daily}' reached")
        if self.in_flight >= known.concurrent:
            raise MarketoFault("615", f"Concurrent access limit reached '{known.concurrent}'")
        if len(self._lately) >= known.burst:
            raise MarketoFault("606", f"Max rate limit '{known.burst}' exceeded with in '{known.window_s:.0f}' secs")
        self._lately.append(now)
        self.used_today += 1
        self.in_flight += 1

    def end(self) -> None:
        self.in_flight -= 1

    def refused(self, code: str) -> None:
        """Some refusals cost nothing."""
        self.errors_today[code] += 1
        if code in FREE and self.used_today:
            self.used_today -= 1

    def extracted(self, size: int) -> None:
        """Charge a finished extract. Raises 1029 where it does not fit the day."""
        self._turn_day()
        if self.extracted_today + size > self.settings.extract_bytes:
            raise MarketoFault("1029", QUOTA_MESSAGE)
        self.extracted_today += size

    def check_extracts(self) -> None:
        """Raises 1029 where the day of extracts is spent."""
        self._turn_day()
        if self.extracted_today >= self.settings.extract_bytes:
            raise MarketoFault("1029", QUOTA_MESSAGE)

    def refresh(self) -> None:
        """As after a quiet day, with the standard allowances."""
        self.settings = LimitSettings()
        self._lately.clear()
        self.used_today = self.extracted_today = 0
        self.errors_today.clear()

    def _turn_day(self) -> None:
        if (day := self.today().isoformat()) != self._day:
            self._day, self.used_today, self.extracted_today = day, 0, 0
            self.errors_today.clear()
