"""Tokens: fetched once, shared by the threads of a task, renewed when the server has forgotten them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import Lock

from crm_patterns.core.errors import FixSettings


@dataclass(frozen=True, slots=True)
class ServerClock:
    """A server's clock read once, and carried on by this machine's monotonic one: its wall clock may be wrong."""

    told: datetime
    heard_at_s: float

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> ServerClock | None:
        """From a `Date` header that was just received; None where it is missing or no date."""
        try:
            told = parsedate_to_datetime(headers["date"])
        except (KeyError, ValueError):
            return None
        return cls(told.astimezone(UTC), time.monotonic())

    def now(self) -> datetime:
        """UTC, whole seconds; never ahead of the server by more than a request takes."""
        return (self.told + timedelta(seconds=time.monotonic() - self.heard_at_s)).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Token:
    """
    What sign-in gave: the secret, and the base URL (scheme, host, port; no trailing slash) for all later calls.

    `clock` is the server's at that moment, where its answer told it. `fades_at_s`: from then on, by this machine's
    monotonic clock, it is not used any more; None where its life is not known.
    """

    secret: str = field(repr=False)
    base_url: str
    clock: ServerClock | None = None
    fades_at_s: float | None = None

    @property
    def has_faded(self) -> bool:
        return self.fades_at_s is not None and time.monotonic() >= self.fades_at_s


class SessionGone(FixSettings):
    """The server does not know the token (any more). Renewed once; a second time in a row it is a fault of settings."""


class TokenCache:
    """One token for all threads. `sign_in` is called by one thread at a time, and only when there is need."""

    def __init__(self, sign_in: Callable[[], Token]) -> None:
        self._sign_in = sign_in
        self._lock = Lock()
        self._token: Token | None = None

    def token(self) -> Token:
        with self._lock:
            if self._token is None or self._token.has_faded:
                self._token = self._sign_in()
            return self._token

    def renew(self, refused: Token) -> Token:
        """A token other than the refused one: a new one, or the one that another thread has fetched meanwhile."""
        with self._lock:
            if self._token is None or self._token is refused:
                self._token = None
                self._token = self._sign_in()
            return self._token
