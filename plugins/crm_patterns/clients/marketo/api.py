"""Calls to Marketo at a pace that leaves the instance's other integrations room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock, Semaphore
from typing import Any
from urllib.parse import urlencode

from crm_patterns.clients.marketo.errors import Shaky
from crm_patterns.clients.marketo.wire import read_body
from crm_patterns.clients.pacing import Bucket, spread
from crm_patterns.clients.transport import Call, Download, Reply, Transport
from crm_patterns.core.errors import RetryLater, StopRun

BURST, BURST_S, AT_ONCE = 100, 20.0, 10
"""What Marketo allows the whole instance: calls in 20 seconds, and calls at once."""

LONGEST_QUERY = 7_000
"""Characters of parameters in a URL; Marketo takes 8 KB, and longer ones as a form."""

FEW_TRIES_S = (2.0, 8.0)
"""Pauses before the second and the third try of what Marketo failed at for no reason that it tells."""


@dataclass(frozen=True, slots=True)
class PaceOptions:
    """The share of the instance's allowances that one client uses."""

    share: float = 0.5


class Pace:
    """Waits before a call, so that the limits are not met. Safe from several threads."""

    def __init__(self, options: PaceOptions, *, sleep: Callable[[float], None]) -> None:
        self.sleep = sleep
        self._lock = Lock()
        self._calls = Bucket(*spread(BURST * options.share, BURST_S))
        self.room = Semaphore(max(1, int(AT_ONCE * min(1.0, options.share))))

    def wait(self) -> None:
        with self._lock:
            pause = self._calls.take()
        if pause > 0:
            self.sleep(pause)


class MarketoApi:
    """JSON in, JSON out."""

    def __init__(self, transport: Transport, pace: Pace) -> None:
        self._transport = transport
        self._pace = pace

    def get(self, path: str, about: str, params: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """A read, as a form where its address would be too long."""
        given = params or {}
        if len(urlencode(given)) <= LONGEST_QUERY:
            return self._answer(Call("GET", path, about, params=given))
        return self._answer(Call("POST", path, about, params={"_method": "GET"}, form=given))

    def ask_form(self, path: str, about: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        """A read as a form: a value may then hold commas."""
        return self._answer(Call("POST", path, about, params={"_method": "GET"}, form=form))

    def change(self, path: str, about: str, body: Any = None, *, again: bool = False) -> Mapping[str, Any]:
        """
        A call that changes something. `Unanswered` where it may have been carried out and the answer was lost.

        `again`: carried out twice it leaves the same, so it is sent again instead.
        """
        return self._answer(Call("POST", path, about, json=body, repeatable=again))

    def download(self, path: str, about: str) -> Download:
        """A file. Marketo refuses one with HTTP 200 too, in JSON: that is asked for again."""

        def begins(headers: Mapping[str, str]) -> None:
            if "json" in headers.get("content-type", ""):
                raise RetryLater(f"Marketo did not give {about}.", retry_after_s=BURST_S)

        self._pace.wait()
        with self._pace.room:
            return self._transport.download(Call("GET", path, about), on_headers=begins)

    def _answer(self, call: Call) -> Mapping[str, Any]:
        reply = self._send(call)
        answer = read_body(reply.body)
        if answer is None:
            raise StopRun(f"{reply.host} answered {call.about}, but not like Marketo.")
        return answer

    def _send(self, call: Call) -> Reply:
        for pause_s in (*FEW_TRIES_S, None):
            self._pace.wait()
            try:
                with self._pace.room:
                    return self._transport.send(call)
            except Shaky:
                if pause_s is None or not call.repeatable:
                    raise
                self._pace.sleep(pause_s)
        raise StopRun(f"{call.about} was never asked for.")
