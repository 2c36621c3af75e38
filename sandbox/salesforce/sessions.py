"""Sessions: who holds which token. A session lives as long as it is used; a test may end all of them at once."""

import secrets
import threading
import time
from dataclasses import dataclass

from sandbox.salesforce.errors import invalid_session

_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._"
_LENGTH = 96


@dataclass
class Session:
    token: str
    user_id: str
    opened_at: float
    used_at: float


class Sessions:
    """Open sessions of an org, in memory: a restart ends them."""

    def __init__(self, organization_id: str) -> None:
        self._organization_id = organization_id
        self._open: dict[str, Session] = {}
        self._lock = threading.Lock()

    def open(self, user_id: str) -> str:
        """A new token: organization id, `!`, and a text that means nothing."""
        secret = "".join(secrets.choice(_CHARACTERS) for _ in range(_LENGTH))
        token, now = f"{self._organization_id}!AQ{secret}", time.monotonic()
        with self._lock:
            self._open[token] = Session(token, user_id, now, now)
        return token

    def use(self, token: str, *, idle_s: float) -> Session:
        """The session of the token, which lives on for `idle_s` from now. Raises the 401 of a session that is gone."""
        now = time.monotonic()
        with self._lock:
            session = self._open.get(token)
            if session is None or now - session.used_at > idle_s:
                self._open.pop(token, None)
                raise invalid_session()
            session.used_at = now
            return session

    def find(self, token: str) -> Session | None:
        """The session, without using it."""
        with self._lock:
            return self._open.get(token)

    def close(self, token: str) -> bool:
        with self._lock:
            return self._open.pop(token, None) is not None

    def expire_all(self) -> int:
        """End every session; the number that were open."""
        with self._lock:
            ended = len(self._open)
            self._open.clear()
            return ended
