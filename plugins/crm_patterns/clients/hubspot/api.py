"""Calls to HubSpot at a pace that leaves others room: a share of the app's rate, and of the account's of search."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from crm_patterns.clients.hubspot import wire
from crm_patterns.clients.pacing import Bucket, spread
from crm_patterns.clients.transport import Call, Reply, Transport
from crm_patterns.core.errors import StopRun

LEAST_BURST = 100
"""Calls in ten seconds of the smallest edition; the real number comes with the first answer."""


@dataclass(frozen=True, slots=True)
class PaceOptions:
    """The share of the app's calls per ten seconds that one client uses, and its searches per second."""

    share: float = 0.8
    searches_per_s: float = 4.0


class Pace:
    """Waits before a call, so that the limits are not met. Safe from several threads."""

    def __init__(self, options: PaceOptions, *, sleep: Callable[[float], None]) -> None:
        self._options = options
        self._sleep = sleep
        self._lock = Lock()
        self._calls = Bucket(*spread(LEAST_BURST * options.share, 10))
        self._searches = Bucket(1, options.searches_per_s)

    def allow(self, burst: int) -> None:
        """HubSpot allows so many calls in ten seconds: half of our share may come at once, the rest spread out."""
        with self._lock:
            self._calls.most, self._calls.per_s = spread(burst * self._options.share, 10)

    def wait(self, *, search: bool) -> None:
        with self._lock:
            pause = (self._searches if search else self._calls).take()
        if pause > 0:
            self._sleep(pause)


class HubSpotApi:
    """JSON in, JSON out."""

    def __init__(self, transport: Transport, pace: Pace) -> None:
        self._transport = transport
        self._pace = pace

    def get(self, path: str, about: str, *, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        return self._answer(Call("GET", path, about, params=params or {}))

    def ask(self, path: str, about: str, body: Mapping[str, Any], *, params: Mapping[str, str] | None = None) -> dict[str, Any]:  # noqa: E501 # fmt: skip
        """A POST that changes nothing."""
        return self._answer(Call("POST", path, about, params=params or {}, json=body))

    def search(self, path: str, about: str, body: bytes) -> dict[str, Any]:
        """A search, at the pace of searches."""
        headers = {"Content-Type": "application/json"}
        return self._answer(Call("POST", path, about, content=body, headers=headers), search=True)

    def change(self, method: str, path: str, about: str, body: Any = None, *, params: Mapping[str, str] | None = None, again: bool = False) -> dict[str, Any]:  # noqa: E501 # fmt: skip
        """
        A call that changes something. `Unanswered` where it may have been carried out and the answer was lost.

        `again`: carried out twice it leaves the same, so it is sent again instead.
        """
        return self._answer(Call(method, path, about, params=params or {}, json=body, repeatable=again))

    def reply(self, path: str, about: str) -> Reply:
        """A GET with its headers."""
        return self._send(Call("GET", path, about))

    def _answer(self, call: Call, *, search: bool = False) -> dict[str, Any]:
        reply = self._send(call, search=search)
        if not reply.body:
            return {}
        try:
            answer = json.loads(reply.body)
        except ValueError as error:
            raise StopRun(f"{reply.host} answered {call.about}, but not in JSON.") from error
        if not isinstance(answer, dict):
            raise StopRun(f"{reply.host} answered {call.about}, but not like HubSpot.")
        return answer

    def _send(self, call: Call, *, search: bool = False) -> Reply:
        self._pace.wait(search=search)
        reply = self._transport.send(call)
        if (burst := wire.read_burst(reply.headers)) is not None:
            self._pace.allow(burst)
        return reply
