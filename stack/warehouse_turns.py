"""Whose turn it is to change rows in the local warehouse."""

import asyncio
import logging
import time
from collections.abc import MutableMapping
from typing import Any, Protocol

SILENT_S = 15.0

log = logging.getLogger("uvicorn.error")


class Session(Protocol):
    """The part of fakesnow's connection that matters here."""

    _in_transaction: bool

    def rollback(self) -> None:
        """Undo the open transaction."""


class Turns:
    """One session at a time changes rows, from its first such statement to the end of its transaction.

    Snowflake makes a second MERGE into a table wait until the first has been committed. DuckDB instead fails it, or,
    where both insert, lets both insert the same rows. A client that dies within its transaction would keep everyone
    waiting: when it has said nothing for `silent_s` seconds while others wait, it is rolled back and signed out, so
    that it learns of it should it still live.
    """

    def __init__(self, sessions: MutableMapping[str, Any], *, silent_s: float = SILENT_S) -> None:
        self.sessions = sessions
        self.silent_s = silent_s
        self.holder: str | None = None
        self.begun: set[str] = set()
        self.busy = False
        self.last_heard = 0.0
        self.changed = asyncio.Condition()

    async def take(self, token: str) -> None:
        """Wait for the turn. A session that has it keeps it."""
        async with self.changed:
            while self.holder not in (None, token):
                try:
                    await asyncio.wait_for(self.changed.wait(), timeout=min(1.0, self.silent_s))
                except TimeoutError:
                    self._sign_out_if_silent()
            self.holder = token
            self.busy = True

    def note(self, token: str, verb: str) -> None:
        """Remember transactions that were begun by a statement; fakesnow itself knows only of autocommit off."""
        if verb in ("begin", "start"):
            self.begun.add(token)
        elif verb in ("commit", "rollback"):
            self.begun.discard(token)

    async def statement_ended(self, token: str) -> None:
        """Give the turn on, unless the session still is in a transaction."""
        if self.holder != token:
            return
        async with self.changed:
            self.busy = False
            self.last_heard = time.monotonic()
            session: Session | None = self.sessions.get(token)
            if session is None or not (session._in_transaction or token in self.begun):
                self._free()

    def _sign_out_if_silent(self) -> None:
        if self.holder is None or self.busy or time.monotonic() - self.last_heard < self.silent_s:
            return
        session: Session | None = self.sessions.pop(self.holder, None)
        log.warning("a session left its transaction open for %.0f s while others waited; rolled back", self.silent_s)
        if session is not None:
            session.rollback()
        self._free()

    def _free(self) -> None:
        self.begun.discard(self.holder or "")
        self.holder = None
        self.changed.notify_all()
