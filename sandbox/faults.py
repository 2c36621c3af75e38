"""Faults on demand: what a network and a vendor do to a client on a bad day, said in data.

A fault of the wire names the requests it hits (method, a regular expression on `path?query`, how many to let pass
first, how many to hit) and what happens to them. The first fault that matches wins. A stand-in adds its own sorts.
Which status a vendor answers with, in which shape, is the vendor's own business: its stand-in turns its presets into
`status` faults.
"""

import re
import threading
from collections.abc import Callable
from itertools import count
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

AnyFault = TypeVar("AnyFault", bound="Fault")
Kind = Literal["status", "delay", "drip", "drop", "lost_reply", "reset", "truncate"]


class Fault(BaseModel):
    """What all faults share: how many matching events to let pass, how many to hit (null: all of them), and a name."""

    model_config = ConfigDict(extra="forbid")

    skip: int = Field(default=0, ge=0)
    count: int | None = Field(default=1, ge=1)
    label: str = ""


class HttpFault(Fault):
    """One fault of the wire.

    - `status`: answer `status` with `body` and `headers`; the stand-in never sees the request.
    - `delay`: wait `seconds`, then serve as usual.
    - `drip`: serve as usual, at no more than `bytes_per_second`.
    - `drop`: close the connection without an answer; the request is not carried out.
    - `lost_reply`: carry the request out, then close the connection without an answer.
    - `reset`: send `after_bytes` of the body, then reset the connection (RST).
    - `truncate`: send `after_bytes` of the body under the full Content-Length, then close in good order (FIN).
    """

    kind: Kind
    method: str = ""
    path: str = ""
    status: int = Field(default=503, ge=200, le=599)
    body: str = ""
    headers: dict[str, str] = {}
    seconds: float = Field(default=1.0, ge=0)
    after_bytes: int = Field(default=1000, ge=0)
    bytes_per_second: int = Field(default=10_000, ge=1)

    @field_validator("path")
    @classmethod
    def _is_an_expression(cls, path: str) -> str:
        try:
            re.compile(path)
        except re.error as error:
            raise ValueError(f"path is not a regular expression: {error}") from error
        return path

    def hits(self, method: str, target: str) -> bool:
        """Whether a request with this method and `path?query` is meant, `skip` and `count` left aside."""
        return self.method.upper() in ("", method) and re.search(self.path, target) is not None


class FaultBoard:
    """The faults in force, each with what is left of its `skip` and `count`. Safe to use from several threads."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._numbers = count(1)
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> int:
        """Put a fault in force; the number is what `remove` takes."""
        with self._lock:
            number = next(self._numbers)
            self._faults[number] = fault.model_copy()
            return number

    def remove(self, number: int) -> bool:
        """Take one fault back; False when it is not (or no longer) in force."""
        with self._lock:
            return self._faults.pop(number, None) is not None

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def listed(self) -> list[dict[str, Any]]:
        """The faults in force, each with its number and what is left of its counts."""
        with self._lock:
            return [{"id": number, **fault.model_dump()} for number, fault in self._faults.items()]

    def holds(self, sort: type[Fault]) -> bool:
        """Whether any fault of this sort is in force: a cheap question before a costly one."""
        return any(isinstance(fault, sort) for fault in list(self._faults.values()))

    def take(self, sort: type[AnyFault], hits: Callable[[AnyFault], bool]) -> AnyFault | None:
        """The first fault of this sort that hits, if any, with its counts moved on."""
        if not self._faults:
            return None
        with self._lock:
            for number, fault in self._faults.items():
                if not isinstance(fault, sort) or not hits(fault):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                self._use_up(number, fault)
                return fault
        return None

    def _use_up(self, number: int, fault: Fault) -> None:
        if fault.count is None:
            return
        fault.count -= 1
        if fault.count == 0:
            del self._faults[number]
