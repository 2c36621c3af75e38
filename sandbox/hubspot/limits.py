"""Rates: what an app may call in ten seconds, what search takes in one, what the account has left today."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.clock import Clock, iso, to_ms
from sandbox.hubspot.errors import RateLimited

TEN_SECONDS_MS = 10_000


@dataclass(slots=True)
class LimitSettings:
    """The allowances of a Professional account. `oauth_burst` is that of a public app, which has no daily limit."""

    burst: int = 190
    oauth_burst: int = 110
    daily: int = 650_000
    search_per_second: int = 5
    time_zone: str = "America/New_York"


class Limits:
    """Counts calls by the account's clock. The day ends at midnight of the account's time zone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.settings = LimitSettings()
        self._bursts: dict[bool, deque[int]] = {True: deque(), False: deque()}
        self._searches: deque[int] = deque()
        self._day = ""
        self.used_today = 0

    def call(self, *, is_oauth: bool, is_search: bool) -> None:
        """Count a call. Raises RateLimited, and counts nothing, where it is one too many."""
        now, burst = self._clock.now_ms(), self._bursts[is_oauth]
        self._turn_day()
        if not is_oauth and self.used_today >= self.settings.daily:
            raise RateLimited("DAILY")
        if is_search:
            _let_go(self._searches, now - 1000)
            if len(self._searches) >= self.settings.search_per_second:
                raise RateLimited("SECONDLY")
            self._searches.append(now)
        else:
            _let_go(burst, now - TEN_SECONDS_MS)
            if len(burst) >= self._maximum(is_oauth):
                raise RateLimited("TEN_SECONDLY_ROLLING")
            burst.append(now)
        self.used_today += not is_oauth

    def headers(self, *, is_oauth: bool) -> dict[str, str]:
        """What every answer but that of a search says."""
        burst = self._bursts[is_oauth]
        _let_go(burst, self._clock.now_ms() - TEN_SECONDS_MS)
        told = {
            "X-HubSpot-RateLimit-Max": str(self._maximum(is_oauth)),
            "X-HubSpot-RateLimit-Remaining": str(max(0, self._maximum(is_oauth) - len(burst))),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(TEN_SECONDS_MS),
        }
        if not is_oauth:
            self._turn_day()
            told["X-HubSpot-RateLimit-Daily"] = str(self.settings.daily)
            told["X-HubSpot-RateLimit-Daily-Remaining"] = str(max(0, self.settings.daily - self.used_today))
        return told

    def resets_at(self) -> str:
        """When the day ends."""
        zone = ZoneInfo(self.settings.time_zone)
        tomorrow = self._clock.now().astimezone(zone).date() + timedelta(days=1)
        return iso(to_ms(datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)))

    def refresh(self) -> None:
        """As after a quiet day, with the standard allowances."""
        self.settings = LimitSettings()
        self.used_today = 0
        self._searches.clear()
        for burst in self._bursts.values():
            burst.clear()

    def _maximum(self, is_oauth: bool) -> int:
        return self.settings.oauth_burst if is_oauth else self.settings.burst

    def _turn_day(self) -> None:
        day = self._clock.now().astimezone(ZoneInfo(self.settings.time_zone)).date().isoformat()
        if day != self._day:
            self._day, self.used_today = day, 0


def _let_go(times: deque[int], horizon: int) -> None:
    while times and times[0] <= horizon:
        times.popleft()
