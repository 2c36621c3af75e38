"""Calls to Account Engagement: few at once, because a business unit takes five from all its clients together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from threading import BoundedSemaphore
from typing import Any, TypeVar

from crm_patterns.clients.transport import Call, Reply, Transport
from crm_patterns.core.errors import StopRun

Item = TypeVar("Item")
Result = TypeVar("Result")

BASE = "/api/v5/objects"


@dataclass(frozen=True, slots=True)
class PaceOptions:
    """Calls that one client has under way at once. A business unit takes five, its other clients' included."""

    at_once: int = 4


class AccountDay:
    """When the day ends by which calls are counted: that of the account's zone, or else of the stamps it sends."""

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone

    def note(self, stamp: str | None) -> None:
        """A stamp as it was sent, in the API user's zone."""
        if self._zone is None and stamp:
            self._zone = datetime.fromisoformat(stamp.replace("Z", "+00:00")).tzinfo

    def ends_after(self, now: datetime) -> datetime | None:
        """The next midnight, in UTC; None while no zone is known."""
        if self._zone is None:
            return None
        tomorrow = now.astimezone(self._zone).date() + timedelta(days=1)
        return datetime.combine(tomorrow, time(), self._zone).astimezone(UTC)


class PardotApi:
    """JSON in, JSON out."""

    def __init__(self, transport: Transport, unit: str, options: PaceOptions, day: AccountDay) -> None:
        self._transport = transport
        self._headers = {"Pardot-Business-Unit-Id": unit, "X-Return-Api-Usage": "1"}
        self._slots = BoundedSemaphore(options.at_once)
        self._at_once = options.at_once
        self.day = day

    def get(self, path: str, about: str, params: Mapping[str, str]) -> dict[str, Any]:
        return read_json(self.reply(path, about, params))

    def reply(self, path: str, about: str, params: Mapping[str, str]) -> Reply:
        """A GET with its headers."""
        return self._send(Call("GET", f"{BASE}/{path}", about, params=params, headers=self._headers))

    def change(
        self, method: str, path: str, about: str, body: Any = None, *, params: Mapping[str, str] | None = None
    ) -> Reply:
        """A call that changes something. `Unanswered` where it may have been carried out and the answer was lost."""
        call = Call(
            method, f"{BASE}/{path}", about, params=params or {}, json=body, headers=self._headers, repeatable=False
        )
        return self._send(call)

    def side_by_side(self, act: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """The results in order; the first error comes up once those under way have ended."""
        with ThreadPoolExecutor(self._at_once, thread_name_prefix="pardot") as pool:
            return list(pool.map(act, items))

    def _send(self, call: Call) -> Reply:
        with self._slots:
            return self._transport.send(call)


def read_json(reply: Reply) -> dict[str, Any]:
    """The answer as an object; empty where there is no body. StopRun where it is anything else."""
    if not reply.body:
        return {}
    try:
        answer = json.loads(reply.body)
    except ValueError as error:
        raise StopRun(f"{reply.host} answered, but not in JSON.") from error
    if not isinstance(answer, dict):
        raise StopRun(f"{reply.host} answered, but not like Account Engagement.")
    return answer
